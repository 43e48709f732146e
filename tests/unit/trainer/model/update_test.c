/* SPDX-License-Identifier: Apache-2.0 */
/* Updates: what was known stays known, what is new is learned, codes stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <sys/syscall.h>
#include <string.h>

#include "lib/policy/files/policy_format.h"
#include "lutra/score.h"
#include "tests/support/trainer/made_run.h"
#include "tests/support/trainer/made_update.h"
#include "tests/support/sample.h"
#include "trainer/model/tables/update.h"
#include "trainer/rules/calibration/calibrate.h"
#include "trainer/rules/objects.h"
#include "trainer/train.h"

#define OLD_RUNS M_WEIGHTS_RUNS

/* A run that does what no run did: a steady getrandom, a new file and a connection. */
static void made_drift(struct corpus *c, const char *file)
{
	struct lutra_object peer = {
		.op = LUTRA_OP_CONNECT, .family = 2, .addr_class = 1, .port = 3306};
	struct made_run m = made_run_new(c);

	made_run_task(&m, 10, LUTRA_RECORD_ARM, 0);
	for (unsigned i = 0; i < 20; i++) {
		made_run_syscall(&m, 10, SYS_accept4);
		made_run_syscall(&m, 10, SYS_read);
		made_run_syscall(&m, 10, SYS_getrandom);
		made_run_syscall(&m, 10, SYS_write);
		made_run_syscall(&m, 10, SYS_close);
	}
	made_run_open(&m, 10, "/etc/ssl/new.pem", false);
	made_run_object(&m, 10, peer, NULL);
	made_run_end(&m, file, false);
}

/*
 * The old runs' accepts stand: a run without one does not keep the first process in its start-up.
 */
static void update_keeps_a_first_process_that_became_steady(void **state)
{
	struct made_update *f = *state;
	struct made_run m = made_run_new(&f->corpus);

	assert_int_equal(f->old->first_process, POLICY_FIRST_STEADY);
	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	made_run_task(&m, 1, LUTRA_RECORD_FORK, 2 | 2ull << 32);
	made_run_syscall(&m, 1, SYS_read);
	made_run_syscall(&m, 2, SYS_read);
	made_run_end(&m, "a.ltr", false);
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_int_equal(f->p->first_process, POLICY_FIRST_STEADY);
}

static void update_with_nothing_new_changes_no_code_and_no_object(void **state)
{
	struct made_update *f = *state;

	made_run_service(&f->corpus, "a.ltr", 1, 100);
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_int_equal(f->p->v, f->old->v);
	assert_memory_equal(f->p->token, f->old->token, sizeof(f->p->token));
	for (size_t i = 0; i < (size_t)f->p->v * f->p->v; i++)
		assert_int_equal(f->p->t0[i] & 0xff, f->old->t0[i] & 0xff);
	for (size_t i = 0; i < LUTRA_K * LUTRA_K; i++) {
		assert_int_equal(f->p->t1[i] & 0xff, f->old->t1[i] & 0xff);
		assert_int_equal(f->p->t2[i] & 0xff, f->old->t2[i] & 0xff);
	}
	assert_int_equal(f->p->n_objects, f->old->n_objects);
	assert_memory_equal(f->p->objects, f->old->objects, f->p->n_objects * sizeof(uint64_t));
	assert_memory_equal(f->p->hash_key, f->old->hash_key, sizeof(f->p->hash_key));
	assert_int_equal(f->p->n_keys, f->old->n_keys);
	for (size_t i = 0; i < f->p->n_keys; i++)
		assert_memory_equal(&f->p->keys[i], &f->old->keys[i], sizeof(f->p->keys[i]));
}

