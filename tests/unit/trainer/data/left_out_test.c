/* SPDX-License-Identifier: Apache-2.0 */
/* What training leaves out of a trace: unusual lineages and exec sessions that do not repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>

#include "lib/trace/trace.h"
#include "lutra/object_token.h"
#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "tests/support/scratch.h"
#include "trainer/data/left_out.h"

#define SERVICE 10 /* tasks */
#define CHILD 11
#define GRANDCHILD 12
#define STEP_NS 1000000

struct fixture {
	struct corpus corpus;
	struct left_out left_out;
	char *dir;
	char *path[4];
	size_t n;
	struct trace_writer *w; /* of path[n - 1] */
	uint64_t ts_ns;
};

static int left_out_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = scratch_dir();
	*state = f;
	return corpus_init(&f->corpus);
}

static int left_out_teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->n; i++)
		free(f->path[i]);
	corpus_done(&f->corpus);
	left_out_done(&f->left_out);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

/* ---- traces ---- */

static void begin_trace(struct fixture *f, const char *name)
{
	char image[] = "i", none[] = "", machine[] = "x86_64";
	struct trace_meta meta = {.image = image,
				  .container_id = none,
				  .host = none,
				  .kernel = none,
				  .arch = machine,
				  .source = none,
				  .ops = MADE_OPS};

	f->path[f->n] = scratch_path(f->dir, name);
	assert_int_equal(trace_writer_new(&f->w, f->path[f->n], &meta, NULL), 0);
	f->n++;
	f->ts_ns = 1000 * f->n; /* no two traces are equal */
}

static void end_trace(struct fixture *f)
{
	assert_int_equal(trace_writer_close(f->w, 0, NULL), 0);
}

/* Adds a record and returns its time. */
static uint64_t add_record(struct fixture *f, struct lutra_record rec, const char *str)
{
	rec.ts_ns = f->ts_ns += STEP_NS;
	rec.tgid = rec.tgid ? rec.tgid : rec.tid;
	assert_int_equal(trace_writer_add(f->w, &rec, str, str ? strlen(str) : 0), 0);
	return rec.ts_ns;
}

static uint64_t add_task(struct fixture *f, unsigned type, uint32_t tid, uint64_t arg)
{
	return add_record(f, (struct lutra_record){.type = (uint16_t)type, .tid = tid, .arg = arg},
			  NULL);
}

static uint64_t add_fork(struct fixture *f, uint32_t tid, uint32_t child)
{
	return add_task(f, LUTRA_RECORD_FORK, tid, child | (uint64_t)child << 32);
}

/* Adds n system calls of a task. Returns the time of the first. */
static uint64_t add_syscalls(struct fixture *f, uint32_t tid, unsigned n)
{
	uint64_t first_ns = f->ts_ns + STEP_NS;

	for (unsigned i = 0; i < n; i++)
		add_record(f,
			   (struct lutra_record){
				   .type = LUTRA_RECORD_SYSCALL, .tid = tid, .nr = SYS_read},
			   NULL);
	return first_ns;
}

static void add_program(struct fixture *f, uint32_t tid, const char *path)
{
	struct lutra_object o = {.op = LUTRA_OP_EXEC, .mode = 0100755, .flags = LUTRA_OBJ_PATH};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = tid};

	lutra_object_pack(&o, &rec);
	add_record(f, rec, path);
}

static void add_mark(struct fixture *f, uint32_t tid, uint64_t onset_ns)
{
	add_record(f,
		   (struct lutra_record){.type = LUTRA_RECORD_MARK,
					 .tid = tid,
					 .arg = onset_ns,
					 .aux = LUTRA_MARK_UNUSUAL},
		   "exec");
}

/* Adds an exec session that executes one or two programs, with a system call after each. */
static void add_session(struct fixture *f, uint32_t tid, const char *program, const char *other)
{
	const struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = tid, .aux = 1};

	add_record(f, arm, NULL);
	add_program(f, tid, program);
	add_syscalls(f, tid, 1);
	if (other) {
		add_fork(f, tid, tid + 1);
		add_program(f, tid + 1, other);
		add_syscalls(f, tid + 1, 1);
		add_task(f, LUTRA_RECORD_EXIT, tid + 1, 0);
	}
	add_task(f, LUTRA_RECORD_EXIT, tid, 0);
}

/* ---- reading ---- */

