/* SPDX-License-Identifier: Apache-2.0 */
/* The scorer in userspace: each function by cases done by hand, and total on random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/path_text.h"
#include "tests/support/sample.h"
#include "lutra/score.h"

#define RANDOM_ROUNDS 20000

static struct lutra_policy image; /* of policy_with_tree(), or random */

/* ---- tokens ---- */

/* A system call and an object step the same state, each by its own token. */
static void score_calls_and_objects_are_one_sequence(void **state)
{
	static struct lutra_m_counters counters;
	struct lutra_state s = {.role = LUTRA_ROLE_STEADY};
	struct lutra_token_score x;

	(void)state;
	memset(&image, 0, sizeof(image));
	image.m.shift = 3;
	image.m.counts = 1;
	image.token[LUTRA_ROLE_STEADY][SYS_openat] = 7;
	image.key_token[LUTRA_ROLE_STEADY][20] = 9;
	image.m.t0[7 << 8 | 9] = 16 << 8;
	lutra_score_syscall(&s, &image, SYS_openat, lutra_m_claim_counters, &counters, &x);
	assert_int_equal(x.token, 7);
	assert_int_equal(lutra_score_object(&s, &image, 21, lutra_m_claim_counters, &counters, &x),
			 0);
	assert_int_equal(s.m.c0, 7);
	assert_int_equal(lutra_score_object(&s, &image, 20, lutra_m_claim_counters, &counters, &x),
			 1);
	assert_int_equal(x.token, 9);
	assert_int_equal(x.m.weight[0], 16);
	assert_int_equal(s.m.c0, 9);
	assert_int_equal(s.m.c1, 7);
	assert_int_equal(s.m.level, 16 * 4096 / 8);
}

static void score_level_passes_the_threshold_once(void **state)
{
	(void)state;
	memset(&image, 0, sizeof(image));
	image.threshold = 100;
	assert_true(lutra_level_passed(100, 100, 101));
	assert_false(lutra_level_passed(100, 101, 102));
	assert_false(lutra_level_passed(100, 99, 100));
	assert_true(lutra_has_level(&image));
	image.threshold = LUTRA_THRESHOLD_OFF;
	assert_false(lutra_has_level(&image));
	assert_false(lutra_level_passed(LUTRA_THRESHOLD_OFF, 0, INT32_MAX));
}

static void score_history_tells_calls_from_objects(void **state)
{
	struct lutra_history history[LUTRA_HISTORY] = {0};
	struct lutra_state s = {.role = LUTRA_ROLE_SPAWNED, .history_at = 255};
	struct lutra_token_score x = {.token = 5, .m = {.weight = {1, 2, 3}}};

	(void)state;
	lutra_history_add(history, &s, SYS_read, &x);
	x.token = LUTRA_UNK;
	lutra_history_add(history, &s, LUTRA_HISTORY_OBJECT | 200, &x);
	assert_int_equal(s.history_at, 1);
	assert_int_equal(history[31].nr_role, SYS_read | LUTRA_ROLE_SPAWNED << 12);
	assert_int_equal(history[31].weight, 6);
	assert_int_equal(history[0].nr_role, LUTRA_HISTORY_NOVEL | LUTRA_HISTORY_OBJECT | 200 |
						     LUTRA_ROLE_SPAWNED << 12);
}

static void score_role_moves_after_accept_and_at_exec(void **state)
{
	struct lutra_state s = {0};

	(void)state;
	memset(&image, 0, sizeof(image));
	image.steady[0] = 1ull << SYS_accept;
	lutra_state_exec(&s, &image, false);
	assert_int_equal(s.role, LUTRA_ROLE_STARTUP);
	assert_int_equal(lutra_role_steady(&s, &image, SYS_read), 0);
	assert_int_equal(lutra_role_steady(&s, &image, LUTRA_NR + SYS_accept), 0);
	assert_int_equal(s.role, LUTRA_ROLE_STARTUP);
	assert_int_equal(lutra_role_steady(&s, &image, SYS_accept), 1);
	assert_int_equal(s.role, LUTRA_ROLE_STEADY);
	lutra_state_exec(&s, &image, false);
	assert_int_equal(s.role, LUTRA_ROLE_SPAWNED);
	assert_int_equal(lutra_role_steady(&s, &image, SYS_accept), 0);
	assert_int_equal(s.role, LUTRA_ROLE_SPAWNED);
	lutra_state_exec(&s, &image, false);
	lutra_state_exec(&s, &image, false);
	assert_int_equal(s.role, LUTRA_ROLE_DEEPER);
}

