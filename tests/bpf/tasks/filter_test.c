/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that are seen at the seccomp filter: those that sys_enter sees, and each once, also
 * while sys_enter is attached and detached beside it.
 */
#include "tests/support/bpf/test_program.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <time.h>
#include <unistd.h>

#include "user/guard/guard_impl.h"
#include "user/sys/clock.h"

#define MADE 100
#define OURS SYS_getpgid /* nothing but the worker calls it */
#define CHANGED SYS_getsid
#define IA32_GETPGID 132
#define X32 0x40000000
#define UNKNOWN (LUTRA_NR_IA32 - 1) /* how a number that no table holds is recorded */
#define MANY 3000
#define CROWD_CALLS 100000
#define CROWD_WAKES 5000
#define PINS "/sys/fs/bpf/lutra-test-filter"
#define COUNT_FILE "/tmp/lutra-test-filter"

/* ---- workers ---- */

static int work_calls(void)
{
	for (int i = 0; i < MADE; i++)
		syscall(OURS, 0);
	return 0;
}

static int work_many(void)
{
	for (int i = 0; i < MANY; i++) {
		syscall(OURS, 0);
		if (i % 100 == 0)
			poll(NULL, 0, 1);
	}
	return 0;
}

static volatile sig_atomic_t is_ended;

static void on_end(int sig)
{
	(void)sig;
	is_ended = 1;
}

/* Calls until it gets SIGTERM, and writes how often it did. */
static int work_until(void)
{
	FILE *f;
	int n;

	signal(SIGTERM, on_end);
	for (n = 0; !is_ended; n++) {
		syscall(OURS, 0);
		poll(NULL, 0, 20);
	}
	f = fopen(COUNT_FILE, "we");
	return f && fprintf(f, "%d", n) > 0 && fclose(f) == 0 ? 0 : 1;
}

static long call_ia32(long nr, long arg)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static int work_numbers(void)
{
	for (int i = 0; i < MADE; i++) {
		call_ia32(IA32_GETPGID, 0);
		syscall(OURS | X32, 0);
		syscall(OURS | 1l << 32, 0);
		syscall(156, 0); /* _sysctl, whose place in the table is a gap */
		syscall(1000, 0);
		syscall(-1, 0);
	}
	return 0;
}

/* Sleeps through a stop: the kernel restarts the sleep by restart_syscall. */
static int work_restart(void)
{
	struct timespec t = {.tv_nsec = 300000000};
	pid_t self = getpid(), child = fork();

	if (child == 0) {
		poll(NULL, 0, 100);
		kill(self, SIGSTOP);
		poll(NULL, 0, 50);
		kill(self, SIGCONT);
		_exit(0);
	}
	return nanosleep(&t, NULL) == 0 && waitpid(child, NULL, 0) == child ? 0 : 1;
}

/* Two processes on one CPU: a timer wakes one while the other makes calls, perhaps in a program. */
static int work_crowd(void)
{
	const struct timespec t = {.tv_nsec = 20000};
	const struct sched_param first = {.sched_priority = 1};
	cpu_set_t one;
	int status;
	pid_t child;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return 1;
	child = fork();
	if (child == 0) {
		if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
			_exit(1);
		for (int i = 0; i < CROWD_WAKES; i++) {
			nanosleep(&t, NULL);
			syscall(OURS, 0);
		}
		_exit(0);
	}
	for (int i = 0; i < CROWD_CALLS; i++)
		syscall(OURS, 0);
	return waitpid(child, &status, 0) == child ? status : 1;
}

/* Returns for the call nr what a filter says, and allows all others. */
static int install_verdict(long nr, unsigned verdict)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, verdict),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = 4, .filter = code};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int work_refused(void)
{
	if (install_verdict(OURS, SECCOMP_RET_ERRNO | ENOSYS) < 0)
		return 1;
	return work_calls();
}

/* Changes the number of each call that the filter of the tracee hands over. */
static int change_traced_numbers(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child ||
	    ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL) < 0)
		return 1;
	for (;;) {
		ptrace(PTRACE_CONT, child, 0, 0);
		if (waitpid(child, &status, 0) != child || WIFEXITED(status))
			return !WIFEXITED(status) || WEXITSTATUS(status);
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
			ptrace(PTRACE_POKEUSER, child, offsetof(struct user, regs.orig_rax),
			       CHANGED);
	}
}

static int work_traced(void)
{
	pid_t child = fork();

	if (child)
		return change_traced_numbers(child);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 || raise(SIGSTOP) != 0 ||
	    install_verdict(OURS, SECCOMP_RET_TRACE) < 0)
		_exit(1);
	_exit(work_calls());
}