static void update_keeps_all_that_was_known(void **state)
{
	struct made_update *f = *state;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	uint32_t n = intern_count(f->before.names.objects);

	made_drift(&f->corpus, "a.ltr");
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_int_equal(policy_to_kernel(f->p, 1, image, NULL), 0);
	for (unsigned role = 0; role < LUTRA_ROLES; role++)
		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			if (f->old->token[role][nr] != LUTRA_UNK)
				assert_int_equal(f->p->token[role][nr], f->old->token[role][nr]);
	for (uint32_t a = 0; a < f->old->v; a++)
		for (uint32_t b = 0; b < f->old->v; b++)
			if (f->old->t0[a * f->old->v + b] >> 8 == 0)
				assert_int_equal(f->p->t0[a * f->p->v + b] >> 8, 0);
	for (uint32_t i = 0; i < n; i++) {
		for (uint8_t role = 0; role < 2; role++) {
			_cleanup_free_ struct lutra_policy *was = calloc(1, sizeof(*was));
			struct lutra_judgement before, now;

			assert_int_equal(policy_to_kernel(f->old, 1, was, NULL), 0);
			objects_judge(&f->before, i, role, was, &before);
			objects_judge(&f->before, i, role, image, &now);
			if (before.kind == LUTRA_KIND_KNOWN)
				assert_int_equal(now.kind, LUTRA_KIND_KNOWN);
		}
	}
}

static void update_learns_syscalls_and_objects(void **state)
{
	struct made_update *f = *state;
	unsigned v = f->old->v, token;

	made_drift(&f->corpus, "a.ltr");
	made_update_train(&f->corpus, f->old, 1, &f->p);
	token = f->p->token[LUTRA_ROLE_STEADY][SYS_getrandom];
	assert_int_equal(f->old->token[LUTRA_ROLE_STEADY][SYS_getrandom], LUTRA_UNK);
	assert_int_equal(token, v);
	assert_int_equal(f->p->v, v + 3); /* and a steady read in /etc, and a peer */
	assert_int_equal(f->p->n_keys, f->old->n_keys + 1);
	/* Its pairs have the codes that they had as unknown. */
	for (uint32_t a = 0; a < v; a++) {
		assert_int_equal(f->p->t0[a * f->p->v + token] & 0xff,
				 f->old->t0[a * v + LUTRA_UNK] & 0xff);
		assert_int_equal(f->p->t0[token * f->p->v + a] & 0xff,
				 f->old->t0[LUTRA_UNK * v + a] & 0xff);
	}
	/* read, getrandom was seen; getrandom, getrandom was not. */
	assert_int_equal(f->p->t0[f->p->token[LUTRA_ROLE_STEADY][SYS_read] * f->p->v + token] >> 8,
			 0);
	assert_int_not_equal(f->p->t0[token * f->p->v + token] >> 8, 0);
	assert_true(f->p->n_objects > f->old->n_objects);
}

/* The objects are those of a training with all runs at once. */
/* Adds a run in which steady tasks make a call of an allocator that no old run made. */
static void made_allocating_run(struct corpus *c)
{
	struct made_run m = made_run_new(c);

	made_run_task(&m, 10, LUTRA_RECORD_ARM, 0);
	made_run_syscall(&m, 10, SYS_accept4);
	made_run_syscall(&m, 10, SYS_munmap);
	made_run_syscall(&m, 10, SYS_read);
	made_run_end(&m, "a.ltr", false);
}

static void update_gives_a_new_syscall_of_an_allocator_no_token(void **state)
{
	struct made_update *f = *state;

	assert_int_equal(f->old->token[LUTRA_ROLE_STEADY][SYS_munmap], LUTRA_UNK);
	made_allocating_run(&f->corpus);
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_int_equal(f->p->token[LUTRA_ROLE_STEADY][SYS_munmap], LUTRA_PAD);
}

/* A policy of an older lutra has tokens for these calls, in whatever roles made them. */
static void update_keeps_a_token_of_an_allocators_syscall(void **state)
{
	struct made_update *f = *state;
	uint8_t *startup = &f->old->token[LUTRA_ROLE_STARTUP][SYS_munmap];

	*startup = f->old->token[LUTRA_ROLE_STARTUP][SYS_openat];
	made_allocating_run(&f->corpus);
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_int_equal(f->p->token[LUTRA_ROLE_STEADY][SYS_munmap], f->old->v);
}

