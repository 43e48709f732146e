/* SPDX-License-Identifier: Apache-2.0 */
/* What training makes of exec sessions: theirs is known to them, and moves nothing of the service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/path_text.h"
#include "tests/support/trainer/made_run.h"
#include "tests/support/scratch.h"
#include "trainer/train.h"

#define SERVICE 10 /* tasks */
#define OPERATOR 20

struct fixture {
	struct corpus corpus;
	struct policy *p;
	struct lutra_policy *image;
};

/* A service that answers, and a session that runs a check which no other run has. */
static void add_run(struct corpus *c, unsigned i)
{
	struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = OPERATOR, .aux = 1};
	struct lutra_object exec = {.op = LUTRA_OP_EXEC, .mode = 0100755};
	struct made_run m = made_run_new(c);
	char name[32];

	made_run_task(&m, SERVICE, LUTRA_RECORD_ARM, 0);
	made_run_open(&m, SERVICE, "/etc/service.conf", false);
	made_run_syscall(&m, SERVICE, SYS_openat);
	for (int k = 0; k < 50; k++) {
		made_run_syscall(&m, SERVICE, SYS_accept4);
		made_run_syscall(&m, SERVICE, SYS_read);
		made_run_syscall(&m, SERVICE, SYS_write);
	}
	assert_int_equal(made_run_record(&m, arm, NULL), 0);
	snprintf(name, sizeof(name), "/usr/bin/check-%c", 'a' + (int)i);
	made_run_object(&m, OPERATOR, exec, name);
	made_run_open(&m, OPERATOR, "/etc/check.conf", false);
	for (int k = 0; k < 5; k++) {
		made_run_syscall(&m, OPERATOR, SYS_getpgid);
		made_run_syscall(&m, OPERATOR, SYS_write);
		made_run_syscall(&m, OPERATOR, SYS_write);
	}
	snprintf(name, sizeof(name), "%c-run.ltr", 'a' + (int)i);
	made_run_end(&m, name, false);
}

/* Trains a policy, saves it and loads it again. */
static void train_runs(struct fixture *f, bool guard)
{
	const struct train_options options = {.image = "made",
					      .seed = 1,
					      .threads = 1,
					      .kill_matches = 2,
					      .guard_sessions = guard,
					      .mode = TRAIN_MODE_DEFAULT};
	_cleanup_(policy_freep) struct policy *trained = NULL;
	char *dir = scratch_dir();
	_cleanup_free_ char *path = scratch_path(dir, "p");
	struct err err = {""};

	policy_free(f->p);
	f->p = NULL;
	if (train_policy(&f->corpus, &options, NULL, &trained, &err) < 0 ||
	    policy_save(trained, path, &err) < 0 || policy_load(&f->p, path, &err) < 0 ||
	    policy_to_kernel(f->p, 1, f->image, &err) < 0)
		fail_msg("%s", err.msg);
	scratch_remove(dir);
}

static int exec_session_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->image = calloc(1, sizeof(*f->image));
	if (!f->image || corpus_init(&f->corpus) < 0)
		return -1;
	for (unsigned i = 0; i < 4; i++)
		add_run(&f->corpus, i);
	train_runs(f, false);
	return 0;
}

static int exec_session_teardown(void **state)
{
	struct fixture *f = *state;

	policy_free(f->p);
	free(f->image);
	corpus_done(&f->corpus);
	free(f);
	return 0;
}

/* Returns the kind of an object in a role. */
static unsigned kind_of(const struct fixture *f, unsigned op, const char *name, uint8_t role)
{
	struct lutra_object o = {.op = (uint8_t)op,
				 .flags = LUTRA_OBJ_PATH,
				 .mode = op == LUTRA_OP_EXEC ? 0100755 : 0100644};
	char fold[LUTRA_NAME] __attribute__((__aligned__(8)));
	struct lutra_judgement j = {};
	struct lutra_path path;

	path_text_parse(name, strlen(name), &path);
	lutra_judge_object(f->image, &o, &path, role, fold, &j);
	return j.kind;
}