static const struct worker workers[] = {{"calls", work_calls},	   {"many", work_many},
					{"until", work_until},	   {"numbers", work_numbers},
					{"restart", work_restart}, {"refused", work_refused},
					{"traced", work_traced},   {"crowd", work_crowd}};

/* ---- helpers ---- */

static size_t count_recorded(const struct box *b, unsigned nr)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_records; i++)
		n += b->records[i].rec.type == LUTRA_RECORD_SYSCALL && b->records[i].rec.nr == nr;
	return n;
}

static struct child *fork_filtered(struct box *b, const char *worker)
{
	struct child *c;

	setenv("LUTRA_TEST_FILTER", "1", 1);
	c = box_fork(b, worker, NULL);
	unsetenv("LUTRA_TEST_FILTER");
	return c;
}

/* Waits until nothing is attached to sys_enter: no enrolled task is without a filter. */
static void detach_what_is_not_needed(struct box *b)
{
	for (int i = 0; i < 1000 && b->guard->extra[GUARD_ENTER]; i++) {
		b->guard->filters_checked_ns = 0;
		guard_choose_programs(b->guard, clock_now_ns());
		poll(NULL, 0, 10);
	}
	assert_false(guard_syscalls(b->guard).at_enter);
}

static void need_filter(const struct box *b)
{
	if (!guard_syscalls(b->guard).at_filter)
		test_program_skip(guard_syscalls(b->guard).why);
}

static void begin_at_filter(struct box *b)
{
	need_filter(b);
	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	b->n_records = 0;
}

/* Runs a worker that is under a filter before it joins, with nothing at sys_enter. */
static void run_filtered(struct box *b, const char *worker)
{
	struct child *c;

	begin_at_filter(b);
	c = fork_filtered(b, worker);
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	detach_what_is_not_needed(b);
	assert_exited(box_child_wait(c), 0);
	guard_drain(b->guard);
	assert_false(guard_syscalls(b->guard).at_enter);
}

/* ---- tests ---- */

static void filter_sees_each_call_once(void **state)
{
	run_filtered(*state, "calls");
	assert_int_equal(count_recorded(*state, OURS), MADE);
}

static void filter_sees_numbers_as_sys_enter_does(void **state)
{
	run_filtered(*state, "numbers");
	assert_int_equal(count_recorded(*state, IA32_GETPGID | LUTRA_NR_IA32), MADE);
	assert_int_equal(count_recorded(*state, OURS | LUTRA_NR_X32), MADE);
	assert_int_equal(count_recorded(*state, OURS), MADE);
	assert_int_equal(count_recorded(*state, 156), MADE);
	assert_int_equal(count_recorded(*state, 1000), MADE);
	assert_int_equal(count_recorded(*state, UNKNOWN), MADE);
}

static void filter_sees_the_number_of_a_tracer(void **state)
{
	run_filtered(*state, "traced");
	assert_int_equal(count_recorded(*state, OURS), 0);
	assert_int_equal(count_recorded(*state, CHANGED), MADE);
}

static void filter_leaves_out_what_is_refused(void **state)
{
	run_filtered(*state, "refused");
	assert_int_equal(count_recorded(*state, OURS), 0);
}

static void filter_misses_no_call_of_preempted_tasks(void **state)
{
	struct box *b = *state;
	struct child *c;
	uint64_t calls;

	need_filter(b);
	box_enroll(b, NULL, LUTRA_MODE_AUDIT, false);
	c = fork_filtered(b, "crowd");
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	detach_what_is_not_needed(b);
	calls = box_counter(b, LUTRA_COUNTER_UNSCORED);
	assert_exited(box_child_wait(c), 0);
	calls = box_counter(b, LUTRA_COUNTER_UNSCORED) - calls;
	assert_true(calls >= CROWD_CALLS + 2 * CROWD_WAKES);
}

static void filter_leaves_out_restarts(void **state)
{
	run_filtered(*state, "restart");
	assert_int_equal(count_recorded(*state, LUTRA_NR_RESTART), 0);
	assert_int_equal(count_recorded(*state, SYS_nanosleep) +
				 count_recorded(*state, SYS_clock_nanosleep),
			 1);
}