static void update_has_the_objects_of_a_training(void **state)
{
	struct made_update *f = *state;
	_cleanup_(policy_freep) struct policy *all = NULL;

	made_drift(&f->corpus, "a.ltr");
	made_update_train(&f->corpus, f->old, 1, &f->p);
	made_drift(&f->before, "a.ltr");
	made_update_train(&f->before, NULL, 1, &all);
	assert_int_equal(f->p->n_nodes, all->n_nodes);
	assert_int_equal(f->p->n_objects, all->n_objects);
	assert_memory_equal(f->p->objects, all->objects, all->n_objects * sizeof(uint64_t));
	assert_int_equal(f->p->port_exact, all->port_exact);
}

static void update_counts_the_old_runs(void **state)
{
	struct made_update *f = *state;

	made_drift(&f->corpus, "a.ltr");
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_int_equal(f->p->n_runs, OLD_RUNS + 1);
	assert_string_equal(f->p->runs[0].file, "0.ltr");
	assert_string_equal(f->p->runs[OLD_RUNS].file, "a.ltr");
	assert_int_equal(f->p->calibration.runs, OLD_RUNS + 1);
	assert_true(f->p->calibration.hours > f->old->calibration.hours);
	assert_true(f->p->calls == f->old->calls + 100);
	/* The new run was judged by the old policy, to which its acts were new. */
	assert_int_equal(f->p->calibration.alarms[LUTRA_RULE_NEW_SYSCALL], 1);
	assert_int_equal(f->p->calibration.alarms[LUTRA_RULE_CONNECT], 1);
	assert_int_equal(f->p->action[LUTRA_RULE_CONNECT], LUTRA_ACTION_DENY);
	assert_true(f->p->threshold >= f->old->threshold);
}

static void update_is_the_same_with_any_threads(void **state)
{
	struct made_update *f = *state;
	_cleanup_(policy_freep) struct policy *two = NULL;

	made_drift(&f->corpus, "a.ltr");
	made_run_service(&f->corpus, "b.ltr", 9, 50);
	made_update_train(&f->corpus, f->old, 1, &f->p);
	made_update_train(&f->corpus, f->old, 2, &two);
	assert_int_equal(policy_save(f->p, f->path2, NULL), 0);
	assert_int_equal(policy_save(two, f->path, NULL), 0);
	assert_string_equal(f->p->tables_sha256, two->tables_sha256);
	assert_string_equal(f->p->model_sha256, two->model_sha256);
}

static uint32_t node_of_directory(const struct policy *p, const char *path)
{
	char name[PATH_MAX];

	for (uint32_t i = 0; i < p->n_nodes; i++)
		if (policy_node_path(p, i, name, sizeof(name)) == 0 && strcmp(name, path) == 0)
			return i;
	fail_msg("%s is not in the tree", path);
	return 0;
}

static bool is_wildcard(const struct policy *p, const char *path)
{
	return p->nodes[node_of_directory(p, path)].flags & LUTRA_NODE_WILDCARD;
}

static bool directory_varies(const struct policy *p, const char *path)
{
	return policy_node_varies(p, node_of_directory(p, path));
}

/* Lets new files alert that are read in a directory. */
static void make_directory_vary(struct policy *p, const char *path)
{
	uint64_t *objects = reallocarray(p->objects, p->n_objects + 1, sizeof(*objects));

	assert_non_null(objects);
	p->objects = objects;
	objects[p->n_objects++] =
		lutra_object_token_of_new_name(sample_open_token(node_of_directory(p, path)));
}

