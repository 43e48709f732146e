/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of a recorded container, and the processes that they share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/replay/tasks.h"
#include "lutra/object_token.h"

static int tasks_setup(void **state)
{
	struct tasks *t = calloc(1, sizeof(*t));

	t->type.size = sizeof(int);
	*state = t;
	return 0;
}

static int tasks_teardown(void **state)
{
	tasks_reset(*state);
	free(*state);
	return 0;
}

/* Applies a record, and returns the process of its task; NULL after an EXIT. */
static struct tasks_process *step_record(struct tasks *t, struct lutra_record rec)
{
	void *entry;

	assert_int_equal(tasks_step(t, &rec, &entry), 0);
	return entry ? tasks_process(entry) : NULL;
}

static struct tasks_process *process_of(struct tasks *t, uint32_t tid)
{
	void *entry = tasks_find(t, tid);

	assert_non_null(entry);
	return tasks_process(entry);
}

static struct tasks_process *arm_task(struct tasks *t, uint32_t tid, uint32_t tgid)
{
	return step_record(
		t, (struct lutra_record){.type = LUTRA_RECORD_ARM, .tid = tid, .tgid = tgid});
}

static void start_thread(struct tasks *t, uint32_t tid, uint32_t tgid, uint32_t child)
{
	step_record(t, (struct lutra_record){.type = LUTRA_RECORD_FORK,
					     .nr = 1,
					     .tid = tid,
					     .tgid = tgid,
					     .arg = child | (uint64_t)tgid << 32});
}

static void fork_process(struct tasks *t, uint32_t tid, uint32_t child)
{
	step_record(t, (struct lutra_record){.type = LUTRA_RECORD_FORK,
					     .tid = tid,
					     .tgid = tid,
					     .arg = child | (uint64_t)child << 32});
}

static void see_program(struct tasks *t, uint32_t tid, const char *path)
{
	const struct lutra_object o = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = tid, .tgid = tid};

	lutra_object_pack(&o, &rec);
	step_record(t, rec);
	tasks_step_object(t, &rec, path, strlen(path));
}

/* Executes a program, whose path is recorded, and returns whether it is the same again. */
static bool execute_program(struct tasks *t, uint32_t tid, const char *path, uint16_t aux)
{
	if (path)
		see_program(t, tid, path);
	return step_record(t, (struct lutra_record){.type = LUTRA_RECORD_EXEC,
						    .tid = tid,
						    .tgid = tid,
						    .arg = tid,
						    .aux = aux})
		->again;
}

static void tasks_program_executed_again_is_recognized_by_its_path(void **state)
{
	struct tasks *t = *state;

	arm_task(t, 1, 1);
	assert_false(execute_program(t, 1, "/usr/sbin/sshd", LUTRA_EXEC_UNKNOWN));
	assert_true(execute_program(t, 1, "/usr/sbin/sshd", LUTRA_EXEC_UNKNOWN));
	assert_true(execute_program(t, 1, "/usr/sbin/sshd", LUTRA_EXEC_UNKNOWN));
	assert_false(execute_program(t, 1, "/usr/bin/sh", LUTRA_EXEC_UNKNOWN));
	assert_false(execute_program(t, 1, NULL, LUTRA_EXEC_UNKNOWN));
	assert_false(execute_program(t, 1, NULL, LUTRA_EXEC_UNKNOWN));
}

static void tasks_program_of_a_script_is_its_interpreter(void **state)
{
	struct tasks *t = *state;

	arm_task(t, 1, 1);
	see_program(t, 1, "/srv/a.sh");
	execute_program(t, 1, "/usr/bin/dash", LUTRA_EXEC_UNKNOWN);
	see_program(t, 1, "/srv/b.sh");
	assert_true(execute_program(t, 1, "/usr/bin/dash", LUTRA_EXEC_UNKNOWN));
}

static void tasks_forked_process_executes_no_program_again(void **state)
{
	struct tasks *t = *state;

	arm_task(t, 1, 1);
	execute_program(t, 1, "/usr/sbin/nginx", LUTRA_EXEC_UNKNOWN);
	fork_process(t, 1, 2);
	assert_false(execute_program(t, 2, "/usr/sbin/nginx", LUTRA_EXEC_UNKNOWN));
	assert_true(execute_program(t, 2, "/usr/sbin/nginx", LUTRA_EXEC_UNKNOWN));
	assert_true(execute_program(t, 1, "/usr/sbin/nginx", LUTRA_EXEC_UNKNOWN));
}

static void tasks_record_that_tells_is_believed(void **state)
{
	struct tasks *t = *state;

	arm_task(t, 1, 1);
	assert_true(execute_program(t, 1, "/usr/sbin/a", LUTRA_EXEC_AGAIN));
	assert_false(execute_program(t, 1, "/usr/sbin/a", LUTRA_EXEC_OTHER));
	assert_true(execute_program(t, 1, NULL, LUTRA_EXEC_AGAIN));
}

static void tasks_threads_share_their_process(void **state)
{
	struct tasks *t = *state;

	arm_task(t, 1, 1);
	start_thread(t, 1, 1, 2);
	start_thread(t, 2, 1, 3);
	fork_process(t, 1, 4);
	assert_ptr_equal(process_of(t, 2), process_of(t, 1));
	assert_ptr_equal(process_of(t, 3), process_of(t, 1));
	assert_ptr_not_equal(process_of(t, 4), process_of(t, 1));
	assert_int_equal(process_of(t, 1)->n, 3);
}

/* Threads that ran before they were enrolled are armed one by one. */
static void tasks_armed_thread_is_of_its_leaders_process(void **state)
{
	struct tasks *t = *state;

	arm_task(t, 1, 1);
	assert_ptr_equal(arm_task(t, 5, 1), process_of(t, 1));
	assert_ptr_equal(step_record(t, (struct lutra_record){.tid = 6, .tgid = 1}),
			 process_of(t, 1));
}

static void tasks_process_outlives_its_leader(void **state)
{
	struct tasks *t = *state;
	struct tasks_process *p = arm_task(t, 1, 1);

	start_thread(t, 1, 1, 2);
	p->steady = 1;
	step_record(t, (struct lutra_record){.type = LUTRA_RECORD_EXIT, .tid = 1, .tgid = 1});
	assert_ptr_equal(process_of(t, 2), p);
	start_thread(t, 2, 1, 3);
	assert_int_equal(process_of(t, 3)->steady, 1);
	/* The id is used again. */
	fork_process(t, 9, 1);
	assert_int_equal(process_of(t, 1)->steady, 0);
}

static void tasks_another_program_begins_its_startup(void **state)
{
	struct tasks *t = *state;
	struct tasks_process *p = arm_task(t, 1, 1);

	p->steady = 1;
	execute_program(t, 1, NULL, LUTRA_EXEC_AGAIN);
	assert_int_equal(p->steady, 1);
	execute_program(t, 1, NULL, LUTRA_EXEC_OTHER);
	assert_int_equal(p->steady, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tasks_setup, tasks_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tasks_program_executed_again_is_recognized_by_its_path),
		TEST(tasks_program_of_a_script_is_its_interpreter),
		TEST(tasks_forked_process_executes_no_program_again),
		TEST(tasks_record_that_tells_is_believed),
		TEST(tasks_threads_share_their_process),
		TEST(tasks_armed_thread_is_of_its_leaders_process),
		TEST(tasks_process_outlives_its_leader),
		TEST(tasks_another_program_begins_its_startup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
