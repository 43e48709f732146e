/* SPDX-License-Identifier: Apache-2.0 */
/* Loading policies: what was saved comes back, and nothing damaged, foreign or inconsistent is loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/base/file.h"
#include "lib/policy/files/policy_format.h"
#include "lutra/score.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "lutra/object_token.h"

static void write_file(const char *dir, const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = scratch_path(dir, name);

	unlink(path);
	assert_int_equal(file_create(AT_FDCWD, path, 0644, data, len), 0);
}

static int try_load(const char *dir, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	err->msg[0] = '\0';
	return policy_load(&p, dir, err);
}

static void assert_refused(const char *dir, int want)
{
	struct err err;

	assert_int_equal(try_load(dir, &err), want);
	assert_int_not_equal(err.msg[0], '\0');
	assert_null(strchr(err.msg, '\n'));
}

static void policy_load_gives_what_was_saved(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(policy_freep) struct policy *q = NULL;
	struct policy *p = f->p;
	struct err err = {};

	if (policy_load(&q, f->policy, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(q->image, p->image);
	assert_null(q->digest);
	assert_string_equal(q->arch, p->arch);
	assert_string_equal(q->tables_sha256, p->tables_sha256);
	assert_int_equal(q->mode, p->mode);
	assert_int_equal(q->ops, p->ops);
	assert_int_equal(q->threshold, p->threshold);
	assert_int_equal(q->level_shift, p->level_shift);
	assert_int_equal(q->level_counts, p->level_counts);
	assert_int_equal(q->novelty_threshold, p->novelty_threshold);
	assert_int_equal(q->novelty_shift, p->novelty_shift);
	assert_int_equal(q->novelty_counts, p->novelty_counts);
	assert_true(q->calibration.max_novelty == p->calibration.max_novelty);
	assert_int_equal(q->n_keys, p->n_keys);
	assert_memory_equal(q->keys, p->keys, p->n_keys * sizeof(*p->keys));
	assert_int_equal(q->seed, p->seed);
	assert_int_equal(q->port_exact, p->port_exact);
	assert_int_equal(q->v, p->v);
	assert_int_equal(q->p1, p->p1);
	assert_int_equal(q->p2, p->p2);
	assert_memory_equal(q->action, p->action, sizeof(p->action));
	assert_memory_equal(q->hookable, p->hookable, sizeof(p->hookable));
	assert_memory_equal(q->steady, p->steady, sizeof(p->steady));
	assert_int_equal(q->first_process, p->first_process);
	assert_memory_equal(q->token, p->token, sizeof(p->token));
	assert_memory_equal(q->t0, p->t0, 2 * p->v * p->v);
	assert_memory_equal(q->t1, p->t1, 2 * LUTRA_K * LUTRA_K);
	assert_memory_equal(q->t2, p->t2, 2 * LUTRA_K * LUTRA_K);
	assert_int_equal(q->n_nodes, p->n_nodes);
	assert_memory_equal(q->nodes, p->nodes, p->n_nodes * sizeof(*p->nodes));
	assert_int_equal(q->n_objects, p->n_objects);
	assert_memory_equal(q->objects, p->objects, 8 * p->n_objects);
	assert_int_equal(q->n_runs, 1);
	assert_string_equal(q->runs[0].file, "run1.ltr");
	assert_int_equal(q->calibration.alarms[LUTRA_RULE_NEW_SYSCALL], 3);
	assert_string_equal(q->calibration.advice, "record four more runs");
	assert_int_equal(q->calibration.unseen.runs, 5);
	assert_int_equal(q->calibration.unseen.kind[POLICY_UNSEEN_NAMES].things, 3);
}

static void policy_load_of_nothing_is_enoent(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "none");

	assert_refused(path, -ENOENT);
	assert_refused(f->dir, -ENOENT);
}

static void policy_load_without_tables_is_ebadmsg(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_TABLES_FILE);

	unlink(path);
	assert_refused(f->policy, -EBADMSG);
}

static void policy_load_truncated_is_refused_at_every_length(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *json = NULL, *tables = NULL;
	size_t json_len, tables_len;

	json = scratch_read(f->policy, POLICY_JSON_FILE, &json_len);
	tables = scratch_read(f->policy, POLICY_TABLES_FILE, &tables_len);
	for (size_t n = 0; n < tables_len; n += 1 + tables_len / 97) {
		write_file(f->policy, POLICY_TABLES_FILE, tables, n);
		assert_refused(f->policy, -EBADMSG);
	}
	write_file(f->policy, POLICY_TABLES_FILE, tables, tables_len);
	for (size_t n = 0; n < json_len - 1; n += 1 + json_len / 97) {
		write_file(f->policy, POLICY_JSON_FILE, json, n);
		assert_refused(f->policy, -EBADMSG);
	}
}

static void policy_load_with_flipped_table_bits_is_refused(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *tables = NULL;
	uint64_t rng = 1;
	size_t len;

	tables = scratch_read(f->policy, POLICY_TABLES_FILE, &len);
	for (int i = 0; i < 200; i++) {
		size_t at = sample_random(&rng) % (8 * len);

		tables[at / 8] ^= (char)(1 << at % 8);
		write_file(f->policy, POLICY_TABLES_FILE, tables, len);
		assert_refused(f->policy, -EBADMSG);
		tables[at / 8] ^= (char)(1 << at % 8);
	}
}

static void policy_load_oversized_is_refused(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *json = scratch_path(f->policy, POLICY_JSON_FILE);

	assert_int_equal(truncate(json, POLICY_JSON_MAX + 1), 0);
	assert_refused(f->policy, -EBADMSG);
}

/* Replace text in policy.json, which it must hold. */
static void edit_json(const char *dir, const char *from, const char *to)
{
	_cleanup_free_ char *json = NULL, *out = NULL;
	size_t len;
	char *at;

	json = scratch_read(dir, POLICY_JSON_FILE, &len);
	at = strstr(json, from);
	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from)) > 0);
	write_file(dir, POLICY_JSON_FILE, out, strlen(out));
}