static void load_traces(struct fixture *f, const struct left_out_options *options)
{
	struct err err = {""};

	if (left_out_find(&f->left_out, (const char *const *)f->path, f->n, options, &err) < 0)
		fail_msg("%s", err.msg);
	f->corpus.left_out = &f->left_out;
	for (size_t i = 0; i < f->n; i++)
		if (corpus_load(&f->corpus, f->path[i], false, &err) < 0)
			fail_msg("%s", err.msg);
}

/* Ends the trace, loads it by its marks, and compares the system calls that are left. */
static void assert_calls(struct fixture *f, uint64_t calls)
{
	const struct left_out_options by_marks = {0};

	end_trace(f);
	load_traces(f, &by_marks);
	assert_int_equal(f->corpus.runs[0].calls, calls);
}

/* ---- marks ---- */

static void left_out_is_a_marked_task_from_its_first_unusual_event_on(void **state)
{
	struct fixture *f = *state;
	uint64_t onset_ns;

	begin_trace(f, "a");
	add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
	add_fork(f, SERVICE, CHILD);
	add_syscalls(f, CHILD, 3);
	onset_ns = add_syscalls(f, CHILD, 5);
	add_mark(f, CHILD, onset_ns);
	add_syscalls(f, CHILD, 7);
	add_syscalls(f, SERVICE, 11);
	assert_calls(f, 3 + 11);
	assert_int_equal(f->left_out.runs[0].lineages, 1);
}

/* The kernel records an event first, and then judges it. The mark has the time of the judgement. */
static void left_out_is_the_event_itself_that_raised_the_mark(void **state)
{
	struct fixture *f = *state;
	const struct left_out_options by_marks = {0};

	begin_trace(f, "a");
	add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
	add_fork(f, SERVICE, CHILD);
	add_syscalls(f, CHILD, 3);
	add_program(f, CHILD, "/bin/date");
	add_mark(f, CHILD, f->ts_ns + 2000);
	add_syscalls(f, SERVICE, 11);
	end_trace(f);
	load_traces(f, &by_marks);
	assert_int_equal(f->corpus.runs[0].calls, 3 + 11);
	assert_int_equal(f->corpus.runs[0].objects, 0);
}

static void left_out_are_the_descendants_of_a_marked_task(void **state)
{
	struct fixture *f = *state;
	uint64_t onset_ns;

	begin_trace(f, "a");
	add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
	add_fork(f, SERVICE, CHILD);
	onset_ns = add_syscalls(f, CHILD, 1);
	add_fork(f, CHILD, GRANDCHILD);
	add_task(f, LUTRA_RECORD_EXIT, CHILD, 0);
	add_syscalls(f, GRANDCHILD, 5);
	add_mark(f, CHILD, onset_ns);
	add_syscalls(f, GRANDCHILD, 5);
	add_syscalls(f, SERVICE, 2);
	assert_calls(f, 2);
}

/* The lineage of the child began to be unusual when its parent acted for it. */
static void left_out_is_the_parent_if_the_lineage_was_unusual_before_the_fork(void **state)
{
	struct fixture *f = *state;
	uint64_t onset_ns;

	begin_trace(f, "a");
	add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
	add_syscalls(f, SERVICE, 4);
	onset_ns = add_syscalls(f, SERVICE, 1);
	add_fork(f, SERVICE, CHILD);
	add_syscalls(f, CHILD, 2);
	add_mark(f, CHILD, onset_ns);
	add_syscalls(f, SERVICE, 8);
	assert_calls(f, 4);
}

static void left_out_is_a_killed_task_and_not_the_next_one_of_its_id(void **state)
{
	struct fixture *f = *state;
	uint64_t onset_ns;

	begin_trace(f, "a");
	add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
	add_fork(f, SERVICE, CHILD);
	onset_ns = add_syscalls(f, CHILD, 2);
	add_mark(f, CHILD, onset_ns);
	add_task(f, LUTRA_RECORD_EXIT, CHILD, 0);
	add_fork(f, SERVICE, CHILD);
	add_syscalls(f, CHILD, 3);
	assert_calls(f, 3);
}

static void left_out_stays_left_out_behind_a_gap(void **state)
{
	struct fixture *f = *state;
	const struct lutra_record again = {.type = LUTRA_RECORD_ARM, .tid = CHILD, .nr = 1};
	uint64_t onset_ns;

	begin_trace(f, "a");
	add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
	add_fork(f, SERVICE, CHILD);
	onset_ns = add_syscalls(f, CHILD, 2);
	add_mark(f, CHILD, onset_ns);
	add_record(f, again, NULL);
	add_syscalls(f, CHILD, 3);
	add_syscalls(f, SERVICE, 1);
	assert_calls(f, 1);
}

