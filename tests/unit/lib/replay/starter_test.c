/* SPDX-License-Identifier: Apache-2.0 */
/* A replay knows which program starts another, as the kernel does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/policy/accepted/accepted.h"
#include "lib/replay/replay.h"
#include "tests/support/sample.h"

#define STARTER "/usr/sbin/logrotate"
#define STARTED "/bin/gzip"
#define OTHER "/bin/sh"
#define NOW 1700000000

struct fixture {
	struct policy *p;
	struct replay *r;
};

/* Adds what knows STARTED where STARTER starts it, and the place of OTHER. */
static void accept_started(struct policy *p)
{
	struct accepted_scope s = {.kind = ACCEPTED_OBJECT,
				   .role = ACCEPTED_ANY_ROLE,
				   .nr = LUTRA_NR_NONE,
				   .path = STARTED,
				   .starter = STARTER,
				   .object = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH}};
	const struct accepted_request q = {.finding = "f0", .by = "root"};
	json_auto_t *delta = accepted_new("/srv/shop"), *first = accepted_entry_new(&s, &q, NOW);
	json_auto_t *other = NULL;
	struct err left_out;

	strcpy(s.path, OTHER);
	other = accepted_entry_new(&s, &q, NOW);
	assert_int_equal(accepted_add(delta, first, NULL), 0);
	assert_int_equal(accepted_add(delta, other, NULL), 0);
	assert_int_equal(accepted_apply(p, delta, NOW, &left_out, NULL), 0);
	assert_string_equal(left_out.msg, "");
}

static int starter_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->p = sample_policy();
	f->p->ops |= 1u << LUTRA_OP_EXEC;
	accept_started(f->p);
	*state = f;
	return replay_new(&f->r, f->p, LUTRA_MODE_AUDIT, NULL);
}

static int starter_teardown(void **state)
{
	struct fixture *f = *state;

	replay_free(f->r);
	policy_free(f->p);
	free(f);
	return 0;
}

static void feed_task(struct fixture *f, uint16_t type, uint32_t tid, uint64_t arg, const char *str)
{
	const struct lutra_record rec = {.type = type, .tid = tid, .tgid = tid, .arg = arg};
	struct replay_step s;

	assert_int_equal(replay_next(f->r, &rec, str, str ? strlen(str) : 0, &s), 0);
}

static void fork_task(struct fixture *f, uint32_t tid, uint32_t child)
{
	feed_task(f, LUTRA_RECORD_FORK, tid, child | (uint64_t)child << 32, NULL);
}

/* Has a task ask for an execution. Returns true if it is known. */
static bool is_exec_known(struct fixture *f, uint32_t tid, const char *path)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH, .mode = 0100755};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = tid, .tgid = tid};
	struct replay_step s;

	lutra_object_pack(&o, &rec);
	assert_int_equal(replay_next(f->r, &rec, path, strlen(path), &s), 1);
	return s.judgement.kind == LUTRA_KIND_KNOWN;
}

/* Has a task execute a program. Returns true if that is known. */
static bool exec_program(struct fixture *f, uint32_t tid, const char *path)
{
	bool known = is_exec_known(f, tid, path);

	feed_task(f, LUTRA_RECORD_EXEC, tid, tid, NULL);
	return known;
}

static void replay_knows_the_starter_of_a_child(void **state)
{
	struct fixture *f = *state;

	assert_false(is_exec_known(f, 1, STARTED));
	exec_program(f, 1, STARTER);
	fork_task(f, 1, 2);
	assert_true(exec_program(f, 2, STARTED));
	assert_false(exec_program(f, 2, STARTED));
	assert_true(is_exec_known(f, 1, STARTED));
}

static void replay_knows_what_a_task_executed_last(void **state)
{
	struct fixture *f = *state;

	exec_program(f, 1, STARTER);
	fork_task(f, 1, 2);
	exec_program(f, 2, "/no/such/node");
	assert_false(is_exec_known(f, 2, STARTED));
	fork_task(f, 1, 3);
	/* An execution that fails has no EXEC record. */
	is_exec_known(f, 3, OTHER);
	assert_true(is_exec_known(f, 3, STARTED));
	assert_true(exec_program(f, 3, OTHER));
	assert_false(is_exec_known(f, 3, STARTED));
}

/* The interpreter of a script is executed after the script, and is the program. */
static void replay_takes_the_interpreter_for_the_program(void **state)
{
	struct fixture *f = *state;

	is_exec_known(f, 1, OTHER);
	exec_program(f, 1, STARTER);
	assert_true(is_exec_known(f, 1, STARTED));
	is_exec_known(f, 1, STARTER);
	exec_program(f, 1, OTHER);
	assert_false(is_exec_known(f, 1, STARTED));
}

static void replay_knows_what_a_task_began_with(void **state)
{
	struct fixture *f = *state;

	feed_task(f, LUTRA_RECORD_ARM, 1, 0, STARTER);
	assert_true(is_exec_known(f, 1, STARTED));
	feed_task(f, LUTRA_RECORD_ARM, 2, 0, NULL);
	assert_false(is_exec_known(f, 2, STARTED));
}

#define T(f) cmocka_unit_test_setup_teardown(f, starter_setup, starter_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(replay_knows_the_starter_of_a_child),
		T(replay_knows_what_a_task_executed_last),
		T(replay_takes_the_interpreter_for_the_program),
		T(replay_knows_what_a_task_began_with),
	};

	return cmocka_run_group_tests_name("starter", tests, NULL, NULL);
}