static void policy_load_refuses_bad_json(void **state)
{
	static const struct {
		const char *from, *to;
		int want;
	} cases[] = {
		{"\"image\"", "\"imgae\"", -EBADMSG},
		{"\"digest\": null", "\"digest\": 5", -EBADMSG},
		{"\"format\": 4", "\"format\": 5", -ENOEXEC},
		{"\"format\": 4", "\"format\": \"x\"", -EBADMSG},
		{"\"mode\": \"deny\"", "\"mode\": \"obey\"", -EBADMSG},
		{"\"steady_on\": \"accept\"", "\"steady_on\": \"wait\"", -EBADMSG},
		{"\"kill_signals\": 2", "\"kill_signals\": 3", -EBADMSG},
		{"\"kill_signals\"", "\"exec_sessions\": \"deny\", \"kill_signals\"", -EBADMSG},
		{"\"kill_signals\"", "\"exec_sessions\": 1, \"kill_signals\"", -EBADMSG},
		{"\"execve\"", "\"exekve\"", -EBADMSG},
		{"\"TH\": \"deny\"", "\"TH\": \"maybe\"", -EBADMSG},
		{"\"TH\": \"deny\",", "", -EBADMSG},
		{"\"units\": 123456", "\"units\": 1", -EBADMSG},
		{"\"units\": 123456", "\"units\": -1", -EBADMSG},
		{"\"call\": \"openat\"", "\"call\": \"open\"", -EBADMSG},
		{"\"object\": \"read /srv/pages", "\"object\": \"read /srv/page", -EBADMSG},
		{"\"M\": {", "\"A\": {", -EBADMSG},
		{"\"N\": {", "\"B\": {", -EBADMSG},
		{"\"units\": 7000", "\"units\": 7001", -EBADMSG},
		{"\"units\": 7000", "\"units\": -7000", -EBADMSG},
		{"/srv/pages/*", "/srv/*", -EBADMSG},
		{"\"arch\": \"", "\"arch\": \"not-", -EBADMSG},
		{"\"bytes\": ", "\"bytes\": 1", -EBADMSG},
		{"\"seconds\": ", "\"seconds\": -", -EBADMSG},
		{"\"seconds\": ", "\"seconds\": 99999999999", -EBADMSG},
		{"\"hours\": ", "\"hours\": -1", -EBADMSG},
		{"{", "{ \"image\": \"twice\",", -EBADMSG},
		{"{", "[", -EBADMSG},
	};
	struct sample_saved *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
		edit_json(f->policy, cases[i].from, cases[i].to);
		print_message("%s -> %s\n", cases[i].from, cases[i].to);
		assert_refused(f->policy, cases[i].want);
	}
}

static void policy_load_takes_a_person_s_edits(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(policy_freep) struct policy *q = NULL;

	edit_json(f->policy, "\"mode\": \"deny\"", "\"mode\": \"audit\"");
	edit_json(f->policy, "\"exec-fresh\": \"deny\"", "\"exec-fresh\": \"alert\"");
	assert_int_equal(policy_load(&q, f->policy, NULL), 0);
	assert_int_equal(q->mode, LUTRA_MODE_AUDIT);
	assert_int_equal(q->action[LUTRA_RULE_EXEC_FRESH], LUTRA_ACTION_ALERT);
}