static void score_role_stays_steady_when_a_program_executes_itself(void **state)
{
	static const uint8_t after[LUTRA_ROLE_ANY + 1] = {
		[LUTRA_ROLE_STARTUP] = LUTRA_ROLE_STARTUP, [LUTRA_ROLE_STEADY] = LUTRA_ROLE_STEADY,
		[LUTRA_ROLE_SPAWNED] = LUTRA_ROLE_DEEPER,  [LUTRA_ROLE_DEEPER] = LUTRA_ROLE_DEEPER,
		[LUTRA_ROLE_SESSION] = LUTRA_ROLE_SESSION, [LUTRA_ROLE_ANY] = LUTRA_ROLE_ANY,
	};

	(void)state;
	for (unsigned role = 0; role <= LUTRA_ROLE_ANY; role++) {
		struct lutra_state s = {.role = (uint8_t)role};

		lutra_state_exec(&s, NULL, true);
		assert_int_equal(s.role, after[role]);
	}
}

/* A policy of format 1 knows a thread that has not accepted in start-up. */
static void score_role_is_a_threads_own_in_an_older_policy(void **state)
{
	struct lutra_state s = {0};

	(void)state;
	memset(&image, 0, sizeof(image));
	image.thread_roles = 1;
	lutra_role_follow(&s, &image, 1);
	assert_int_equal(s.role, LUTRA_ROLE_STARTUP);
	s.role = LUTRA_ROLE_STEADY;
	lutra_state_exec(&s, &image, true);
	assert_int_equal(s.role, LUTRA_ROLE_SPAWNED);
	image.thread_roles = 0;
	lutra_role_follow(&s, &image, 1);
	assert_int_equal(s.role, LUTRA_ROLE_SPAWNED);
}

/* The master of a service whose workers alone accept stays in start-up. Its children do not. */
static void score_role_of_a_first_process_that_never_accepts_stays(void **state)
{
	struct lutra_state s = {0}, child;

	(void)state;
	memset(&image, 0, sizeof(image));
	image.steady[0] = 1ull << SYS_accept;
	image.first_stays = 1;
	lutra_state_begin(&s, &image, 0, 0, 0);
	assert_int_equal(lutra_role_steady(&s, &image, SYS_accept), 0);
	assert_int_equal(s.role, LUTRA_ROLE_STARTUP);
	child = s;
	lutra_state_fork(&child);
	assert_int_equal(lutra_role_steady(&child, &image, SYS_accept), 1);
	/* A task that ran already may be of any process. */
	lutra_state_begin(&s, &image, 1, 0, 0);
	assert_int_equal(lutra_role_steady(&s, &image, SYS_accept), 1);
	/* A first process that accepted in training becomes steady. */
	image.first_stays = 0;
	lutra_state_begin(&s, &image, 0, 0, 0);
	assert_int_equal(lutra_role_steady(&s, &image, SYS_accept), 1);
}

static void score_role_follows_that_of_the_process(void **state)
{
	static const uint8_t after[LUTRA_ROLE_ANY + 1] = {
		[LUTRA_ROLE_STARTUP] = LUTRA_ROLE_STEADY,  [LUTRA_ROLE_STEADY] = LUTRA_ROLE_STEADY,
		[LUTRA_ROLE_SPAWNED] = LUTRA_ROLE_SPAWNED, [LUTRA_ROLE_DEEPER] = LUTRA_ROLE_DEEPER,
		[LUTRA_ROLE_SESSION] = LUTRA_ROLE_SESSION, [LUTRA_ROLE_ANY] = LUTRA_ROLE_STEADY,
	};

	(void)state;
	for (unsigned role = 0; role <= LUTRA_ROLE_ANY; role++) {
		struct lutra_state s = {.role = (uint8_t)role};

		lutra_role_follow(&s, NULL, 0);
		assert_int_equal(s.role, role);
		lutra_role_follow(&s, NULL, 1);
		assert_int_equal(s.role, after[role]);
	}
}

