/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms counted, calibration by leaving runs out, and training as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sys/syscall.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/abi/syscall_traits.h"
#include "lutra/score.h"
#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "tests/support/scratch.h"
#include "trainer/rules/calibration/calibrate.h"
#include "trainer/rules/objects.h"
#include "trainer/train.h"

static int calibrate_setup(void **state)
{
	struct corpus *c = calloc(1, sizeof(*c));

	*state = c;
	return corpus_init(c);
}

static int calibrate_teardown(void **state)
{
	corpus_done(*state);
	free(*state);
	return 0;
}

/* A policy of the corpus, saved and loaded; the caller's to free. */
static struct policy *train_and_load(const struct corpus *c, uint64_t seed, unsigned threads)
{
	struct train_options options = made_policy_options;

	options.seed = seed;
	options.threads = threads;
	return made_policy_train(c, &options);
}

static void add_services(struct corpus *c, unsigned n)
{
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%c-run-%0*u", 'a' + i, (int)i, i);
		made_run_service(c, name, i, 200);
	}
}

/* ---- calibration ---- */

static void calibrate_finds_what_only_one_run_does(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	const struct policy_calibration *cal;

	made_run_odd_one_out(c);
	p = train_and_load(c, 1, 2);
	cal = &p->calibration;
	assert_int_equal(cal->runs, 4);
	assert_int_equal(cal->alarms[LUTRA_RULE_NEW_SYSCALL], 2);
	assert_int_equal(cal->alarms[LUTRA_RULE_NEW_HOOKABLE], 2);
	assert_int_equal(cal->alarms[LUTRA_RULE_OPEN_READ_PROTECTED], 2);
	assert_int_equal(cal->alarms[LUTRA_RULE_EXEC], 0);
	/* Two rules refused something. The policy knows it now, so both go on refusing. */
	assert_int_equal(p->action[LUTRA_RULE_NEW_HOOKABLE], LUTRA_ACTION_DENY);
	assert_int_equal(p->action[LUTRA_RULE_OPEN_READ_PROTECTED], LUTRA_ACTION_DENY);
	assert_int_equal(p->action[LUTRA_RULE_EXEC], LUTRA_ACTION_DENY);
	assert_int_equal(p->action[LUTRA_RULE_NEW_SYSCALL], LUTRA_ACTION_LOG);
	/* Together they have two episodes, which a policy of the other runs would have refused. */
	assert_int_equal(cal->alarms_deny, 2);
	assert_int_equal(cal->alarms_alert, 2);
	/* Garwood's upper end for 2 is 7.2247. */
	assert_true(cal->deny_per_hour_95[1] * cal->hours > 7.2);
	/* Socket and the secret are in that run only. */
	assert_int_equal(cal->unseen.all.things, 2);
	assert_true(cal->alert_per_hour_95[1] > cal->unseen.all.per_hour_95[1]);
	assert_false(cal->audit_only);
	assert_null(strstr(cal->advice, "only alerting"));
	/* What all runs did is known to the policy. */
	assert_int_equal(p->v, LUTRA_TOKEN0 + 7); /* six calls, and a file that is read in /etc */
}

/*
 * What an exec session does is no alarm of a rule: it would move the rule for the service. The new
 * program that it runs would be reported, what it reads only logged.
 */
static void calibrate_estimates_of_exec_sessions_what_is_reported(void **state)
{
	const struct lutra_object program = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH};
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	const struct lutra_record joins = {.type = LUTRA_RECORD_ARM, .tid = 7, .aux = 1};
	struct made_run m;

	add_services(c, 3);
	m = made_run_new(c);
	assert_int_equal(made_run_record(&m, joins, NULL), 0);
	made_run_object(&m, 7, program, "/usr/bin/cat");
	made_run_open(&m, 7, "/etc/secret", false);
	made_run_syscall(&m, 7, SYS_ptrace);
	made_run_end(&m, "session", false);
	p = train_and_load(c, 1, 1);
	assert_int_equal(p->calibration.alarms[LUTRA_RULE_EXEC], 0);
	assert_int_equal(p->calibration.alarms[LUTRA_RULE_OPEN_READ_PROTECTED], 0);
	assert_int_equal(p->calibration.alarms[LUTRA_RULE_NEW_HOOKABLE], 0);
	assert_int_equal(p->calibration.unseen.kind[POLICY_UNSEEN_PROGRAMS].things, 1);
	assert_int_equal(p->calibration.unseen.kind[POLICY_UNSEEN_FILES_READ].things, 0);
	assert_int_equal(p->calibration.unseen.kind[POLICY_UNSEEN_CALLS].things, 0);
}