/* What the old policy says of its directories stays, whatever the new runs do. */
static void update_keeps_wildcards_and_directories_that_vary(void **state)
{
	struct made_update *f = *state;

	assert_false(is_wildcard(f->old, "/srv/data"));
	assert_false(directory_varies(f->old, "/etc"));
	made_run_service(&f->corpus, "b.ltr", 9, 50);
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_false(is_wildcard(f->p, "/srv/data"));
	assert_false(directory_varies(f->p, "/etc"));
	policy_free(f->p);
	f->p = NULL;
	f->old->nodes[node_of_directory(f->old, "/srv/data")].flags |= LUTRA_NODE_WILDCARD;
	make_directory_vary(f->old, "/etc");
	for (uint32_t i = 0; i < f->old->n_nodes; i++)
		if (strcmp(f->old->nodes[i].name, "log") == 0)
			strcpy(f->old->nodes[i].name, "*");
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_true(is_wildcard(f->p, "/srv/data"));
	assert_true(directory_varies(f->p, "/etc"));
	assert_non_null(strstr(f->p->calibration.advice, "/etc"));
}

/* A new name of an old run and one of a new run are two: old runs are replayed by their counts. */
static void update_counts_new_names_of_old_runs(void **state)
{
	struct made_update *f = *state;
	_cleanup_(corpus_done) struct corpus next = {0};
	_cleanup_(policy_freep) struct policy *loaded = NULL, *p = NULL;
	struct made_run m = made_run_new(&f->corpus);

	made_run_syscall(&m, 10, SYS_read);
	made_run_open(&m, 10, "/etc/one", false);
	made_run_end(&m, "a.ltr", false);
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_false(directory_varies(f->p, "/etc"));
	assert_int_equal(policy_save(f->p, f->path, NULL), 0);
	assert_int_equal(policy_load(&loaded, f->path, NULL), 0);
	assert_int_equal(policy_load_model(loaded, f->path, NULL), 0);
	assert_int_equal(corpus_init(&next), 0);
	assert_int_equal(update_restore_corpus(loaded, &next, NULL), 0);
	m = made_run_new(&next);
	made_run_syscall(&m, 10, SYS_read);
	made_run_open(&m, 10, "/etc/two", false);
	made_run_end(&m, "b.ltr", false);
	made_update_train(&next, loaded, 1, &p);
	assert_true(directory_varies(p, "/etc"));
}

/* An update of an update does not need the old runs either. */
static void update_can_be_updated(void **state)
{
	struct made_update *f = *state;
	_cleanup_(corpus_done) struct corpus next = {0};
	_cleanup_(policy_freep) struct policy *loaded = NULL, *p = NULL;

	made_drift(&f->corpus, "a.ltr");
	made_update_train(&f->corpus, f->old, 1, &f->p);
	/* The new file and the peer are in one run only. */
	assert_int_equal(f->p->calibration.unseen.runs, OLD_RUNS + 1);
	assert_int_equal(f->p->calibration.unseen.all.things,
			 f->old->calibration.unseen.all.things + 2);
	assert_int_equal(policy_save(f->p, f->path, NULL), 0);
	assert_int_equal(policy_load(&loaded, f->path, NULL), 0);
	assert_int_equal(policy_load_model(loaded, f->path, NULL), 0);
	assert_int_equal(corpus_init(&next), 0);
	assert_int_equal(update_restore_corpus(loaded, &next, NULL), 0);
	made_drift(&next, "b.ltr");
	made_update_train(&next, loaded, 1, &p);
	assert_int_equal(p->n_runs, OLD_RUNS + 2);
	assert_int_equal(p->v, loaded->v);
	assert_int_equal(p->calibration.alarms[LUTRA_RULE_NEW_SYSCALL],
			 1); /* of before: nothing was news now */
	assert_int_equal(p->calibration.unseen.all.things, f->old->calibration.unseen.all.things);
}

/* ---- few runs ---- */

/*
 * With fewer runs than it takes, level M only logs, as before, and the codes are trained anew. The
 * threshold of level N does not sink.
 */
static void update_of_few_runs_stays_one_of_few_runs(void **state)
{
	struct made_update *f = *state;

	made_drift(&f->corpus, "a.ltr");
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_int_equal(f->old->novelty_shift, M_NOVELTY_SHIFT);
	assert_int_equal(f->p->novelty_shift, M_NOVELTY_SHIFT);
	assert_int_equal(f->p->novelty_counts, M_NOVELTY_COUNTS);
	assert_true(f->p->novelty_threshold >= f->old->novelty_threshold);
	assert_int_equal(f->p->action[LUTRA_RULE_LEVEL], LUTRA_ACTION_LOG);
	assert_int_equal(f->p->action[LUTRA_RULE_NOVELTY], LUTRA_ACTION_ALERT);
}