static void score_token_of_a_foreign_entry_is_unk(void **state)
{
	(void)state;
	memset(&image, 9, sizeof(image));
	assert_int_equal(lutra_syscall_token(&image, 1, 5), 9);
	assert_int_equal(lutra_syscall_token(&image, 1, LUTRA_NR_IA32 | 5), LUTRA_UNK);
	assert_int_equal(lutra_syscall_token(&image, 1, LUTRA_NR), LUTRA_UNK);
}

/* ---- objects ---- */

/*
 * / P  etc P,role: hosts  usr P,usr: bin P,usr: env   srv: f.txt  data (wrote): a.db  pages *: * ,
 * * / *
 * "/" (detached): memfd:x
 */
static int policy_with_tree(void **state)
{
	struct policy *p = sample_policy();
	unsigned etc, usr, bin, srv, data, wild, deep, lost;

	(void)state;
	free(p->nodes);
	p->nodes = calloc(32, sizeof(*p->nodes));
	p->n_nodes = p->n_objects = 0;
	sample_node(p, 0, "/", 1, LUTRA_NODE_PROTECTED);
	etc = sample_node(p, 0, "etc", 1, LUTRA_NODE_PROTECTED | LUTRA_NODE_ROLE);
	sample_node(p, etc, "hosts", 0, LUTRA_NODE_ROLE);
	usr = sample_node(p, 0, "usr", 1, LUTRA_NODE_PROTECTED | LUTRA_NODE_USR);
	bin = sample_node(p, usr, "bin", 1, LUTRA_NODE_PROTECTED | LUTRA_NODE_USR);
	sample_node(p, bin, "env", 0, LUTRA_NODE_USR);
	sample_node(p, usr, "share", 1, LUTRA_NODE_USR);
	srv = sample_node(p, 0, "srv", 1, 0);
	sample_node(p, srv, "f.txt", 0, 0);
	data = sample_node(p, srv, "data", 1, LUTRA_NODE_WROTE);
	sample_node(p, data, "a.db", 0, 0);
	wild = sample_node(p, srv, "pages", 1, LUTRA_NODE_WILDCARD);
	sample_node(p, wild, "*", 0, 0);
	deep = sample_node(p, wild, "*", 1, LUTRA_NODE_WILDCARD);
	sample_node(p, deep, "*", 0, 0);
	lost = sample_node(p, 0, "/", 1, 0);
	sample_node(p, lost, "memfd:x", 0, 0);
	p->ops = LUTRA_OPS_ALL;
	return policy_to_kernel(p, 1, &image, NULL) || (policy_free(p), 0);
}

static struct lutra_judgement judge_path(const char *path, struct lutra_object o, uint8_t role)
{
	struct lutra_judgement j;
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	path_text_parse(path, strlen(path), &parsed);
	o.flags |= LUTRA_OBJ_PATH;
	lutra_judge_object(&image, &o, &parsed, role, fold, &j);
	return j;
}