/* Five runs. The first `odd` of them open a file in /etc that no other does, and map a library. */
static void odd_names(struct corpus *c, unsigned odd)
{
	for (unsigned r = 0; r < 5; r++) {
		const struct lutra_object lib = {.op = LUTRA_OP_MAPX, .mode = 0100755};
		char name[16], path[64];
		struct made_run m = made_run_new(c);

		snprintf(name, sizeof(name), "%.*s", (int)r + 1, "abcdef");
		for (int i = 0; i < 60; i++) {
			made_run_syscall(&m, 1, SYS_accept);
			made_run_open(&m, 1, "/etc/conf", false);
			made_run_object(&m, 1, lib, "/lib/libc.so");
		}
		m.ts_ns += 2000ull * 1000000;
		snprintf(path, sizeof(path), "/etc/%c", 'a' + (char)r);
		if (r < odd)
			made_run_open(&m, 1, path, false);
		snprintf(path, sizeof(path), "/lib/%c.so", 'a' + (char)r);
		if (r < odd)
			made_run_object(&m, 1, lib, path);
		made_run_end(&m, name, false);
	}
}

static bool directory_varies(const struct policy *p, const char *path)
{
	char name[PATH_MAX];

	for (uint32_t i = 0; i < p->n_nodes; i++)
		if (policy_node_path(p, i, name, sizeof(name)) == 0 && strcmp(name, path) == 0)
			return policy_node_varies(p, i);
	fail_msg("%s is not in the tree", path);
	return false;
}

static void calibrate_new_names_of_one_run_leave_their_directory(void **state)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	odd_names(*state, 1);
	p = train_and_load(*state, 1, 1);
	assert_false(directory_varies(p, "/etc"));
	assert_int_equal(p->calibration.alarms_deny, 1);
}

/* Programs are never part of it: a library that is new in /lib is refused as before. */
static void calibrate_new_names_of_two_runs_make_their_directory_vary(void **state)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	odd_names(*state, 2);
	p = train_and_load(*state, 1, 1);
	assert_true(directory_varies(p, "/etc"));
	assert_false(directory_varies(p, "/lib"));
	assert_int_equal(p->action[LUTRA_RULE_OPEN_READ_PROTECTED], LUTRA_ACTION_DENY);
	assert_int_equal(p->action[LUTRA_RULE_MAPX], LUTRA_ACTION_DENY);
	assert_non_null(strstr(p->calibration.advice, "met in /etc"));
	assert_null(strstr(p->calibration.advice, "/etc,"));
}

