/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment, arming, lineage and the recording of system calls. */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>

#include "user/containers/containers.h"

#define MARK 0xffffffffu

static void make_mark(void)
{
	syscall(SYS_personality, MARK);
}

/* ---- workers ---- */

static const unsigned known_calls[] = {SYS_getppid,	SYS_getuid, SYS_getppid, SYS_getgid,
				       SYS_sched_yield, SYS_gettid, SYS_getppid};
#define KNOWN_CALLS (sizeof(known_calls) / sizeof(known_calls[0]))

static int work_calls(void)
{
	make_mark();
	for (size_t i = 0; i < KNOWN_CALLS; i++)
		syscall(known_calls[i]);
	make_mark();
	return 0;
}

static int work_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		work_calls();
		_exit(0);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

static void *calls_in_thread(void *arg)
{
	(void)arg;
	work_calls();
	return NULL;
}

static int work_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, calls_in_thread, NULL))
		return 1;
	pthread_join(t, NULL);
	return 0;
}

static int work_exec(void)
{
	execl("/proc/self/exe", "worker", "--worker", "calls", NULL);
	return 1;
}

static void *exec_in_thread(void *arg)
{
	(void)arg;
	work_exec();
	return NULL;
}

static int work_thread_exec(void)
{
	pthread_t t;

	pthread_create(&t, NULL, exec_in_thread, NULL);
	pthread_join(t, NULL);
	return 1;
}

/* A mount namespace of its own, then the program: what a runtime does. */
static int work_runtime(void)
{
	make_mark();
	if (unshare(CLONE_NEWNS) < 0)
		return 2;
	return work_exec();
}

static int work_wait(void)
{
	char c;

	/* Standard input is a pipe of the test's. */
	return read(0, &c, 1) < 0;
}

static const struct worker workers[] = {
	{"calls", work_calls}, {"fork", work_fork},	  {"thread", work_thread},
	{"exec", work_exec},   {"runtime", work_runtime}, {"thread-exec", work_thread_exec},
	{"wait", work_wait},
};

/* ---- helpers ---- */

static bool is_mark(const struct seen_record *r)
{
	return r->rec.nr == SYS_personality && (uint32_t)r->rec.arg == MARK;
}

/* The calls of one task between the two marks are the calls made, no more, no fewer. */
static uint32_t assert_known_calls(const struct box *b)
{
	const struct seen_record *r = box_find_record(b, LUTRA_RECORD_SYSCALL, NULL);
	uint32_t tid;

	while (r && !is_mark(r))
		r = box_find_record(b, LUTRA_RECORD_SYSCALL, r);
	tid = assert_record(r, "the first mark")->rec.tid;
	for (size_t i = 0; i < KNOWN_CALLS; i++) {
		do {
			r = assert_record(box_find_record(b, LUTRA_RECORD_SYSCALL, r),
					  "call of that task");
		} while (r->rec.tid != tid);
		assert_int_equal(r->rec.nr, known_calls[i]);
	}
	do {
		r = box_find_record(b, LUTRA_RECORD_SYSCALL, r);
		assert_non_null(r);
	} while (r->rec.tid != tid);
	assert_true(is_mark(r));
	return tid;
}

/* ---- recording ---- */

static void enrolment_records_equal_calls_made(void **state)
{
	struct box *b = *state;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "calls", NULL), 0);
	assert_known_calls(b);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_RECORDS), b->n_records);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_RECORDS_LOST), 0);
}

static void enrolment_first_record_is_arm_last_is_exit(void **state)
{
	struct box *b = *state;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "calls", NULL), 0);
	assert_int_equal(b->records[0].rec.type, LUTRA_RECORD_ARM);
	assert_int_equal(box_count_records(b, LUTRA_RECORD_ARM), 1);
	assert_int_equal(b->records[b->n_records - 1].rec.type, LUTRA_RECORD_EXIT);
	assert_int_equal(box_count_records(b, LUTRA_RECORD_EXEC), 0);
}

