/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/test_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
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

/* Reads the kernel's preemption models, the one in force in parentheses, to text of size bytes. */
static void read_preemption(char *text, size_t size)
{
	char dir[] = "/tmp/lutra-debugfs.XXXXXX", path[64];
	FILE *f = NULL;

	text[0] = '\0';
	if (!mkdtemp(dir))
		return;
	if (mount("none", dir, "debugfs", 0, NULL) == 0) {
		snprintf(path, sizeof(path), "%s/sched/preempt", dir);
		f = fopen(path, "re");
	}
	if (f) {
		if (!fgets(text, (int)size, f))
			text[0] = '\0';
		fclose(f);
	}
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

const char *test_program_why_not_counted(void)
{
	char models[100];

	read_preemption(models, sizeof(models));
	if (strstr(models, "(full)") || strstr(models, "(lazy)"))
		return "this kernel preempts tasks inside BPF programs, and skips those of others "
		       "meanwhile";
	return NULL;
}

void test_program_skip(const char *why)
{
	print_message("# skip: %s\n", why);
	skip();
}

void test_program_need_counts(void)
{
	const char *why = test_program_why_not_counted();

	if (why)
		test_program_skip(why);
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