/* A policy of an older version has neither the newer rules nor roles of processes and sessions. */
static void policy_load_takes_a_policy_of_format_1(void **state)
{
	_cleanup_(policy_freep) struct policy *q = NULL;

	(void)state;
	assert_int_equal(policy_load(&q, "tests/golden/policy/format-1", NULL), 0);
	assert_int_equal(q->action[LUTRA_RULE_UPDATED], LUTRA_ACTION_ALERT);
	assert_int_equal(q->action[LUTRA_RULE_OPEN_READ_IMAGE], LUTRA_ACTION_LOG);
	assert_true(q->thread_roles);
	assert_false(policy_has_level(q));
	assert_int_equal(q->action[LUTRA_RULE_LEVEL], LUTRA_ACTION_LOG);
	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		assert_int_equal(q->token[LUTRA_ROLE_SESSION][nr], LUTRA_UNK);
}

/*
 * Of an older policy the system calls and objects still count. A new system call has a weight, so
 * that it is reported. Nothing can pass the threshold.
 */
static void policy_of_an_older_format_has_no_level(void **state)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	_cleanup_(policy_freep) struct policy *q = NULL;
	struct lutra_token_score score;
	struct lutra_state s;
	struct err err;
	unsigned known = 0;

	(void)state;
	assert_non_null(image);
	assert_int_equal(policy_load(&q, "tests/golden/policy/format-1", NULL), 0);
	assert_int_equal(policy_to_kernel(q, 1, image, NULL), 0);
	assert_false(lutra_has_level(image));
	for (uint32_t nr = 0; nr < LUTRA_NR; nr++) {
		lutra_state_init(&s, image);
		lutra_score_syscall(&s, image, nr, NULL, NULL, &score);
		known += score.token != LUTRA_UNK;
		assert_int_equal(lutra_m_known(&score.m), score.token != LUTRA_UNK);
	}
	assert_true(known > 20);
	assert_true(q->n_objects > 20);
	assert_int_equal(policy_load_model(q, "tests/golden/policy/format-1", &err), -ENODATA);
	assert_non_null(strstr(err.msg, "train it anew"));
}

/* Save tables with their right sum and format, so that only what they hold can be refused. */
static void save_unchecked(struct sample_saved *f)
{
	_cleanup_free_ uint8_t *tables = NULL;
	_cleanup_free_ char *json = NULL;
	unsigned char h[32];
	size_t len;

	f->p->exact_names = f->p->format > POLICY_FORMAT_FOLDED;
	assert_int_equal(policy_tables_encode(f->p, &tables, &len), 0);
	memcpy(tables + 4, &f->p->format, sizeof(f->p->format));
	if (f->p->format < POLICY_FORMAT_LEVEL)
		len -= sizeof(uint32_t); /* the number of keys */
	crypto_hash_sha256(h, tables, len);
	sodium_bin2hex(f->p->tables_sha256, 65, h, 32);
	assert_int_equal(policy_json_encode(f->p, len, &json, NULL), 0);
	write_file(f->policy, POLICY_TABLES_FILE, tables, len);
	write_file(f->policy, POLICY_JSON_FILE, json, strlen(json));
}

/* It keeps the flag of a directory in which all new names alert, and the words of its objects. */
static void policy_load_takes_a_policy_of_format_2(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(policy_freep) struct policy *q = NULL;
	char text[128];

	f->p->format = 2;
	f->p->code_last = 0;
	f->p->level_shift = f->p->level_counts = f->p->novelty_shift = f->p->novelty_counts = 0;
	f->p->n_keys = 0;
	f->p->token[LUTRA_ROLE_STEADY][SYS_write] = 6;
	f->p->nodes[1].flags |= LUTRA_NODE_VARIES;
	f->p->objects[f->p->n_objects++] = sample_open_token(1) | lutra_sibling_fields(7);
	save_unchecked(f);
	assert_int_equal(policy_load(&q, f->policy, NULL), 0);
	assert_int_equal(q->format, 2);
	assert_true(policy_node_varies(q, 1));
	assert_false(q->thread_roles);
	assert_false(policy_has_level(q));
	policy_object_name(q, q->objects[q->n_objects - 1], text, sizeof(text));
	assert_string_equal(text, "open startup r file new, of kind 7, in /etc");
}