static void enrolment_fork_copies_entry(void **state)
{
	struct box *b = *state;
	const struct seen_record *f;
	uint32_t tid;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "fork", NULL), 0);
	f = box_find_record(b, LUTRA_RECORD_FORK, NULL);
	assert_non_null(f);
	tid = assert_known_calls(b);
	assert_int_equal((uint32_t)f->rec.arg, tid);
	assert_int_equal(f->rec.arg >> 32, tid);
	assert_int_equal(f->rec.nr, 0);
	assert_int_equal(box_count_records(b, LUTRA_RECORD_EXIT), 2);
}

static void enrolment_thread_is_recorded_as_thread(void **state)
{
	struct box *b = *state;
	const struct seen_record *f;
	uint32_t tid;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "thread", NULL), 0);
	f = box_find_record(b, LUTRA_RECORD_FORK, NULL);
	assert_non_null(f);
	tid = assert_known_calls(b);
	assert_int_equal(f->rec.nr, 1);
	assert_int_equal((uint32_t)f->rec.arg, tid);
	assert_int_equal(f->rec.arg >> 32, f->rec.tgid);
}

static void enrolment_exec_is_recorded_with_old_tid(void **state)
{
	struct box *b = *state;
	const struct seen_record *x;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "thread-exec", NULL), 0);
	x = box_find_record(b, LUTRA_RECORD_EXEC, NULL);
	assert_non_null(x);
	assert_int_equal(x->rec.tid, x->rec.tgid);
	assert_int_not_equal((uint32_t)x->rec.arg, x->rec.tid);
	assert_int_equal(assert_known_calls(b), x->rec.tgid);
}

/* ---- arming ---- */

static void enroll_plain(struct box *b, const char *cgroup)
{
	const struct guard_enrolment e = {
		.cgroup = cgroup, .mode = LUTRA_MODE_LEARN, .record = true};
	struct err err = {};

	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
}

static void enrolment_joined_task_stays_pending_in_movers_namespace(void **state)
{
	struct box *b = *state;

	enroll_plain(b, b->cgroup);
	assert_exited(box_run(b, "exec", NULL), 0);
	assert_int_equal(b->n_records, 0);
}

static void enrolment_exec_in_other_namespace_arms(void **state)
{
	struct box *b = *state;

	enroll_plain(b, b->cgroup);
	assert_exited(box_run(b, "runtime", NULL), 0);
	assert_int_equal(b->records[0].rec.type, LUTRA_RECORD_ARM);
	/* Nothing of the runtime's own, whose mark would come first. */
	for (size_t i = 0; i < b->n_records; i++)
		assert_int_not_equal(b->records[i].rec.nr, SYS_unshare);
	assert_known_calls(b);
}

static void enrolment_task_joined_from_a_child_cgroup_is_enrolled(void **state)
{
	struct box *b = *state;
	char nested[400];
	struct child *c;

	enroll_plain(b, b->cgroup);
	snprintf(nested, sizeof(nested), "%s/nested", b->cgroup);
	assert_int_equal(mkdir(nested, 0755), 0);
	c = box_fork(b, "runtime", NULL);
	assert_int_equal(box_cgroup_join(nested, c->pid), 0);
	assert_exited(box_child_wait(c), 0);
	guard_drain(b->guard);
	box_cgroup_remove(nested);
	assert_known_calls(b);
}

static void enrolment_born_in_cgroup_is_enrolled(void **state)
{
	struct box *b = *state;
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int status = 0;
	long pid;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	args.cgroup = (__u64)open(b->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "worker", "--worker", "calls", NULL);
		_exit(126);
	}
	close((int)args.cgroup);
	assert_int_equal(waitpid((pid_t)pid, &status, 0), pid);
	assert_exited(status, 0);
	guard_drain(b->guard);
	assert_int_equal(b->records[0].rec.type, LUTRA_RECORD_ARM);
	assert_known_calls(b);
}