static void exec_session_is_known_to_sessions_alone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(kind_of(f, LUTRA_OP_EXEC, "/usr/bin/check-a", LUTRA_ROLE_SESSION),
			 LUTRA_KIND_KNOWN);
	assert_int_equal(kind_of(f, LUTRA_OP_OPEN, "/etc/check.conf", LUTRA_ROLE_SESSION),
			 LUTRA_KIND_KNOWN);
	assert_int_equal(kind_of(f, LUTRA_OP_OPEN, "/etc/service.conf", LUTRA_ROLE_SESSION),
			 LUTRA_KIND_KNOWN);
	assert_int_equal(kind_of(f, LUTRA_OP_EXEC, "/usr/bin/other", LUTRA_ROLE_SESSION),
			 LUTRA_KIND_PROTECTED);
	for (unsigned role = 0; role <= LUTRA_ROLE_ANY; role++) {
		if (role == LUTRA_ROLE_SESSION)
			continue;
		assert_int_equal(kind_of(f, LUTRA_OP_EXEC, "/usr/bin/check-a", role),
				 LUTRA_KIND_PROTECTED);
		assert_int_equal(kind_of(f, LUTRA_OP_OPEN, "/etc/check.conf", role),
				 LUTRA_KIND_PROTECTED);
	}
	assert_int_equal(f->p->token[LUTRA_ROLE_STEADY][SYS_getpgid], LUTRA_UNK);
	assert_int_not_equal(f->p->token[LUTRA_ROLE_SESSION][SYS_getpgid], LUTRA_UNK);
}

/* write after write: only the sessions had it. Both have the token of the service's write. */
static void exec_session_pairs_count_only_if_guarded(void **state)
{
	struct fixture *f = *state;
	unsigned write = f->p->token[LUTRA_ROLE_STEADY][SYS_write];

	assert_int_equal(f->p->token[LUTRA_ROLE_SESSION][SYS_write], write);
	assert_true(f->p->t0[write * f->p->v + write] >> 8 > 0);
	train_runs(f, true);
	write = f->p->token[LUTRA_ROLE_STEADY][SYS_write];
	assert_int_equal(f->p->t0[write * f->p->v + write] >> 8, 0);
}

static void exec_session_makes_no_alarm_in_calibration_if_audited(void **state)
{
	struct fixture *f = *state;

	assert_true(f->p->audit_sessions);
	assert_int_equal(f->p->calibration.alarms[LUTRA_RULE_EXEC], 0);
	assert_int_equal(f->p->calibration.alarms_alert, 0);
	train_runs(f, true);
	assert_false(f->p->audit_sessions);
	assert_int_equal(f->p->calibration.alarms[LUTRA_RULE_EXEC], 4);
}

static void exec_session_leaves_the_service_where_tokens_are_too_many(void **state)
{
	struct lutra_object o = {.op = LUTRA_OP_CHDIR, .mode = 040755};
	struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = OPERATOR, .aux = 1};
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	size_t sessions = 0;
	char path[64];

	assert_int_equal(made_run_record(&m, arm, NULL), 0);
	for (unsigned i = 0; i < 26 * 26 * 4; i++) {
		snprintf(path, sizeof(path), "/etc/%c%c%c", 'a' + (int)i % 26,
			 'a' + (int)i / 26 % 26, 'a' + (int)i / 676);
		made_run_object(&m, OPERATOR, o, path);
	}
	made_run_end(&m, "z-run.ltr", false);
	train_runs(f, false);
	for (size_t i = 0; i < f->p->n_objects; i++)
		sessions += lutra_object_token_role(f->p->objects[i]) == LUTRA_ROLE_SESSION;
	assert_true(f->p->n_objects <= POLICY_OBJECTS_MAX);
	assert_int_equal(kind_of(f, LUTRA_OP_OPEN, "/etc/service.conf", LUTRA_ROLE_STARTUP),
			 LUTRA_KIND_KNOWN);
	assert_true(sessions < 26 * 26 * 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, exec_session_setup, exec_session_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(exec_session_is_known_to_sessions_alone),
		T(exec_session_pairs_count_only_if_guarded),
		T(exec_session_makes_no_alarm_in_calibration_if_audited),
		T(exec_session_leaves_the_service_where_tokens_are_too_many),
	};

	return cmocka_run_group_tests_name("exec_session", tests, NULL, NULL);
}
