/* SPDX-License-Identifier: Apache-2.0 */
/* The root directory of a process, which is opened only if the process is in the cgroup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/cgroup_process.h"

/* Sets the ids of the cgroup of this process, and of the topmost one. Skips the test without v2. */
static void find_cgroups(uint64_t *ret_own, uint64_t *ret_top)
{
	_cleanup_free_ char *own = NULL, *top = NULL;

	if (cgroup_root(&top, NULL) < 0 || cgroup_of_pid(getpid(), &own, NULL) < 0 ||
	    cgroup_id(own, ret_own, NULL) < 0 || cgroup_id(top, ret_top, NULL) < 0)
		skip();
}

static void cgroup_process_root_is_that_of_the_process(void **state)
{
	uint64_t own = 0, top = 0;
	struct stat root, found;
	_cleanup_close_ int fd = -1, from_top = -1;

	(void)state;
	find_cgroups(&own, &top);
	fd = cgroup_process_open_root(own, getpid());
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(stat("/", &root), 0);
	assert_true(found.st_dev == root.st_dev && found.st_ino == root.st_ino);
	from_top = cgroup_process_open_root(top, getpid());
	assert_true(from_top >= 0);
}

/* As if a process of the container had ended, and its pid had been given to this process. */
static void cgroup_process_of_another_cgroup_has_no_root(void **state)
{
	uint64_t own = 0, top = 0;

	(void)state;
	find_cgroups(&own, &top);
	assert_int_equal(cgroup_process_open_root(UINT64_MAX, getpid()), -ESRCH);
	assert_int_equal(cgroup_process_open_root(0, getpid()), -ESRCH);
}

static void cgroup_process_that_ended_has_no_root(void **state)
{
	uint64_t own = 0, top = 0;
	siginfo_t info;
	pid_t pid;

	(void)state;
	find_cgroups(&own, &top);
	pid = fork();
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(cgroup_process_open_root(own, pid), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(cgroup_process_open_root(own, pid), -ESRCH);
	assert_int_equal(cgroup_process_open_root(own, 0), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroup_process_root_is_that_of_the_process),
		cmocka_unit_test(cgroup_process_of_another_cgroup_has_no_root),
		cmocka_unit_test(cgroup_process_that_ended_has_no_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
