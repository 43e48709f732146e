/* SPDX-License-Identifier: Apache-2.0 */
/* The iterator of runs: roles of tasks, time, and counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/syscall_traits.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/data/run_iter.h"

struct fixture {
	struct corpus corpus;
	struct lutra_policy *policy; /* steady after accept, and nothing else */
};

static int run_iter_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint64_t steady[LUTRA_NR / 64];

	f->policy = calloc(1, sizeof(*f->policy));
	syscall_mask(NULL, SYSCALL_ACCEPTS, steady);
	memcpy(f->policy->steady, steady, sizeof(steady));
	*state = f;
	return corpus_init(&f->corpus);
}

static int run_iter_teardown(void **state)
{
	struct fixture *f = *state;

	corpus_done(&f->corpus);
	free(f->policy);
	free(f);
	return 0;
}

/* Roles of the calls of run 0, in order, as digits. */
static void roles_of(const struct fixture *f, char *ret)
{
	_cleanup_(run_iter_done) struct run_iter w = {0};
	struct run_event e;

	assert_int_equal(run_iter_init(&w, &f->corpus.runs[0], f->policy), 0);
	while (run_iter_next(&w, &e))
		if (e.is_syscall)
			*ret++ = (char)('0' + e.state->role);
	*ret = '\0';
}

static void run_iter_inherits_roles_and_moves_them_by_accept_and_exec(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	char roles[32];

	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	made_run_syscall(&m, 1, SYS_read);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_syscall(&m, 1, SYS_read);
	made_run_task(&m, 1, LUTRA_RECORD_FORK, 2 | 2ull << 32);
	made_run_task(&m, 2, LUTRA_RECORD_EXEC, 0);
	made_run_syscall(&m, 2, SYS_read);
	made_run_task(&m, 2, LUTRA_RECORD_FORK, 3);
	made_run_task(&m, 3, LUTRA_RECORD_EXEC, 0);
	made_run_syscall(&m, 3, SYS_read);
	made_run_syscall(&m, 1, SYS_read);
	made_run_task(&m, 2, LUTRA_RECORD_EXIT, 0);
	made_run_syscall(&m, 2, SYS_read); /* the same thread id, another task */
	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	made_run_syscall(&m, 1, SYS_read);
	made_run_end(&m, "r", false);
	roles_of(f, roles);
	assert_string_equal(roles, "00123100");
}

/* The first process never accepted in training, its children did. A thread is of its process. */
static void run_iter_keeps_a_first_process_that_never_accepts_in_its_start_up(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	struct lutra_record thread = {
		.type = LUTRA_RECORD_FORK, .nr = 1, .tid = 1, .tgid = 1, .arg = 2 | 1ull << 32};
	struct run_counts counts = {0};
	char roles[32];

	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	made_run_record(&m, thread, NULL);
	made_run_syscall(&m, 2, SYS_accept);
	made_run_syscall(&m, 2, SYS_read);
	made_run_task(&m, 1, LUTRA_RECORD_FORK, 3 | 3ull << 32);
	made_run_syscall(&m, 3, SYS_accept);
	made_run_syscall(&m, 3, SYS_read);
	made_run_end(&m, "r", false);
	roles_of(f, roles);
	assert_string_equal(roles, "0101");
	assert_int_equal(run_count_syscalls(&f->corpus.runs[0], f->policy, 0, &counts), 0);
	assert_int_equal(counts.first_process, POLICY_FIRST_STEADY);
	run_counts_done(&counts);
	f->policy->first_stays = 1;
	roles_of(f, roles);
	assert_string_equal(roles, "0001");
	assert_int_equal(run_count_syscalls(&f->corpus.runs[0], f->policy, 0, &counts), 0);
	assert_int_equal(counts.first_process, POLICY_FIRST_STAYS);
	run_counts_done(&counts);
}

/* Tasks that ran before the recording: in the role that they had, or steady if nobody knows it. */
static void run_iter_begins_carried_tasks_in_their_roles(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .nr = 1};
	char roles[32];

	for (arm.tid = 1; arm.tid <= LUTRA_ROLE_ANY + 1; arm.tid++) {
		arm.arg = lutra_role_pack((uint8_t)(arm.tid - 1), LUTRA_ROLE_STARTUP);
		arm.aux = arm.tid - 1 == LUTRA_ROLE_SESSION;
		made_run_record(&m, arm, NULL);
		made_run_syscall(&m, arm.tid, SYS_read);
	}
	arm.arg = arm.aux = 0;
	made_run_record(&m, arm, NULL);
	made_run_syscall(&m, arm.tid, SYS_read);
	made_run_task(&m, arm.tid, LUTRA_RECORD_EXEC, 0);
	made_run_syscall(&m, arm.tid, SYS_read);
	made_run_end(&m, "r", false);
	roles_of(f, roles);
	assert_string_equal(roles, "01234112");
}

static void run_iter_keeps_the_state_of_a_thread_that_execs(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	char roles[32];

	made_run_syscall(&m, 1, SYS_read);
	made_run_task(&m, 1, LUTRA_RECORD_FORK, 2 | 1ull << 32);
	made_run_syscall(&m, 2, SYS_accept);
	made_run_task(&m, 1, LUTRA_RECORD_EXIT, 0);
	made_run_task(&m, 1, LUTRA_RECORD_EXEC, 2);
	made_run_syscall(&m, 1, SYS_read);
	made_run_end(&m, "r", false);
	roles_of(f, roles);
	assert_string_equal(roles, "002");
}