static void enter_is_attached_while_a_task_has_no_filter(void **state)
{
	struct box *b = *state;
	struct child *bare, *filtered;

	begin_at_filter(b);
	detach_what_is_not_needed(b);
	bare = box_fork(b, "calls", NULL);
	filtered = fork_filtered(b, "calls");
	assert_int_equal(box_cgroup_join(b->cgroup, filtered->pid), 0);
	detach_what_is_not_needed(b);
	assert_int_equal(box_cgroup_join(b->cgroup, bare->pid), 0);
	assert_true(guard_syscalls(b->guard).at_enter);
	/* It does not go while the task is there. */
	b->guard->filters_checked_ns = 0;
	guard_choose_programs(b->guard, clock_now_ns());
	assert_true(guard_syscalls(b->guard).at_enter);
	assert_true(guard_is_unfiltered(b->guard, b->slot));
	assert_exited(box_child_wait(bare), 0);
	assert_exited(box_child_wait(filtered), 0);
	guard_drain(b->guard);
	assert_int_equal(count_recorded(b, OURS), 2 * MADE);
	/* The container's next program may begin at once. */
	b->guard->filters_checked_ns = 0;
	guard_choose_programs(b->guard, clock_now_ns());
	assert_true(guard_syscalls(b->guard).at_enter);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	detach_what_is_not_needed(b);
}

/* As a runtime that prepares a process. */
static void enter_goes_with_a_task_that_ran_no_program(void **state)
{
	struct box *b = *state;
	struct child *bare;

	begin_at_filter(b);
	bare = box_fork(b, "calls", NULL);
	assert_int_equal(box_cgroup_join(b->cgroup, bare->pid), 0);
	assert_true(guard_syscalls(b->guard).at_enter);
	assert_int_equal(kill(bare->pid, SIGKILL), 0);
	assert_int_equal(waitpid(bare->pid, NULL, 0), bare->pid);
	bare->pid = 0;
	detach_what_is_not_needed(b);
	assert_false(guard_is_unfiltered(b->guard, b->slot));
}

static void enter_is_attached_for_a_task_that_runs(void **state)
{
	struct box *b = *state;
	struct child *c = box_fork(b, "calls", NULL);

	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	begin_at_filter(b);
	assert_true(guard_syscalls(b->guard).at_enter);
	assert_exited(box_child_wait(c), 0);
	guard_drain(b->guard);
	assert_int_equal(count_recorded(b, OURS), MADE);
}

static void change_loses_and_repeats_no_call(void **state)
{
	struct box *b = *state;
	struct child *c;
	int status;

	begin_at_filter(b);
	detach_what_is_not_needed(b);
	c = fork_filtered(b, "many");
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	detach_what_is_not_needed(b);
	box_child_go(c);
	while (waitpid(c->pid, &status, WNOHANG) == 0) {
		assert_int_equal(guard_attach_enter(b->guard), 0);
		poll(NULL, 0, 2);
		guard_detach_extra(b->guard, GUARD_ENTER);
		poll(NULL, 0, 2);
	}
	c->pid = 0;
	assert_exited(status, 0);
	guard_drain(b->guard);
	assert_int_equal(count_recorded(b, OURS), MANY);
}

static size_t read_count(void)
{
	FILE *f = fopen(COUNT_FILE, "re");
	size_t n = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%zu", &n), 1);
	fclose(f);
	unlink(COUNT_FILE);
	return n;
}

static void load_pinned(struct box *b)
{
	struct err err = {};

	if (guard_new(&b->guard, &box_handler, GUARD_NO_LSM, PINS, &err) < 0)
		fail_msg("guard_new: %s", err.msg);
}

/* sys_enter is attached when the daemon ends, and before the next one takes over. */
static void takeover_loses_and_repeats_no_call(void **state)
{
	struct box *b = *state;
	struct child *c;

	need_filter(b);
	load_pinned(b);
	begin_at_filter(b);
	c = fork_filtered(b, "until");
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	guard_drain(b->guard);
	detach_what_is_not_needed(b);
	box_child_go(c);
	for (int i = 0; i < 2; i++) {
		guard_free(b->guard);
		assert_int_equal(access(PINS, F_OK), 0);
		load_pinned(b);
		assert_true(guard_syscalls(b->guard).at_enter);
		detach_what_is_not_needed(b);
	}
	assert_int_equal(kill(c->pid, SIGTERM), 0);
	assert_exited(box_child_wait(c), 0);
	guard_drain(b->guard);
	assert_int_equal(count_recorded(b, OURS), read_count());
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	guard_free(b->guard);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(filter_sees_each_call_once),
		BOX_TEST(filter_sees_numbers_as_sys_enter_does),
		BOX_TEST(filter_sees_the_number_of_a_tracer),
		BOX_TEST(filter_leaves_out_what_is_refused),
		BOX_TEST(filter_leaves_out_restarts),
		BOX_TEST(filter_misses_no_call_of_preempted_tasks),
		BOX_TEST(enter_is_attached_while_a_task_has_no_filter),
		BOX_TEST(enter_goes_with_a_task_that_ran_no_program),
		BOX_TEST(enter_is_attached_for_a_task_that_runs),
		BOX_TEST(change_loses_and_repeats_no_call),
		BOX_TEST(takeover_loses_and_repeats_no_call),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
