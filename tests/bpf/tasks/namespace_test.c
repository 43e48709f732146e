/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that are known to be the container's by their mount namespace: one that moves itself into the
 * cgroup, and one whose entry was lost.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kern/lutra.skel.h"
#include "user/guard/guard_impl.h"

#define NOVEL SYS_getpgid
#define ENTRIES 4096 /* of the map task_cache */

static const char *worker_arg;

static int call_novel(void)
{
	syscall(NOVEL, 0);
	return 0;
}

/* Executes the worker "stop" in a new mount namespace, as a runtime starts a container. */
static int work_runtime(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return 1;
	execl("/proc/self/exe", "worker", "--worker", "stop", NULL);
	return 1;
}

/*
 * A child stops until the test lets it go on, then executes a program that makes a novel call. Stops
 * too, once the child has.
 */
static int work_stop(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		raise(SIGSTOP);
		execl("/proc/self/exe", "worker", "--worker", "novel", NULL);
		_exit(1);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return 1;
	raise(SIGSTOP);
	return waitpid(pid, &status, 0) == pid ? status : 1;
}

/* worker_arg: a process, and a cgroup. Moves itself into the cgroup, in the process's namespace. */
static int work_join(void)
{
	char path[64], cgroup[320];
	int pid;

	if (sscanf(worker_arg, "%d,%319s", &pid, cgroup) != 2)
		return 1;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	if (pid && setns(open(path, O_RDONLY | O_CLOEXEC), CLONE_NEWNS) < 0)
		return 2;
	return box_cgroup_join(cgroup, 0) < 0 ? 3 : call_novel();
}

static const struct worker workers[] = {
	{"runtime", work_runtime}, {"stop", work_stop}, {"novel", call_novel}, {"join", work_join}};

static void enroll_cgroup(struct box *b)
{
	struct policy *p = kernel_policy_new();
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .policy = p, .mode = LUTRA_MODE_AUDIT, .sessions = true};
	struct err err = {};

	kernel_policy_forget(p, NOVEL, false);
	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(p);
}

/* Starts a container whose two processes have stopped. */
static struct child *start_container(struct box *b)
{
	struct child *c = box_fork(b, "runtime", NULL);
	int status = 0;

	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	box_child_go(c);
	assert_int_equal(waitpid(c->pid, &status, WUNTRACED), c->pid);
	assert_true(WIFSTOPPED(status));
	return c;
}

/* Runs the worker "join" from outside the cgroup, in the namespace of a process; 0: in its own. */
static void run_join(struct box *b, int pid)
{
	char arg[400];

	snprintf(arg, sizeof(arg), "%d,%s", pid, b->cgroup);
	assert_exited(box_child_wait(box_fork(b, "join", arg)), 0);
}

/* Removes the entry of a task, as if there had been no memory for it. */
static void lose_entry(struct box *b, pid_t pid)
{
	int cache = bpf_map__fd(b->guard->skel->maps.task_cache);
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	_cleanup_free_ void *none = calloc(1, 4096);

	assert_true(pidfd >= 0 && none);
	for (uint32_t i = 0; i < ENTRIES; i++)
		assert_int_equal(bpf_map_update_elem(cache, &i, none, BPF_ANY), 0);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(b->guard->skel->maps.tasks), &pidfd), 0);
}

/* Returns the process of the cgroup that is not pid. */
static pid_t other_process(const struct box *b, pid_t pid)
{
	char path[400];
	int other = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", b->cgroup);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fscanf(f, "%d", &other) == 1 && other == pid)
		;
	fclose(f);
	assert_true(other > 0 && other != pid);
	return other;
}

static void namespace_arms_a_task_that_moves_itself(void **state)
{
	struct box *b = *state;
	struct child *c;

	enroll_cgroup(b);
	c = start_container(b);
	run_join(b, c->pid);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 1);
}

static void namespace_of_the_host_arms_nothing(void **state)
{
	struct box *b = *state;

	enroll_cgroup(b);
	start_container(b);
	run_join(b, 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 0);
}

static void namespace_arms_a_task_without_entry_at_its_exec(void **state)
{
	struct box *b = *state;
	struct child *c;
	pid_t pid;

	enroll_cgroup(b);
	c = start_container(b);
	pid = other_process(b, c->pid);
	lose_entry(b, pid);
	kill(pid, SIGCONT);
	kill(c->pid, SIGCONT);
	assert_exited(box_child_wait(c), 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(namespace_arms_a_task_that_moves_itself),
		BOX_TEST(namespace_of_the_host_arms_nothing),
		BOX_TEST(namespace_arms_a_task_without_entry_at_its_exec),
	};

	worker_arg = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