static void run_iter_moves_all_threads_of_a_process(void **state)
{
	static const struct lutra_record thread = {
		.type = LUTRA_RECORD_FORK, .nr = 1, .tid = 1, .tgid = 1, .arg = 2 | 1ull << 32};
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	char roles[32];

	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	assert_int_equal(made_run_record(&m, thread, NULL), 0);
	made_run_task(&m, 1, LUTRA_RECORD_FORK, 3 | 3ull << 32); /* a process of its own */
	made_run_syscall(&m, 1, SYS_read);
	made_run_syscall(&m, 2, SYS_accept);
	made_run_syscall(&m, 1, SYS_read);
	made_run_syscall(&m, 3, SYS_read);
	made_run_task(&m, 1, LUTRA_RECORD_EXIT, 0);
	made_run_task(&m, 3, LUTRA_RECORD_FORK, 1 | 1ull << 32); /* the leader's id is used again */
	made_run_syscall(&m, 1, SYS_read);
	made_run_syscall(&m, 2, SYS_read);
	made_run_end(&m, "r", false);
	roles_of(f, roles);
	assert_string_equal(roles, "001001");
}

static void run_iter_keeps_the_role_of_a_program_that_executes_itself(void **state)
{
	static const struct lutra_record again = {
		.type = LUTRA_RECORD_EXEC, .aux = LUTRA_EXEC_AGAIN, .tid = 1};
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	struct lutra_object program = {.op = LUTRA_OP_EXEC, .mode = 0100755};
	char roles[32];

	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	made_run_object(&m, 1, program, "/usr/sbin/sshd");
	made_run_task(&m, 1, LUTRA_RECORD_EXEC, 0);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_object(&m, 1, program, "/usr/sbin/sshd"); /* an older recording: the path tells */
	made_run_task(&m, 1, LUTRA_RECORD_EXEC, 0);
	made_run_syscall(&m, 1, SYS_read);
	assert_int_equal(made_run_record(&m, again, NULL), 0);
	made_run_syscall(&m, 1, SYS_read);
	made_run_object(&m, 1, program, "/usr/bin/dash");
	made_run_task(&m, 1, LUTRA_RECORD_EXEC, 0);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_syscall(&m, 1, SYS_read);
	made_run_end(&m, "r", false);
	roles_of(f, roles);
	assert_string_equal(roles, "01122");
}

static void run_iter_keeps_time_and_skips_restarted_syscalls(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	_cleanup_(run_iter_done) struct run_iter w = {0};
	struct run_event e;

	made_run_syscall(&m, 1, SYS_read);
	made_run_syscall(&m, 1, LUTRA_NR_RESTART);
	m.ts_ns += 3000ull * 1000000 * 1000; /* longer than one word holds */
	made_run_syscall(&m, 1, LUTRA_NR_IA32 | 5);
	m.ts_ns = 0; /* a clock does not go back */
	made_run_syscall(&m, 1, SYS_write);
	made_run_end(&m, "r", false);
	assert_int_equal(run_iter_init(&w, &f->corpus.runs[0], f->policy), 0);
	assert_true(run_iter_next(&w, &e));
	assert_int_equal(e.ms, 0);
	assert_true(run_iter_next(&w, &e));
	assert_int_equal(e.ms, 3000002);
	assert_int_equal(e.nr, LUTRA_NR);
	assert_true(run_iter_next(&w, &e));
	assert_int_equal(e.ms, 3000002);
	assert_int_equal(e.nr, SYS_write);
	assert_false(run_iter_next(&w, &e));
	assert_int_equal(f->corpus.runs[0].calls, 3);
	assert_int_equal(f->corpus.runs[0].foreign, 1);
	assert_int_equal(f->corpus.runs[0].length_ms, 3000002);
}

static void run_iter_counts_what_is_in_the_run(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	_cleanup_(run_counts_done) struct run_counts c = {0};

	for (int i = 0; i < 3; i++)
		made_run_syscall(&m, 1, SYS_read);
	made_run_syscall(&m, 1, LUTRA_NR_X32 | 1);
	made_run_syscall(&m, 1, SYS_write);
	made_run_open(&m, 1, "/a", false);
	made_run_end(&m, "r", false);
	assert_int_equal(run_count_syscalls(&f->corpus.runs[0], f->policy, 1, &c), 0);
	assert_int_equal(c.calls[0][SYS_read], 3);
	assert_int_equal(c.calls[0][SYS_write], 1);
	assert_int_equal(c.object_roles[0], 1);
}

static void run_iter_tells_objects_of_workers_apart(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	_cleanup_(run_iter_done) struct run_iter it = {0};
	const struct lutra_object o = {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = 1, .nr = LUTRA_NR_NONE};
	struct run_event e;

	made_run_open(&m, 1, "/b", false);
	lutra_object_pack(&o, &rec);
	assert_int_equal(made_run_record(&m, rec, "/a"), 0);
	made_run_end(&m, "r", false);
	assert_int_equal(run_iter_init(&it, &f->corpus.runs[0], f->policy), 0);
	assert_true(run_iter_next(&it, &e));
	assert_false(e.is_worker);
	assert_int_equal(e.object, 0);
	assert_true(run_iter_next(&it, &e));
	assert_true(e.is_worker);
	assert_int_equal(e.object, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, run_iter_setup, run_iter_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(run_iter_inherits_roles_and_moves_them_by_accept_and_exec),
		T(run_iter_keeps_a_first_process_that_never_accepts_in_its_start_up),
		T(run_iter_begins_carried_tasks_in_their_roles),
		T(run_iter_keeps_the_state_of_a_thread_that_execs),
		T(run_iter_moves_all_threads_of_a_process),
		T(run_iter_keeps_the_role_of_a_program_that_executes_itself),
		T(run_iter_keeps_time_and_skips_restarted_syscalls),
		T(run_iter_counts_what_is_in_the_run),
		T(run_iter_tells_objects_of_workers_apart),
	};

	return cmocka_run_group_tests_name("run_iter", tests, NULL, NULL);
}