static void policy_load_of_a_newer_format_says_so(void **state)
{
	struct sample_saved *f = *state;
	struct err err;

	f->p->format = POLICY_FORMAT_VERSION + 1;
	save_unchecked(f);
	assert_int_equal(try_load(f->policy, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "is newer than this lutra: update it"));
}

static void break_code(struct policy *p)
{
	p->t0[3] |= 0x80;
}

static void break_padding_code(struct policy *p)
{
	p->p2 ^= 1;
}

static void break_token(struct policy *p)
{
	p->token[0][SYS_write] = 7;
}

static void break_pad_token(struct policy *p)
{
	p->token[LUTRA_ROLE_STEADY][SYS_write] = p->token[LUTRA_ROLE_STARTUP][SYS_read];
	p->token[LUTRA_ROLE_STARTUP][SYS_write] = LUTRA_PAD;
}

static void break_unused_token(struct policy *p)
{
	p->token[LUTRA_ROLE_STEADY][SYS_accept4] = LUTRA_UNK;
}

static void break_key_token(struct policy *p)
{
	p->keys[0].token[0] = 7;
}

static void break_key_order(struct policy *p)
{
	p->keys[1].hash = p->keys[0].hash;
}

static void break_key_hash(struct policy *p)
{
	p->keys[0].hash |= 5;
}

static void break_unused_key_token(struct policy *p)
{
	for (size_t i = 0; i < p->n_keys; i++)
		p->keys[i].token[LUTRA_ROLE_STEADY] = LUTRA_UNK;
}

static void break_level_shift(struct policy *p)
{
	p->level_shift = 16;
}

static void break_level_counts(struct policy *p)
{
	p->level_counts = 0;
}

static void break_novelty_counts(struct policy *p)
{
	p->novelty_counts = p->level_counts + 1;
}

static void break_absent_novelty(struct policy *p)
{
	p->novelty_counts = 0;
}

static void break_parent(struct policy *p)
{
	p->nodes[1].parent = 2;
}

static void break_key(struct policy *p)
{
	p->nodes[2].key++;
}

static void break_fold(struct policy *p)
{
	strcpy(p->nodes[3].name, "host1");
}

static void break_twins(struct policy *p)
{
	p->nodes[2] = p->nodes[1];
}

static void break_flags(struct policy *p)
{
	p->nodes[2].flags = LUTRA_NODE_PROTECTED | LUTRA_NODE_WILDCARD;
}

static void break_object_order(struct policy *p)
{
	p->objects[0] = p->objects[1];
}

static void break_object_node(struct policy *p)
{
	p->objects[p->n_objects++] = sample_open_token(500);
}

static void break_varying(struct policy *p)
{
	const uint64_t path = lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1);

	p->objects[p->n_objects++] = lutra_object_token_of_new_name(sample_open_token(500) & ~path);
}

static void break_successor(struct policy *p)
{
	p->successors[0] = 7;
}

static void break_steady(struct policy *p)
{
	memset(p->steady, 0, sizeof(p->steady));
}

static void policy_load_refuses_impossible_tables(void **state)
{
	static void (*const breaks[])(struct policy *) = {
		break_code,
		break_padding_code,
		break_token,
		break_pad_token,
		break_unused_token,
		break_parent,
		break_key,
		break_fold,
		break_twins,
		break_flags,
		break_steady,
		break_successor,
		break_object_order,
		break_object_node,
		break_varying,
		break_key_token,
		break_key_order,
		break_key_hash,
		break_unused_key_token,
		break_level_shift,
		break_level_counts,
		break_novelty_counts,
		break_absent_novelty,
	};
	struct sample_saved *f = *state;

	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		policy_free(f->p);
		f->p = sample_policy();
		breaks[i](f->p);
		save_unchecked(f);
		print_message("case %zu\n", i);
		assert_refused(f->policy, -EBADMSG);
	}
}

static void policy_load_restores_what_is_known_of_the_first_process(void **state)
{
	static const enum policy_first_process values[] = {POLICY_FIRST_UNSEEN, POLICY_FIRST_STAYS,
							   POLICY_FIRST_STEADY};
	struct sample_saved *f = *state;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		_cleanup_(policy_freep) struct policy *p = NULL;

		f->p->first_process = values[i];
		assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
		assert_int_equal(policy_load(&p, f->policy, NULL), 0);
		assert_int_equal(p->first_process, values[i]);
	}
}