static void enrolment_of_a_running_task_is_at_once(void **state)
{
	struct box *b = *state;
	struct child *c = box_fork(b, "calls", NULL);

	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	enroll_plain(b, b->cgroup);
	guard_drain(b->guard);
	assert_int_equal(b->n_records, 1);
	assert_int_equal(b->records[0].rec.type, LUTRA_RECORD_ARM);
	assert_int_equal(b->records[0].rec.tid, c->pid);
	assert_exited(box_child_wait(c), 0);
	guard_drain(b->guard);
	assert_known_calls(b);
	assert_int_equal(box_count_records(b, LUTRA_RECORD_EXEC), 1);
}

static void enrolment_task_outside_is_not_seen(void **state)
{
	struct box *b = *state;
	struct child *c = box_fork(b, "calls", NULL);

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_child_wait(c), 0);
	guard_drain(b->guard);
	assert_int_equal(b->n_records, 0);
}

static void enrolment_release_voids_entries(void **state)
{
	struct box *b = *state;
	struct child *c = box_fork(b, "fork", NULL), *other = box_fork(b, "calls", NULL);
	struct lutra_slot slot;
	char second[400];

	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	enroll_plain(b, b->cgroup);
	assert_int_equal(guard_slot(b->guard, b->slot, &slot), 0);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	assert_int_equal(guard_release(b->guard, b->slot), -ENOENT);
	assert_int_equal(guard_slot(b->guard, b->slot, &slot), -ENOENT);
	/* Another enrolment keeps the programs attached; the first one's task is nobody's now. */
	snprintf(second, sizeof(second), "%s-2", b->cgroup);
	assert_int_equal(mkdir(second, 0755), 0);
	enroll_plain(b, second);
	guard_drain(b->guard);
	b->n_records = 0;
	assert_exited(box_child_wait(c), 0);
	assert_exited(box_child_wait(other), 0);
	guard_drain(b->guard);
	box_cgroup_remove(second);
	assert_int_equal(b->n_records, 0);
}

/* What joins once the container's own program runs is an exec session, and its first record says so. */
static void enrolment_arm_tells_exec_sessions(void **state)
{
	struct box *b = *state;
	const struct guard_enrolment e = {.cgroup = b->cgroup,
					  .mode = LUTRA_MODE_LEARN,
					  .record = true,
					  .next_exec = true,
					  .sessions = true};
	const struct seen_record *arm;
	struct err err = {};

	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	assert_exited(box_run(b, "fork", NULL), 0);
	assert_exited(box_run(b, "exec", NULL), 0);
	arm = assert_record(box_find_record(b, LUTRA_RECORD_ARM, NULL), "of the service");
	assert_int_equal(arm->rec.aux, 0);
	arm = assert_record(box_find_record(b, LUTRA_RECORD_ARM, arm), "of the session");
	assert_int_equal(arm->rec.aux, 1);
	assert_int_equal(box_count_records(b, LUTRA_RECORD_ARM), 2);
}

/*
 * Before its program runs, a container has only processes of its runtime. Once it was empty, the next
 * program in its cgroup is its own again.
 */
static void enrolment_container_starts_with_its_program_and_again_once_it_was_empty(void **state)
{
	struct box *b = *state;
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .mode = LUTRA_MODE_LEARN, .record = true, .sessions = true};
	const struct containers_parts parts = {.guard = b->guard};
	_cleanup_(containers_freep) struct containers *all = NULL;
	struct container c = {};
	const struct seen_record *arm;
	struct child *runtime;
	struct err err = {};

	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	assert_int_equal(containers_new(&all, &parts), 0);
	c = (struct container){.all = all, .slot = b->slot};
	runtime = box_fork(b, "runtime", NULL);
	assert_int_equal(box_cgroup_join(b->cgroup, runtime->pid), 0);
	assert_false(container_has_started(&c));
	assert_exited(box_child_wait(runtime), 0);
	assert_true(container_has_started(&c));
	assert_int_equal(guard_note_emptied(b->guard, b->slot), 0);
	assert_false(container_has_started(&c));
	assert_exited(box_run(b, "runtime", NULL), 0);
	assert_true(container_has_started(&c));
	arm = assert_record(box_find_record(b, LUTRA_RECORD_ARM, NULL), "of the first program");
	assert_int_equal(arm->rec.aux, 0);
	arm = assert_record(box_find_record(b, LUTRA_RECORD_ARM, arm), "of the second one");
	assert_int_equal(arm->rec.aux, 0);
	assert_int_equal(guard_note_emptied(b->guard, b->slot + 1), -ENOENT);
}

