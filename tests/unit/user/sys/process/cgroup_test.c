/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over the processes of cgroups, which are made of plain directories and files here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/scratch.h"
#include "user/sys/process/cgroup.h"

struct seen_pids {
	int n, most; /* most: how many are wanted */
	long sum;
};

static bool note_pid(void *ctx, pid_t pid)
{
	struct seen_pids *s = ctx;

	s->sum += pid;
	return ++s->n < s->most;
}

static void add_cgroup(const char *dir, const char *name, const char *procs)
{
	char *path = scratch_path(dir, name), *file = scratch_path(path, "cgroup.procs");

	mkdir(path, 0755);
	scratch_write(file, procs, strlen(procs));
	free(file);
	free(path);
}

static void cgroup_each_process_walks_the_cgroups_below(void **state)
{
	struct seen_pids all = {.most = 100}, some = {.most = 2};
	char *dir = scratch_dir();

	(void)state;
	add_cgroup(dir, ".", "1\n20\n");
	add_cgroup(dir, "a", "");
	add_cgroup(dir, "a/b", "300\n");
	cgroup_each_process(dir, note_pid, &all);
	assert_int_equal(all.n, 3);
	assert_int_equal(all.sum, 321);
	cgroup_each_process(dir, note_pid, &some);
	assert_int_equal(some.n, 2);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroup_each_process_walks_the_cgroups_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