static void left_out_of_all_is_no_run(void **state)
{
	struct fixture *f = *state;
	const struct left_out_options by_marks = {0};

	begin_trace(f, "a");
	add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
	add_syscalls(f, SERVICE, 2);
	add_mark(f, SERVICE, 0);
	end_trace(f);
	load_traces(f, &by_marks);
	assert_int_equal(f->corpus.n_runs, 0);
}

/* ---- exec sessions ---- */

/* Four runs with a health check; the third has a session of somebody else too. */
static void make_sessions(struct fixture *f)
{
	static const char *const names[] = {"a", "b", "c", "d"};

	for (size_t i = 0; i < 4; i++) {
		begin_trace(f, names[i]);
		add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
		add_syscalls(f, SERVICE, 4);
		if (i != 1)
			add_session(f, 20, "/bin/sh", "/usr/bin/check7");
		if (i == 2)
			add_session(f, 30, "/bin/sh", "/usr/bin/id");
		end_trace(f);
	}
}

static void left_out_are_sessions_that_do_not_repeat(void **state)
{
	struct fixture *f = *state;
	const struct left_out_options by_marks = {0};

	make_sessions(f);
	load_traces(f, &by_marks);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(f->corpus.runs[i].calls, i == 1 ? 4 : 6);
	assert_int_equal(f->left_out.runs[0].sessions, 0);
	assert_int_equal(f->left_out.runs[2].sessions, 1);
}

/* The program of a session may not be recorded; a shell reads files without another program. */
static void left_out_is_a_session_that_reads_what_no_other_does(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	struct fixture *f = *state;
	const struct left_out_options by_marks = {0};
	const struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = 20, .aux = 1};

	for (size_t i = 0; i < 3; i++) {
		struct lutra_object o = {
			.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_PATH};
		struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = 20};

		begin_trace(f, names[i]);
		add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
		add_syscalls(f, SERVICE, 4);
		add_record(f, arm, NULL);
		lutra_object_pack(&o, &rec);
		add_record(f, rec, i == 1 ? "/root/secret" : "/srv/state");
		add_syscalls(f, 20, 2);
		end_trace(f);
	}
	load_traces(f, &by_marks);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->corpus.runs[i].calls, i == 1 ? 4 : 6);
}

static void left_out_of_an_update_are_all_sessions(void **state)
{
	struct fixture *f = *state;
	const struct left_out_options update = {.is_update = true};

	make_sessions(f);
	load_traces(f, &update);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(f->corpus.runs[i].calls, 4);
	assert_int_equal(f->left_out.runs[2].sessions, 2);
}

/* ---- a policy that judges ---- */

/* The kernel reports the first of two equal alerts alone. Neither of them is learned. */
static void left_out_is_what_the_policy_alerts_about_also_the_second_time(void **state)
{
	struct fixture *f = *state;
	_cleanup_(policy_freep) struct policy *p = made_policy_train_service();
	const struct left_out_options judged = {.is_update = true, .judge = p};

	begin_trace(f, "a");
	add_task(f, LUTRA_RECORD_ARM, SERVICE, 0);
	add_syscalls(f, SERVICE, 4);
	for (uint32_t tid = CHILD; tid < CHILD + 2; tid++) {
		/* What was unusual in the parent before is another episode. */
		f->ts_ns += 2 * NSEC_PER_SEC;
		add_fork(f, SERVICE, tid);
		add_program(f, tid, "/usr/bin/never");
		add_syscalls(f, tid, 5);
	}
	end_trace(f);
	load_traces(f, &judged);
	assert_int_equal(f->left_out.runs[0].lineages, 2);
	assert_int_equal(f->corpus.runs[0].calls, 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, left_out_setup, left_out_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(left_out_is_a_marked_task_from_its_first_unusual_event_on),
		T(left_out_is_the_event_itself_that_raised_the_mark),
		T(left_out_are_the_descendants_of_a_marked_task),
		T(left_out_is_the_parent_if_the_lineage_was_unusual_before_the_fork),
		T(left_out_is_a_killed_task_and_not_the_next_one_of_its_id),
		T(left_out_stays_left_out_behind_a_gap),
		T(left_out_of_all_is_no_run),
		T(left_out_are_sessions_that_do_not_repeat),
		T(left_out_is_a_session_that_reads_what_no_other_does),
		T(left_out_of_an_update_are_all_sessions),
		T(left_out_is_what_the_policy_alerts_about_also_the_second_time),
	};

	return cmocka_run_group_tests_name("left_out", tests, NULL, NULL);
}
