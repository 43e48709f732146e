/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel that has no memory for the scratch of a task: its objects cannot be judged, and are refused.
 * The maps of the guard are charged to a cgroup whose memory ends. Skipped where LSM programs do not
 * run, and where the kernel has memory all the same.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <stdio.h>
#include <unistd.h>

#define CROWD 60

static char memory_cgroup[300];

/* Children open a file that the policy does not know, once the test lets this process go on. */
static int try_open_in_children(void)
{
	int go[2], status, outcome = REFUSED;
	char c;

	if (pipe(go) < 0)
		return ELSE;
	for (int i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return ELSE;
		if (pid == 0) {
			close(go[1]);
			if (read(go[0], &c, 1) != 0)
				_exit(ELSE);
			_exit(outcome_of(open("/proc/version", O_RDONLY | O_CLOEXEC)));
		}
	}
	raise(SIGSTOP);
	close(go[1]);
	for (int i = 0; i < CROWD; i++)
		if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != REFUSED)
			outcome = DONE;
	return outcome;
}

static const struct worker workers[] = {{"open", try_open_in_children}};

static int write_file(const char *dir, const char *name, const char *value)
{
	_cleanup_close_ int fd = -1;
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

/* Returns why there is no cgroup whose memory is limited, or NULL. This process is in it then. */
static const char *enter_memory_cgroup(void)
{
	char mount[200];

	if (box_cgroup_mount(mount, sizeof(mount)) < 0)
		return "no cgroup v2";
	write_file(mount, "cgroup.subtree_control", "+memory");
	snprintf(memory_cgroup, sizeof(memory_cgroup), "%s/lutra-test-%d-memory", mount, getpid());
	if (mkdir(memory_cgroup, 0755) < 0 || box_cgroup_join(memory_cgroup, 0) < 0)
		return "no cgroup can be made";
	return write_file(memory_cgroup, "memory.max", "max") < 0 ? "no memory controller" : NULL;
}

static void leave_memory_cgroup(void)
{
	char mount[200];

	if (!memory_cgroup[0] || box_cgroup_mount(mount, sizeof(mount)) < 0)
		return;
	box_cgroup_join(mount, 0);
	write_file(memory_cgroup, "memory.max", "max");
}

static uint64_t storage_failed(const struct box *b)
{
	struct lutra_counters c;

	assert_int_equal(guard_counters(b->guard, 0, &c), 0);
	return c.n[LUTRA_COUNTER_STORAGE_FAILED];
}

static void no_memory_refuses_what_cannot_be_judged(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;
	struct child *c;
	int status = 0;

	p->ops = 1u << LUTRA_OP_OPEN;
	p->nodes[0].flags = 0;
	kernel_policy_node(p, 0, "proc", true, LUTRA_NODE_PROTECTED);
	p->action[LUTRA_RULE_OPEN_READ_PROTECTED] = LUTRA_ACTION_DENY;
	leave_memory_cgroup();
	box_enroll(b, p, LUTRA_MODE_DENY, false);
	policy_free(p);
	c = box_fork(b, "open", NULL);
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	box_child_go(c);
	assert_int_equal(waitpid(c->pid, &status, WUNTRACED), c->pid);
	assert_true(WIFSTOPPED(status));
	write_file(memory_cgroup, "memory.max", "0");
	kill(c->pid, SIGCONT);
	status = box_child_wait(c);
	write_file(memory_cgroup, "memory.max", "max");
	assert_exited(status, REFUSED);
	if (!storage_failed(b))
		test_program_skip("the kernel had memory for each task");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(no_memory_refuses_what_cannot_be_judged),
	};
	const char *why;
	int r;

	if (argc > 2 && !strcmp(argv[1], "--worker"))
		return test_program_run_worker(workers, 1, argv[2]);
	why = test_program_why_not();
	why = why ? why : enter_memory_cgroup();
	why = why ? why : test_program_why_no_hooks();
	r = test_program_run_tests(why, tests, 1);
	leave_memory_cgroup();
	if (memory_cgroup[0])
		rmdir(memory_cgroup);
	return r;
}
