/* SPDX-License-Identifier: Apache-2.0 */
/* The live tasks of a recorded container, and the ARM records that carry their roles on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/syscall.h>

#include "lib/replay/live_roles.h"
#include "lutra/score.h"

struct fixture {
	struct live_roles live;
	struct lutra_record *rec;
	size_t n;
};

static int live_roles_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	live_roles_init(&f->live, "x86_64");
	*state = f;
	return 0;
}

static int live_roles_teardown(void **state)
{
	struct fixture *f = *state;

	live_roles_reset(&f->live);
	free(f->rec);
	free(f);
	return 0;
}

static void step_record(struct fixture *f, unsigned type, uint32_t tid, uint16_t nr, uint64_t arg)
{
	const struct lutra_record rec = {
		.type = (uint16_t)type, .tid = tid, .tgid = tid, .nr = nr, .arg = arg};

	assert_int_equal(live_roles_step(&f->live, &rec), 0);
}

static void list_roles(struct fixture *f)
{
	free(f->rec);
	assert_int_equal(live_roles_list(&f->live, 7, &f->rec, &f->n), 0);
}

static void assert_role(const struct fixture *f, size_t i, uint32_t tid, unsigned if_accepts,
			unsigned if_waits)
{
	assert_int_equal(f->rec[i].type, LUTRA_RECORD_ARM);
	assert_int_equal(f->rec[i].ts_ns, 7);
	assert_int_equal(f->rec[i].tid, tid);
	assert_int_equal(f->rec[i].nr, 1);
	assert_int_equal(f->rec[i].arg, lutra_role_pack((uint8_t)if_accepts, (uint8_t)if_waits));
}

static void live_roles_follow_both_ends_of_a_startup(void **state)
{
	struct fixture *f = *state;

	step_record(f, LUTRA_RECORD_ARM, 5, 0, 0);
	step_record(f, LUTRA_RECORD_SYSCALL, 5, SYS_read, 0);
	step_record(f, LUTRA_RECORD_SYSCALL, 5, SYS_epoll_wait, 0);
	step_record(f, LUTRA_RECORD_FORK, 5, 0, 3 | 3ull << 32);
	step_record(f, LUTRA_RECORD_EXEC, 3, 0, 0);
	list_roles(f);
	assert_int_equal(f->n, 2);
	assert_role(f, 0, 3, LUTRA_ROLE_STARTUP, LUTRA_ROLE_SPAWNED);
	assert_role(f, 1, 5, LUTRA_ROLE_STARTUP, LUTRA_ROLE_STEADY);
	step_record(f, LUTRA_RECORD_SYSCALL, 5, SYS_accept4, 0);
	step_record(f, LUTRA_RECORD_EXIT, 3, 0, 0);
	list_roles(f);
	assert_int_equal(f->n, 1);
	assert_role(f, 0, 5, LUTRA_ROLE_STEADY, LUTRA_ROLE_STEADY);
}

static void live_roles_know_threads_and_their_groups(void **state)
{
	struct fixture *f = *state;

	step_record(f, LUTRA_RECORD_ARM, 5, 0, 0);
	step_record(f, LUTRA_RECORD_FORK, 5, 1, 6 | 5ull << 32);
	assert_true(live_roles_knows(&f->live, 6));
	assert_false(live_roles_knows(&f->live, 7));
	list_roles(f);
	assert_int_equal(f->rec[1].tid, 6);
	assert_int_equal(f->rec[1].tgid, 5);
}

static void live_roles_of_threads_are_their_process(void **state)
{
	struct fixture *f = *state;

	step_record(f, LUTRA_RECORD_ARM, 5, 0, 0);
	step_record(f, LUTRA_RECORD_FORK, 5, 1, 6 | 5ull << 32);
	step_record(f, LUTRA_RECORD_FORK, 5, 0, 7 | 7ull << 32);
	step_record(f, LUTRA_RECORD_SYSCALL, 5, SYS_accept4, 0);
	list_roles(f);
	assert_role(f, 1, 6, LUTRA_ROLE_STEADY, LUTRA_ROLE_STARTUP);
	assert_role(f, 2, 7, LUTRA_ROLE_STARTUP, LUTRA_ROLE_STARTUP);
}

static void live_roles_stay_when_a_program_executes_itself(void **state)
{
	const struct lutra_record again = {
		.type = LUTRA_RECORD_EXEC, .aux = LUTRA_EXEC_AGAIN, .tid = 5, .tgid = 5};
	struct fixture *f = *state;

	step_record(f, LUTRA_RECORD_ARM, 5, 0, 0);
	step_record(f, LUTRA_RECORD_SYSCALL, 5, SYS_accept4, 0);
	assert_int_equal(live_roles_step(&f->live, &again), 0);
	list_roles(f);
	assert_role(f, 0, 5, LUTRA_ROLE_STEADY, LUTRA_ROLE_STARTUP);
}

static void live_roles_of_an_exec_session_stay(void **state)
{
	struct fixture *f = *state;
	const struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = 9, .aux = 1};

	assert_int_equal(live_roles_step(&f->live, &arm), 0);
	step_record(f, LUTRA_RECORD_EXEC, 9, 0, 0);
	step_record(f, LUTRA_RECORD_SYSCALL, 9, SYS_accept, 0);
	list_roles(f);
	assert_role(f, 0, 9, LUTRA_ROLE_SESSION, LUTRA_ROLE_SESSION);
	assert_int_equal(f->rec[0].aux, 1);
}

/* What is listed of one recording begins the next, which lists the same. */
static void live_roles_are_carried_from_list_to_list(void **state)
{
	struct fixture *f = *state;
	struct lutra_record *first;
	size_t n;

	step_record(f, LUTRA_RECORD_ARM, 5, 0, 0);
	step_record(f, LUTRA_RECORD_SYSCALL, 5, SYS_accept, 0);
	step_record(f, LUTRA_RECORD_FORK, 5, 0, 6 | 6ull << 32);
	step_record(f, LUTRA_RECORD_EXEC, 6, 0, 0);
	step_record(f, LUTRA_RECORD_SYSCALL, 8, SYS_read, 0); /* nobody knows where it came from */
	list_roles(f);
	first = f->rec;
	n = f->n;
	f->rec = NULL;
	assert_int_equal(n, 3);
	live_roles_reset(&f->live);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(live_roles_step(&f->live, &first[i]), 0);
	list_roles(f);
	assert_int_equal(f->n, 3);
	assert_memory_equal(f->rec, first, 3 * sizeof(*first));
	assert_role(f, 1, 6, LUTRA_ROLE_SPAWNED, LUTRA_ROLE_STARTUP);
	assert_role(f, 2, 8, LUTRA_ROLE_ANY, LUTRA_ROLE_ANY);
	free(first);
}

