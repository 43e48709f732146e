/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/test_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int outcome_of(long r)
{
	if (r >= 0)
		return DONE;
	return errno == EPERM ? REFUSED : ELSE;
}

int try_ptrace(void)
{
	pid_t pid = fork();
	int r;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	r = outcome_of(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
	return r;
}

int test_program_run_worker(const struct worker *workers, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(workers[i].name, name))
			return workers[i].run();
	return 127;
}

const char *test_program_why_not(void)
{
	char mount[200];

	if (geteuid() != 0)
		return "not root";
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "the kernel has no BTF";
	if (box_cgroup_mount(mount, sizeof(mount)) < 0)
		return "no cgroup v2 is mounted";
	return NULL;
}

const char *test_program_why_no_hooks(void)
{
	const char *why = test_program_why_not();

	return why || box_lsm_runs() ? why : "this kernel does not run BPF LSM programs";
}

void test_program_skip(const char *why)
{
	print_message("# skip: %s\n", why);
	skip();
}

int test_program_run_tests(const char *why, const struct CMUnitTest *tests, size_t n)
{
	int r;

	if (why) {
		fprintf(stderr, "%s\n", why);
		return 77;
	}
	r = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
	if (!box_keep_guard)
		box_guard_end();
	return r;
}