/* Saves the policy as an older lutra did: without rule N, its threshold and its constants. */
static void save_without_level_n(struct sample_saved *f)
{
	_cleanup_free_ char *path = policy_json_path(f->policy);
	json_auto_t *j = NULL;

	f->p->novelty_shift = f->p->novelty_counts = 0;
	f->p->novelty_threshold = LUTRA_THRESHOLD_OFF;
	save_unchecked(f);
	j = json_load_file(path, 0, NULL);
	json_object_set_new(j, "format", json_integer(3));
	json_object_del(json_object_get(json_object_get(j, "rules"), "actions"), "N");
	json_object_del(json_object_get(json_object_get(j, "calibration"), "alarms"), "N");
	json_object_del(json_object_get(j, "calibration"), "max_novelty");
	assert_null(json_object_get(json_object_get(j, "thresholds"), "N"));
	assert_int_equal(json_dump_file(j, path, 0), 0);
}

/* Its level M and its other rules are in force. Level N never matches. */
static void policy_load_takes_a_policy_without_level_n(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	_cleanup_(policy_freep) struct policy *p = NULL;

	save_without_level_n(f);
	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	assert_true(policy_has_level(p));
	assert_false(policy_has_novelty(p));
	assert_int_equal(p->threshold, f->p->threshold);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	assert_int_equal(image->novelty_threshold, LUTRA_THRESHOLD_OFF);
	assert_int_equal(image->m.novelty_counts, 0);
}

/* Policies that were trained before lutra estimated the unseen. */
static void policy_load_without_the_unseen_does_not_know_it(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = policy_json_path(f->policy);
	json_auto_t *j = json_load_file(path, 0, NULL);
	_cleanup_(policy_freep) struct policy *p = NULL;

	assert_int_equal(json_object_del(json_object_get(j, "calibration"), "unseen"), 0);
	assert_int_equal(json_dump_file(j, path, 0), 0);
	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	assert_int_equal(p->calibration.unseen.runs, 0);
	assert_int_equal(p->calibration.runs, 5);
}

static void policy_load_of_another_architecture_is_enoexec(void **state)
{
	struct sample_saved *f = *state;

	free(f->p->arch);
	f->p->arch = strdup("sparc64");
	save_unchecked(f);
	assert_refused(f->policy, -ENOEXEC);
}

static void policy_load_of_foreign_magic_is_ebadmsg(void **state)
{
	struct err err = {};
	struct policy p = {};
	uint8_t data[4096] = "ELF!";

	(void)state;
	assert_int_equal(policy_tables_decode(&p, data, sizeof(data), &err), -EBADMSG);
	assert_string_equal(err.msg, "not a lutra table file");
}

static void policy_image_takes_clone_for_a_clone3_that_is_known(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));

	f->p->token[LUTRA_ROLE_STEADY][SYS_clone3] = 4;
	f->p->token[LUTRA_ROLE_STARTUP][SYS_clone3] = 2;
	f->p->token[LUTRA_ROLE_STARTUP][SYS_clone] = 3;
	assert_int_equal(policy_to_kernel(f->p, 1, image, NULL), 0);
	assert_int_equal(image->token[LUTRA_ROLE_STEADY][SYS_clone], LUTRA_UNK);
	policy_to_kernel_fall_back(f->p, image);
	assert_int_equal(image->token[LUTRA_ROLE_STEADY][SYS_clone], 4);
	assert_int_equal(image->token[LUTRA_ROLE_STARTUP][SYS_clone], 3);
	assert_int_equal(image->token[LUTRA_ROLE_SPAWNED][SYS_clone], LUTRA_UNK);
}

#define T(f) cmocka_unit_test_setup_teardown(f, sample_saved_setup, sample_saved_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(policy_load_gives_what_was_saved),
		T(policy_load_of_nothing_is_enoent),
		T(policy_load_without_tables_is_ebadmsg),
		T(policy_load_truncated_is_refused_at_every_length),
		T(policy_load_with_flipped_table_bits_is_refused),
		T(policy_load_oversized_is_refused),
		T(policy_load_refuses_bad_json),
		T(policy_load_takes_a_person_s_edits),
		T(policy_load_takes_a_policy_of_format_1),
		T(policy_of_an_older_format_has_no_level),
		T(policy_load_restores_what_is_known_of_the_first_process),
		T(policy_load_takes_a_policy_of_format_2),
		T(policy_load_of_a_newer_format_says_so),
		T(policy_load_takes_a_policy_without_level_n),
		T(policy_load_without_the_unseen_does_not_know_it),
		T(policy_load_refuses_impossible_tables),
		T(policy_load_of_another_architecture_is_enoexec),
		T(policy_load_of_foreign_magic_is_ebadmsg),
		T(policy_image_takes_clone_for_a_clone3_that_is_known),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