static void live_roles_fill_in_what_is_known(void **state)
{
	struct fixture *f = *state;
	struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = 5, .nr = 1};

	live_roles_fill(&f->live, &arm);
	assert_int_equal(arm.arg, 0);
	step_record(f, LUTRA_RECORD_ARM, 5, 0, 0);
	live_roles_fill(&f->live, &arm);
	assert_int_equal(arm.arg, lutra_role_pack(LUTRA_ROLE_STARTUP, LUTRA_ROLE_STARTUP));
}

/* ---- unusual tasks ---- */

static void live_roles_mark_a_task_and_those_that_it_forks(void **state)
{
	struct fixture *f = *state;

	step_record(f, LUTRA_RECORD_ARM, 5, 0, 0);
	step_record(f, LUTRA_RECORD_FORK, 5, 0, 6 | 6ull << 32);
	live_roles_mark(&f->live, 6, UINT64_MAX);
	step_record(f, LUTRA_RECORD_FORK, 6, 0, 7 | 7ull << 32);
	assert_false(live_roles_is_marked(&f->live, 5));
	assert_true(live_roles_is_marked(&f->live, 6));
	assert_true(live_roles_is_marked(&f->live, 7));
	step_record(f, LUTRA_RECORD_ARM, 7, 1, 0);
	assert_true(live_roles_is_marked(&f->live, 7));
	step_record(f, LUTRA_RECORD_ARM, 7, 0, 0);
	assert_false(live_roles_is_marked(&f->live, 7));
}

/* The evidence of a task comes after the records of its children, and of its end. */
static void live_roles_mark_what_an_unusual_task_has_left_behind(void **state)
{
	struct fixture *f = *state;

	step_record(f, LUTRA_RECORD_ARM, 5, 0, 0);
	step_record(f, LUTRA_RECORD_FORK, 5, 0, 6 | 6ull << 32);
	step_record(f, LUTRA_RECORD_FORK, 6, 0, 7 | 7ull << 32);
	step_record(f, LUTRA_RECORD_FORK, 7, 0, 8 | 8ull << 32);
	step_record(f, LUTRA_RECORD_FORK, 5, 0, 9 | 9ull << 32);
	step_record(f, LUTRA_RECORD_EXIT, 6, 0, 0);
	live_roles_mark(&f->live, 6, 0);
	assert_true(live_roles_is_marked(&f->live, 7));
	assert_true(live_roles_is_marked(&f->live, 8));
	assert_false(live_roles_is_marked(&f->live, 9));
	assert_false(live_roles_is_marked(&f->live, 5));
}

#define T(f) cmocka_unit_test_setup_teardown(f, live_roles_setup, live_roles_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(live_roles_follow_both_ends_of_a_startup),
		T(live_roles_know_threads_and_their_groups),
		T(live_roles_of_threads_are_their_process),
		T(live_roles_stay_when_a_program_executes_itself),
		T(live_roles_of_an_exec_session_stay),
		T(live_roles_are_carried_from_list_to_list),
		T(live_roles_fill_in_what_is_known),
		T(live_roles_mark_a_task_and_those_that_it_forks),
		T(live_roles_mark_what_an_unusual_task_has_left_behind),
	};

	return cmocka_run_group_tests_name("live_roles", tests, NULL, NULL);
}