/* What alerts is what the replays met: not another access, operation, role or kind of file. */
static void calibrate_new_names_that_were_read_do_not_let_others_be_written(void **state)
{
	const struct {
		struct lutra_object object;
		const char *path;
		uint8_t role;
		bool varies;
	} cases[] = {
		{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/etc/new", LUTRA_ROLE_STEADY, true},
		{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/etc/new", LUTRA_ROLE_ANY, true},
		{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/etc/new", LUTRA_ROLE_SPAWNED, false},
		{{.op = LUTRA_OP_OPEN, .mode = 0020644}, "/etc/new", LUTRA_ROLE_STEADY, false},
		{{.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_WRITE},
		 "/etc/new",
		 LUTRA_ROLE_STEADY,
		 false},
		{{.op = LUTRA_OP_LINK_TO}, "/etc/new", LUTRA_ROLE_STEADY, false},
		{{.op = LUTRA_OP_RENAME_TO}, "/etc/new", LUTRA_ROLE_STEADY, false},
		{{.op = LUTRA_OP_EXEC}, "/etc/new", LUTRA_ROLE_STEADY, false},
		{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/etc/sub/new", LUTRA_ROLE_STEADY, false},
		{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/lib/new", LUTRA_ROLE_STEADY, false},
	};
	_cleanup_(policy_freep) struct policy *p = NULL;

	odd_names(*state, 2);
	p = train_and_load(*state, 1, 1);
	p->ops = LUTRA_OPS_ALL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lutra_judgement j =
			made_policy_judge(p, cases[i].object, cases[i].path, cases[i].role);

		assert_true(j.rule != LUTRA_RULE_NONE);
		if (j.varies != cases[i].varies)
			fail_msg("%s, case %zu: varies %u", cases[i].path, i, j.varies);
	}
}

/* Each replay is judged by the directories that the others say vary. Here the files count. */
static void calibrate_counts_new_names_where_names_vary_as_alerts(void **state)
{
	static const struct {
		unsigned odd, refused;
	} cases[] = {{1, 1}, {2, 2}, {3, 0}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(policy_freep) struct policy *p = NULL;
		struct corpus c;

		assert_int_equal(corpus_init(&c), 0);
		odd_names(&c, cases[i].odd);
		for (size_t r = 0; r < c.n_runs; r++)
			c.runs[r].ops &= ~(1u << LUTRA_OP_MAPX);
		p = train_and_load(&c, 1, 1);
		assert_int_equal(p->calibration.alarms[LUTRA_RULE_OPEN_READ_PROTECTED],
				 cases[i].odd);
		assert_int_equal(p->calibration.alarms_alert, cases[i].odd);
		assert_int_equal(p->calibration.alarms_deny, cases[i].refused);
		corpus_done(&c);
	}
}

static void calibrate_only_audits_after_little_time(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;

	for (int r = 0; r < 3; r++)
		made_run_service(c, r == 0 ? "a" : r == 1 ? "bb" : "ccc", 0, 20);
	p = train_and_load(c, 1, 1);
	assert_true(p->calibration.audit_only);
	assert_int_equal(p->mode, LUTRA_MODE_AUDIT);
	assert_int_equal(p->action[LUTRA_RULE_EXEC], LUTRA_ACTION_ALERT);
	assert_non_null(strstr(p->calibration.advice, "too little time"));
	assert_non_null(strstr(p->calibration.advice, "record 7.4 h more"));
}

static void calibrate_counts_a_heldout_run_that_trains_nothing(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct made_run m;

	add_services(c, 3);
	m = made_run_new(c);
	for (int i = 0; i < 8; i++)
		made_run_syscall(&m, 1, i & 1 ? SYS_ptrace : SYS_uname);
	made_run_end(&m, "held", true);
	p = train_and_load(c, 1, 1);
	assert_int_equal(p->calibration.heldout, 1);
	assert_int_equal(p->n_runs, 3);
	assert_int_equal(p->token[0][SYS_ptrace], LUTRA_UNK);
	assert_true(p->calibration.alarms[LUTRA_RULE_NEW_HOOKABLE] >= 1);
	assert_true(p->calibration.max_level > 0);
}

static void calibrate_only_audits_after_few_runs(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct train_options options = {
		.image = "i", .seed = 1, .threads = 1, .kill_matches = 1, .mode = LUTRA_MODE_KILL};
	struct policy *none = NULL;

	add_services(c, 1);
	p = train_and_load(c, 1, 1);
	assert_true(p->calibration.audit_only);
	assert_int_equal(p->calibration.runs, 0);
	assert_int_equal(p->mode, LUTRA_MODE_AUDIT);
	assert_int_equal(p->action[LUTRA_RULE_NEW_HOOKABLE], LUTRA_ACTION_ALERT);
	assert_int_equal(p->action[LUTRA_RULE_EXEC_FRESH], LUTRA_ACTION_DENY);
	assert_int_equal(p->action[LUTRA_RULE_LEVEL], LUTRA_ACTION_LOG);
	assert_non_null(strstr(p->calibration.advice, "2 more runs"));
	assert_int_equal(train_policy(c, &options, NULL, &none, NULL), -EINVAL);
	assert_null(none);
}

/* ---- training ---- */

static void assert_same_policy(const struct policy *a, const struct policy *b, bool same)
{
	assert_int_equal(strcmp(a->tables_sha256, b->tables_sha256) == 0, same);
	assert_int_equal(a->v == b->v && a->n_nodes == b->n_nodes && a->n_objects == b->n_objects,
			 true);
	if (same)
		assert_true(a->threshold == b->threshold);
}

static void train_gives_the_same_bytes_for_a_seed(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *one = NULL, *two = NULL, *other = NULL;

	add_services(c, M_WEIGHTS_RUNS);
	one = train_and_load(c, 3, 1);
	two = train_and_load(c, 3, 2);
	other = train_and_load(c, 4, 2);
	assert_same_policy(one, two, true);
	assert_same_policy(one, other, false);
}

/* Also through the policy's keys: an object's key has a token wherever a run had it. */
static void expect_own_run_known(const struct corpus *c)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	_cleanup_(run_iter_done) struct run_iter w = {0};
	struct run_event e;

	p = train_and_load(c, 1, 2);
	assert_non_null(image);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	assert_int_equal(run_iter_init(&w, &c->runs[1], image), 0);
	while (run_iter_next(&w, &e)) {
		struct lutra_judgement j;
		struct lutra_key_search search;
		struct lutra_token_score score = {};
		struct lutra_object o;
		struct lutra_path path;

		if (!e.is_syscall) {
			objects_judge(c, e.object, e.state->role, image, &j);
			assert_int_equal(j.rule, LUTRA_RULE_NONE);
			objects_get(c, e.object, &o, &path);
			if (!(image->ops >> o.op & 1))
				continue; /* level M leaves it out */
			lutra_score_object(e.state, image,
					   lutra_object_key(image, &o, &path, &search), NULL, NULL,
					   &score);
		} else {
			lutra_score_syscall(e.state, image, e.nr, NULL, NULL, &score);
		}
		assert_true(score.token >= LUTRA_TOKEN0 || (e.is_syscall && tokens_has_none(e.nr)));
		assert_true(lutra_m_known(&score.m));
	}
}

static void train_policy_knows_its_own_runs(void **state)
{
	struct corpus *c = *state;

	add_services(c, 3);
	expect_own_run_known(c);
}

static void train_policy_of_many_runs_knows_its_own_runs(void **state)
{
	struct corpus *c = *state;

	add_services(c, M_WEIGHTS_RUNS);
	expect_own_run_known(c);
}

static void train_worker_is_steady_after_it_waits_if_it_never_accepts(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct made_run m = made_run_new(c);

	for (int i = 0; i < 20; i++) {
		made_run_syscall(&m, 1, SYS_read);
		made_run_syscall(&m, 1, SYS_epoll_wait);
	}
	made_run_end(&m, "r", false);
	p = train_and_load(c, 1, 1);
	assert_true(p->steady_on_wait);
	assert_true(p->token[LUTRA_ROLE_STEADY][SYS_read] != LUTRA_UNK);
}

/* A master that accepts nothing, and forks a worker that does. accepts: the master does, too. */
static void add_master(struct corpus *c, const char *file, bool accepts)
{
	struct made_run m = made_run_new(c);

	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	made_run_syscall(&m, 1, accepts ? SYS_accept : SYS_read);
	made_run_task(&m, 1, LUTRA_RECORD_FORK, 2 | 2ull << 32);
	made_run_syscall(&m, 2, SYS_accept);
	made_run_end(&m, file, false);
}

static void train_master_that_never_accepts_stays_in_its_startup(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL, *both = NULL;

	add_master(c, "a", false);
	add_master(c, "b", false);
	p = train_and_load(c, 1, 1);
	assert_int_equal(p->first_process, POLICY_FIRST_STAYS);
	add_master(c, "c", true);
	both = train_and_load(c, 1, 1);
	assert_int_equal(both->first_process, POLICY_FIRST_STEADY);
}

static void train_sets_provenance_and_successors(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	uint8_t accept, read;

	add_services(c, 3);
	p = train_and_load(c, 9, 1);
	assert_string_equal(p->image, "made");
	assert_int_equal(p->seed, 9);
	assert_int_equal(p->n_runs, 3);
	assert_string_equal(p->runs[0].file, c->runs[0].file);
	assert_int_equal(p->runs[0].calls, c->runs[0].calls);
	assert_int_equal(p->calls, c->runs[0].calls + c->runs[1].calls + c->runs[2].calls);
	assert_int_equal(p->ops, MADE_OPS);
	accept = p->token[LUTRA_ROLE_STEADY][SYS_accept4];
	read = p->token[LUTRA_ROLE_STEADY][SYS_read];
	assert_int_equal(p->successors[accept * POLICY_SUCCESSORS], read);
	assert_int_equal(p->successors[accept * POLICY_SUCCESSORS + 1], LUTRA_PAD);
}

static void syscall_traits_name_a_hook_for_every_hookable_syscall(void **state)
{
	uint64_t mask[LUTRA_NR / 64];

	(void)state;
	syscall_mask(NULL, SYSCALL_HOOKABLE, mask);
	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		assert_int_equal(mask[nr / 64] >> (nr & 63) & 1, syscall_hook(NULL, nr) != NULL);
	syscall_hookable_mask(NULL, 1u << LUTRA_OP_CONNECT, mask);
	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		assert_int_equal(mask[nr / 64] >> (nr & 63) & 1,
				 syscall_hook(NULL, nr) != NULL && nr != SYS_connect);
	assert_string_equal(syscall_hook(NULL, SYS_mount), "sb_mount");
	assert_string_equal(syscall_hook(NULL, SYS_setns), "capable");
	assert_null(syscall_hook(NULL, SYS_getpid));
	assert_null(syscall_hook(NULL, LUTRA_NR_IA32 | SYS_mount));
}

static void objects_hooks_of_clone_exclude_the_user_namespace(void **state)
{
	(void)state;
	assert_true(syscall_hooks(NULL, SYS_unshare) >> LUTRA_HOOK_USERNS_CREATE & 1);
	assert_true(syscall_hooks(NULL, SYS_clone) >> LUTRA_HOOK_TASK_ALLOC & 1);
	assert_false(syscall_hooks(NULL, SYS_clone) >> LUTRA_HOOK_USERNS_CREATE & 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, calibrate_setup, calibrate_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(calibrate_finds_what_only_one_run_does),
		T(calibrate_estimates_of_exec_sessions_what_is_reported),
		T(calibrate_new_names_of_one_run_leave_their_directory),
		T(calibrate_new_names_of_two_runs_make_their_directory_vary),
		T(calibrate_new_names_that_were_read_do_not_let_others_be_written),
		cmocka_unit_test(calibrate_counts_new_names_where_names_vary_as_alerts),
		T(calibrate_only_audits_after_little_time),
		T(calibrate_counts_a_heldout_run_that_trains_nothing),
		T(calibrate_only_audits_after_few_runs),
		T(train_gives_the_same_bytes_for_a_seed),
		T(train_policy_knows_its_own_runs),
		T(train_policy_of_many_runs_knows_its_own_runs),
		T(train_worker_is_steady_after_it_waits_if_it_never_accepts),
		T(train_master_that_never_accepts_stays_in_its_startup),
		T(train_sets_provenance_and_successors),
		cmocka_unit_test(syscall_traits_name_a_hook_for_every_hookable_syscall),
		cmocka_unit_test(objects_hooks_of_clone_exclude_the_user_namespace),
	};

	return cmocka_run_group_tests_name("train_rules", tests, NULL, NULL);
}