/* ---- refusals ---- */

static void assert_refused(struct box *b, struct guard_enrolment e, int r)
{
	struct err err = {};
	uint32_t slot = 77;

	assert_int_equal(guard_enroll(b->guard, &e, &slot, &err), r);
	assert_int_equal(slot, 77);
	assert_true(err.msg[0]);
}

static void enrolment_enroll_refuses_what_it_must_not_touch(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_new();
	const struct guard_enrolment good = {.cgroup = b->cgroup, .mode = LUTRA_MODE_LEARN};
	struct guard_enrolment e = good;
	char mount[200], own[400];

	assert_int_equal(box_cgroup_mount(mount, sizeof(mount)), 0);
	e.cgroup = mount;
	assert_refused(b, e, -EINVAL);
	e.cgroup = "/tmp";
	assert_refused(b, e, -ENOTSUP);
	e.cgroup = "/no/such/cgroup";
	assert_refused(b, e, -ENOENT);
	e = good;
	e.mode = LUTRA_MODE_KILL;
	assert_refused(b, e, -EINVAL);
	e.mode = LUTRA_MODE_COUNT;
	assert_refused(b, e, -EINVAL);
	e.policy = p;
	e.mode = LUTRA_MODE_DENY;
	if (!guard_has_lsm(b->guard))
		assert_refused(b, e, -EOPNOTSUPP);
	policy_free(p);
	enroll_plain(b, b->cgroup);
	assert_refused(b, good, -EEXIST);
	assert_int_equal(guard_release(b->guard, b->slot), 0);

	/* Its own cgroup, and the one above that. */
	snprintf(own, sizeof(own), "%s/own", b->cgroup);
	assert_int_equal(mkdir(own, 0755), 0);
	assert_int_equal(box_cgroup_join(own, getpid()), 0);
	assert_refused(b, good, -EINVAL);
	e = good;
	e.cgroup = own;
	assert_refused(b, e, -EINVAL);
	assert_int_equal(box_cgroup_join(mount, getpid()), 0);
	box_cgroup_remove(own);
}

static void enrolment_set_mode_without_policy_is_refused(void **state)
{
	struct box *b = *state;
	struct err err = {};

	enroll_plain(b, b->cgroup);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_KILL, &err), -EINVAL);
	assert_int_equal(guard_set_mode(b->guard, b->slot + 1, LUTRA_MODE_AUDIT, &err), -ENOENT);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_AUDIT, &err), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(enrolment_records_equal_calls_made),
		TEST(enrolment_first_record_is_arm_last_is_exit),
		TEST(enrolment_fork_copies_entry),
		TEST(enrolment_thread_is_recorded_as_thread),
		TEST(enrolment_exec_is_recorded_with_old_tid),
		TEST(enrolment_joined_task_stays_pending_in_movers_namespace),
		TEST(enrolment_exec_in_other_namespace_arms),
		TEST(enrolment_task_joined_from_a_child_cgroup_is_enrolled),
		TEST(enrolment_born_in_cgroup_is_enrolled),
		TEST(enrolment_of_a_running_task_is_at_once),
		TEST(enrolment_task_outside_is_not_seen),
		TEST(enrolment_arm_tells_exec_sessions),
		TEST(enrolment_container_starts_with_its_program_and_again_once_it_was_empty),
		TEST(enrolment_release_voids_entries),
		TEST(enrolment_enroll_refuses_what_it_must_not_touch),
		TEST(enrolment_set_mode_without_policy_is_refused),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