#define FILE_MODE 0100644
#define DIR_MODE 0040755
#define DEEP "/srv/pages/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p"
#define LONG "/srv/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *path;
	struct lutra_object o;
	uint8_t kind, group;
} judged[] = {
#define R                                                                                          \
	{                                                                                          \
		.op = LUTRA_OP_OPEN, .mode = FILE_MODE                                             \
	}
#define W                                                                                          \
	{                                                                                          \
		.op = LUTRA_OP_OPEN, .mode = FILE_MODE, .flags = LUTRA_OBJ_WRITE                   \
	}
#define D                                                                                          \
	{                                                                                          \
		.op = LUTRA_OP_OPEN, .mode = DIR_MODE                                              \
	}
#define OP(o)                                                                                      \
	{                                                                                          \
		.op = (o)                                                                          \
	}
	{"/etc/shadow", R, LUTRA_KIND_PROTECTED, LUTRA_RULE_OPEN_READ_PROTECTED},
	{"/secret/key", R, LUTRA_KIND_PROTECTED, LUTRA_RULE_OPEN_READ_PROTECTED},
	{"/etc/cron.d/x", W, LUTRA_KIND_PROTECTED, LUTRA_RULE_OPEN_WRITE_PROTECTED},
	{"/usr/share/doc", R, LUTRA_KIND_PROGRAM_DIR, LUTRA_RULE_OPEN_READ_PROGRAM_DIR},
	{"/usr/share/doc", W, LUTRA_KIND_PROGRAM_DIR, LUTRA_RULE_OPEN_WRITE_PROGRAM_DIR},
	{"/usr/bin/nc", OP(LUTRA_OP_EXEC), LUTRA_KIND_PROTECTED, LUTRA_RULE_EXEC},
	{"/usr/share/x.so", OP(LUTRA_OP_MAPX), LUTRA_KIND_PROGRAM_DIR, LUTRA_RULE_MAPX},
	{"/srv/new", R, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
	{"/srv/new", W, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
	{"/srv/data/tmp", W, LUTRA_KIND_DATA_DIR, LUTRA_RULE_OPEN_WRITE_DATA_DIR},
	{"/srv/data/tmp", R, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
	{"/srv/data/x.php", W, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
	{"/srv/data/sub/tmp", W, LUTRA_KIND_DATA_DIR, LUTRA_RULE_OPEN_WRITE_DATA_DIR},
	{"/srv/data/sub/x.php", W, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
	{"/srv/data/tmp", OP(LUTRA_OP_RENAME_TO), LUTRA_KIND_DATA_DIR,
	 LUTRA_RULE_OPEN_WRITE_DATA_DIR},
	{"/srv/data/tmp", OP(LUTRA_OP_UNLINK), LUTRA_KIND_DATA_DIR, LUTRA_RULE_PATH_DATA_DIR},
	{"/srv/data/tmp", OP(LUTRA_OP_MKDIR), LUTRA_KIND_ELSEWHERE, LUTRA_RULE_PATH_ELSEWHERE},
	{"/srv/f.txt", R, LUTRA_KIND_NEW_USE, LUTRA_RULE_OPEN_READ_NEW_USE},
	{"/srv/f.txt", W, LUTRA_KIND_NEW_USE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
	{"/srv/f.txt", OP(LUTRA_OP_UNLINK), LUTRA_KIND_NEW_USE, LUTRA_RULE_PATH_NEW_USE},
	{"/etc/hosts", R, LUTRA_KIND_NEW_ROLE, LUTRA_RULE_OPEN_READ_NEW_ROLE},
	{"/etc/hosts", W, LUTRA_KIND_NEW_ROLE, LUTRA_RULE_OPEN_WRITE_NEW_ROLE},
	{"/srv/pages/any9", R, LUTRA_KIND_NEW_USE, LUTRA_RULE_OPEN_READ_NEW_USE},
	{"/srv/pages/x/y", R, LUTRA_KIND_NEW_USE, LUTRA_RULE_OPEN_READ_NEW_USE},
	{"/srv/pages/x/y/z", R, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
	{"/srv/data", D, LUTRA_KIND_KNOWN, LUTRA_RULE_NONE},
	{"/srv/other", D, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_DIR},
	{"/root", D, LUTRA_KIND_PROTECTED, LUTRA_RULE_OPEN_READ_PROTECTED},
	{"/srv/data", OP(LUTRA_OP_CHDIR), LUTRA_KIND_KNOWN, LUTRA_RULE_NONE},
	{"//memfd:x", R, LUTRA_KIND_NEW_USE, LUTRA_RULE_OPEN_READ_NEW_USE},
	{"//memfd:evil", R, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
	{"/srv/../etc/hosts", R, LUTRA_KIND_PROTECTED, LUTRA_RULE_OPEN_READ_PROTECTED},
	{"?/srv/f.txt", R, LUTRA_KIND_PROTECTED, LUTRA_RULE_OPEN_READ_PROTECTED},
	{DEEP, R, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
	{LONG, W, LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
};

static void judge_gives_kind_and_group(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
		struct lutra_judgement j = judge_path(judged[i].path, judged[i].o, 1);

		if (j.kind != judged[i].kind || j.rule != judged[i].group)
			fail_msg("%s, case %zu: kind %u, group %u", judged[i].path, i, j.kind,
				 j.rule);
	}
}

static void judge_of_what_no_recording_could_see_is_known(void **state)
{
	(void)state;
	image.ops &= ~(1u << LUTRA_OP_SEND);
	assert_int_equal(judge_path("/x", (struct lutra_object)OP(LUTRA_OP_SEND), 1).kind,
			 LUTRA_KIND_KNOWN);
	assert_int_equal(judge_path("/x", (struct lutra_object)OP(LUTRA_OP_CONNECT), 1).kind,
			 LUTRA_KIND_PROTECTED);
}

static void judge_knows_a_token_that_is_in_the_policy(void **state)
{
	struct lutra_object o = {.op = LUTRA_OP_OPEN, .mode = FILE_MODE};
	uint64_t token = judge_path("/etc/hosts", o, 2).token;

	(void)state;
	image.object[lutra_object_slot(image.object_seed, token)] = token;
	assert_int_equal(judge_path("/etc/hosts", o, 2).kind, LUTRA_KIND_KNOWN);
	assert_int_equal(judge_path("/etc/hosts", o, 1).kind, LUTRA_KIND_NEW_ROLE);
}

/* Pages and pictures of the image are logged. Its code, its configuration and its secrets are reported. */
static void judge_of_a_document_of_the_image(void **state)
{
	static const struct {
		const char *path;
		unsigned layer, rule;
	} cases[] = {
		{"/srv/new.html", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_IMAGE},
		{"/srv/new.PNG", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_IMAGE},
		{"/srv/new.html", LUTRA_LAYER_WRITTEN, LUTRA_RULE_OPEN_READ_ELSEWHERE},
		{"/srv/new.html", LUTRA_LAYER_VOLUME, LUTRA_RULE_OPEN_READ_ELSEWHERE},
		{"/srv/other/new.html", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
		{"/srv/new.py", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
		{"/srv/.env", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_PROTECTED},
		{"/srv/users.sql", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
		{"/srv/credentials", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_PROTECTED},
		{"/secret/new.html", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_PROTECTED},
		{LONG ".html", LUTRA_LAYER_IMAGE, LUTRA_RULE_OPEN_READ_ELSEWHERE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lutra_object o = {
			.op = LUTRA_OP_OPEN,
			.mode = FILE_MODE,
			.flags = (uint8_t)(cases[i].layer << LUTRA_OBJ_LAYER_SHIFT)};
		unsigned rule = judge_path(cases[i].path, o, 1).rule;

		if (rule != cases[i].rule)
			fail_msg("%s, case %zu: rule %u", cases[i].path, i, rule);
	}
}

/* An operator's upgrade of a program that the role runs is one finding. A tool that comes is refused. */
static void judge_of_a_program_that_a_session_wrote(void **state)
{
	const unsigned written = LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT;
	struct lutra_object exec = {.op = LUTRA_OP_EXEC}, map = {.op = LUTRA_OP_MAPX};
	uint64_t token = judge_path("/usr/bin/env", exec, 1).token;

	(void)state;
	image.object[lutra_object_slot(image.object_seed, token)] = token;
	assert_int_equal(judge_path("/usr/bin/env", exec, 1).kind, LUTRA_KIND_KNOWN);
	exec.flags = map.flags = (uint8_t)written;
	assert_int_equal(judge_path("/usr/bin/env", exec, 1).rule, LUTRA_RULE_EXEC_FRESH);
	assert_int_equal(judge_path("/usr/bin/env", map, 1).rule, LUTRA_RULE_MAPX);
	exec.flags = map.flags = (uint8_t)(written | LUTRA_OBJ_UPDATED);
	assert_int_equal(judge_path("/usr/bin/env", exec, 1).rule, LUTRA_RULE_UPDATED);
	assert_int_equal(judge_path("/usr/bin/env", exec, 2).rule, LUTRA_RULE_EXEC_FRESH);
	assert_int_equal(judge_path("/usr/bin/nc", exec, 1).rule, LUTRA_RULE_EXEC_FRESH);
	assert_int_equal(judge_path("/usr/bin/env", map, 1).rule, LUTRA_RULE_UPDATED);
	assert_int_equal(judge_path("/usr/share/x.so", map, 1).rule, LUTRA_RULE_UPDATED);
}

/* A run with an upgrade in it does not make what the service writes known. */
static void judge_learns_an_update_as_one(void **state)
{
	const unsigned written = LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT;
	struct lutra_object map = {.op = LUTRA_OP_MAPX};
	uint64_t token;

	(void)state;
	map.flags = (uint8_t)(written | LUTRA_OBJ_UPDATED);
	token = judge_path("/usr/bin/env", map, 1).token;
	image.object[lutra_object_slot(image.object_seed, token)] = token;
	assert_int_equal(judge_path("/usr/bin/env", map, 1).kind, LUTRA_KIND_KNOWN);
	map.flags = (uint8_t)written;
	assert_int_equal(judge_path("/usr/bin/env", map, 1).rule, LUTRA_RULE_MAPX);
}

/* ---- total ---- */

static void fill_random(void *p, size_t size, uint64_t *rng)
{
	uint8_t *bytes = p;

	for (size_t i = 0; i < size; i += 8) {
		uint64_t x = sample_random(rng);

		memcpy(bytes + i, &x, size - i < 8 ? size - i : 8);
	}
}

/* Run it under a sanitizer to make more of it: an index out of bounds would show. */
static void score_is_total_on_random_bytes(void **state)
{
	static struct lutra_seen seen;
	uint64_t rng = 11;

	(void)state;
	fill_random(&image, sizeof(image), &rng);
	for (int round = 0; round < RANDOM_ROUNDS; round++) {
		struct lutra_state s;
		struct lutra_object o;
		struct lutra_path path;
		struct lutra_judgement j;
		struct lutra_token_score score;
		struct lutra_key_search search;
		uint32_t key;
		char fold[LUTRA_NAME];
		uint32_t nr = (uint32_t)sample_random(&rng);

		fill_random(&s, sizeof(s), &rng);
		fill_random(&o, sizeof(o), &rng);
		fill_random(&path, sizeof(path), &rng);
		path.n = round & 1 ? path.n : path.n % 40;
		fill_random(&search, sizeof(search), &rng);
		s.m.level = 0;
		lutra_score_syscall(&s, &image, nr, lutra_m_claim_counters, &seen.m, &score);
		lutra_role_steady(&s, &image, nr);
		assert_in_range(s.m.level, 0, 3 * 255 << 12);
		key = lutra_object_key(&image, &o, &path, &search);
		assert_true(key < LUTRA_KEYS);
		lutra_score_object(&s, &image, key, lutra_m_claim_counters, &seen.m, &score);
		assert_in_range(s.m.level, 0, 3 * 255 << 12);
		lutra_judge_object(&image, &o, &path, s.role, fold, &j);
		assert_true(j.kind < LUTRA_KIND_COUNT && j.rule <= LUTRA_RULE_NONE);
		assert_true(j.class.node < LUTRA_NODES);
		assert_int_equal(j.kind == LUTRA_KIND_KNOWN, j.rule == LUTRA_RULE_NONE);
		lutra_judge_starter(&image, &o, nr, s.role, &j);
		assert_int_equal(j.kind == LUTRA_KIND_KNOWN, j.rule == LUTRA_RULE_NONE);
	}
}

/* The program /srv/f.txt is known where /usr/bin/env starts it. */
static void judge_starter_makes_an_execution_known_where_that_program_starts_it(void **state)
{
	const struct lutra_object exec = {.op = LUTRA_OP_EXEC, .mode = 0100755};
	const struct lutra_object read = {.op = LUTRA_OP_OPEN, .mode = FILE_MODE};
	struct lutra_judgement first = judge_path("/srv/f.txt", exec, LUTRA_ROLE_STEADY), j;
	uint32_t env = judge_path("/usr/bin/env", exec, LUTRA_ROLE_STEADY).class.node;
	uint64_t token = lutra_object_token_started_by(first.token, env);

	(void)state;
	assert_int_equal(first.rule, LUTRA_RULE_EXEC);
	image.object[lutra_object_slot(image.object_seed, token)] = token;
	for (uint32_t starter = 0; starter < LUTRA_NODES; starter++) {
		j = judge_path("/srv/f.txt", exec, LUTRA_ROLE_STEADY);
		lutra_judge_starter(&image, &exec, starter, LUTRA_ROLE_STEADY, &j);
		assert_int_equal(j.kind == LUTRA_KIND_KNOWN, starter == env);
		assert_int_equal(j.rule, starter == env ? LUTRA_RULE_NONE : LUTRA_RULE_EXEC);
	}
	j = judge_path("/srv/f.txt", exec, LUTRA_ROLE_SPAWNED);
	lutra_judge_starter(&image, &exec, env, LUTRA_ROLE_SPAWNED, &j);
	assert_int_equal(j.rule, LUTRA_RULE_EXEC);
	j = judge_path("/srv/f.txt", read, LUTRA_ROLE_STEADY);
	lutra_judge_starter(&image, &read, env, LUTRA_ROLE_STEADY, &j);
	assert_int_equal(j.rule, LUTRA_RULE_OPEN_READ_NEW_USE);
	j = judge_path("/srv/other", exec, LUTRA_ROLE_STEADY);
	lutra_judge_starter(&image, &exec, env, LUTRA_ROLE_STEADY, &j);
	assert_int_equal(j.rule, LUTRA_RULE_EXEC);
}

static void score_takes_null(void **state)
{
	(void)state;
	assert_int_equal(lutra_fold_component(NULL, 3, NULL), 0);
	assert_int_equal(lutra_component_key(NULL, 3, NULL, 0), 0);
	assert_int_equal(lutra_edge_find(NULL, 0, 0), 0);
	assert_int_equal(lutra_object_find(NULL, 0, 0), 0);
	assert_int_equal(lutra_judge_object(NULL, NULL, NULL, 0, NULL, NULL), 0);
}

#define TREE(f) cmocka_unit_test_setup(f, policy_with_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(score_calls_and_objects_are_one_sequence),
		cmocka_unit_test(score_level_passes_the_threshold_once),
		cmocka_unit_test(score_history_tells_calls_from_objects),
		cmocka_unit_test(score_role_moves_after_accept_and_at_exec),
		cmocka_unit_test(score_role_stays_steady_when_a_program_executes_itself),
		cmocka_unit_test(score_role_is_a_threads_own_in_an_older_policy),
		cmocka_unit_test(score_role_of_a_first_process_that_never_accepts_stays),
		cmocka_unit_test(score_role_follows_that_of_the_process),
		cmocka_unit_test(score_token_of_a_foreign_entry_is_unk),
		TREE(judge_gives_kind_and_group),
		TREE(judge_of_what_no_recording_could_see_is_known),
		TREE(judge_knows_a_token_that_is_in_the_policy),
		TREE(judge_of_a_document_of_the_image),
		TREE(judge_of_a_program_that_a_session_wrote),
		TREE(judge_learns_an_update_as_one),
		TREE(judge_starter_makes_an_execution_known_where_that_program_starts_it),
		cmocka_unit_test(score_is_total_on_random_bytes),
		cmocka_unit_test(score_takes_null),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