/*
 * An older lutra made the policy: it has no level N, and of few runs its level M alerted.
 */
static void update_of_a_policy_without_level_n_adds_it(void **state)
{
	struct made_update *f = *state;
	int32_t floor = CALIBRATE_NOVELTY_FLOOR(M_NOVELTY_SHIFT);

	f->old->novelty_threshold = LUTRA_THRESHOLD_OFF;
	f->old->novelty_shift = f->old->novelty_counts = 0;
	f->old->action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_ALERT;
	made_drift(&f->corpus, "a.ltr");
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_true(policy_has_novelty(f->p));
	assert_in_range(f->p->novelty_threshold, floor, LUTRA_N_ONE);
	assert_true(f->p->calibration.max_novelty > 0); /* of the replay of the new run */
	assert_int_equal(f->p->action[LUTRA_RULE_NOVELTY], LUTRA_ACTION_ALERT);
	assert_int_equal(f->p->action[LUTRA_RULE_LEVEL],
			 f->p->n_runs < M_WEIGHTS_RUNS ? LUTRA_ACTION_LOG : LUTRA_ACTION_ALERT);
}

/* Returns the token of the file that is read, in a role. */
static uint8_t read_token(const struct policy *p, uint8_t role, const char *name)
{
	for (size_t i = 0; i < p->n_keys; i++)
		if (strcmp(p->keys[i].name, name) == 0)
			return p->keys[i].token[role];
	fail_msg("there is no key %s", name);
	return 0;
}

/* With enough runs the codes are trained on the histories of all. What old runs had is known. */
static void update_with_enough_runs_trains_codes(void **state)
{
	struct made_update *f = *state;
	uint8_t accept, read, page;
	unsigned codes = 0;

	made_run_service(&f->corpus, "a.ltr", 20, 200);
	made_run_service(&f->corpus, "b.ltr", 21, 200);
	/* Of other codes, and of a level that moved otherwise: they say nothing here. */
	f->old->threshold = f->old->novelty_threshold = 1 << 28;
	f->old->novelty_shift = M_NOVELTY_SHIFT + 3;
	made_update_train(&f->corpus, f->old, 1, &f->p);
	assert_int_equal(f->p->level_shift, LUTRA_M_SHIFT);
	assert_int_equal(f->p->level_counts, LUTRA_M_COUNTS);
	assert_true(f->p->threshold >= CALIBRATE_FLOOR && f->p->threshold < 12 << 16);
	assert_int_equal(f->p->novelty_shift, M_NOVELTY_SHIFT);
	assert_in_range(f->p->novelty_threshold, CALIBRATE_NOVELTY_FLOOR(M_NOVELTY_SHIFT),
			LUTRA_N_ONE);
	assert_int_equal(f->p->action[LUTRA_RULE_LEVEL], LUTRA_ACTION_ALERT);
	for (size_t i = 0; i < (size_t)f->p->v * f->p->v; i++)
		codes |= f->p->t0[i] & 0xff;
	assert_true(codes > 0);
	accept = f->p->token[LUTRA_ROLE_STEADY][SYS_accept4];
	read = f->p->token[LUTRA_ROLE_STEADY][SYS_read];
	page = read_token(f->p, LUTRA_ROLE_STEADY, "read own /srv/#.html");
	assert_int_equal(f->p->t0[accept * f->p->v + read] >> 8, 0);
	assert_int_equal(f->p->t0[read * f->p->v + page] >> 8, 0);
	assert_int_not_equal(f->p->t0[page * f->p->v + accept] >> 8, 0);
	/* The tokens are those of before. */
	assert_int_equal(accept, f->old->token[LUTRA_ROLE_STEADY][SYS_accept4]);
	assert_int_equal(page, read_token(f->old, LUTRA_ROLE_STEADY, "read own /srv/#.html"));
}

/*
 * Makes a run of n system calls in start-up, then in steady. The later ones are the more frequent.
 */
static void add_run_of_many_syscalls(struct corpus *c, const char *file, unsigned n, unsigned more)
{
	static const unsigned changing[] = {SYS_accept, SYS_restart_syscall, SYS_accept4};
	struct made_run m = made_run_new(c);

	made_run_task(&m, 10, LUTRA_RECORD_ARM, 0);
	for (unsigned half = 0; half < 2; half++) {
		for (unsigned i = 0; i < n; i++) {
			unsigned nr = i;

			for (size_t k = 0; k < sizeof(changing) / sizeof(changing[0]); k++)
				nr += nr >= changing[k];
			for (unsigned k = 0; k < 2 + i; k++)
				made_run_syscall(&m, 10, nr);
		}
		made_run_syscall(&m, 10, half ? more : SYS_accept);
	}
	made_run_end(&m, file, false);
}

/* Where the alphabet is full, a system call that is new in the update is known all the same. */
static void update_shares_tokens_if_none_is_left(void **state)
{
	_cleanup_(corpus_done) struct corpus before = {}, corpus = {};
	_cleanup_(policy_freep) struct policy *old = NULL, *p = NULL;
	char name[16];

	(void)state;
	assert_int_equal(corpus_init(&before), 0);
	assert_int_equal(corpus_init(&corpus), 0);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%u.ltr", i);
		add_run_of_many_syscalls(&before, name, 140, SYS_read);
	}
	made_update_train(&before, NULL, 1, &old);
	assert_int_equal(old->v, LUTRA_V_MAX);
	assert_int_equal(old->token[LUTRA_ROLE_STEADY][SYS_keyctl], LUTRA_UNK);
	assert_int_equal(update_restore_corpus(old, &corpus, NULL), 0);
	add_run_of_many_syscalls(&corpus, "new.ltr", 140, SYS_keyctl);
	made_update_train(&corpus, old, 1, &p);
	assert_int_equal(policy_check(p, NULL), 0);
	assert_int_equal(p->v, LUTRA_V_MAX);
	/* Its token is that of the rarest call of its role. */
	assert_int_equal(p->token[LUTRA_ROLE_STEADY][SYS_keyctl],
			 old->token[LUTRA_ROLE_STEADY][SYS_read]);
	assert_int_equal(p->token[LUTRA_ROLE_STARTUP][SYS_keyctl], LUTRA_UNK);
}

#define T(f) cmocka_unit_test_setup_teardown(f, made_update_setup, made_update_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(update_keeps_a_first_process_that_became_steady),
		T(update_with_nothing_new_changes_no_code_and_no_object),
		T(update_keeps_all_that_was_known),
		T(update_learns_syscalls_and_objects),
		T(update_gives_a_new_syscall_of_an_allocator_no_token),
		T(update_keeps_a_token_of_an_allocators_syscall),
		T(update_has_the_objects_of_a_training),
		T(update_counts_the_old_runs),
		T(update_is_the_same_with_any_threads),
		T(update_keeps_wildcards_and_directories_that_vary),
		T(update_counts_new_names_of_old_runs),
		T(update_can_be_updated),
		cmocka_unit_test_setup_teardown(update_of_few_runs_stays_one_of_few_runs,
						made_update_few_setup, made_update_teardown),
		cmocka_unit_test_setup_teardown(update_of_a_policy_without_level_n_adds_it,
						made_update_few_setup, made_update_teardown),
		T(update_of_a_policy_without_level_n_adds_it),
		cmocka_unit_test_setup_teardown(update_with_enough_runs_trains_codes,
						made_update_few_setup, made_update_teardown),
		cmocka_unit_test(update_shares_tokens_if_none_is_left),
	};

	return cmocka_run_group_tests_name("train_update", tests, NULL, NULL);
}
