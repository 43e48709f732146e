/* SPDX-License-Identifier: Apache-2.0 */
/* When the package of a file is looked up for an alert. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/package/package.h"
#include "user/alerts/updated_package.h"
#include "user/sys/process/cgroup.h"

#define PROGRAM "/usr/bin/env"

/* Only an upgrade that is reported is looked up, and only so often. */
static void updated_package_describe_looks_up_updates_alone(void **state)
{
	struct lutra_evidence ev = {.rule = LUTRA_RULE_MAPX, .tgid = (uint32_t)getpid()};
	struct throttle limit = {};
	char buf[UPDATED_PACKAGE_TEXT];

	(void)state;
	assert_null(updated_package_describe(&limit, &ev, "/bin/a", 6, buf));
	assert_int_equal(limit.full_ns, 0);
	ev.rule = LUTRA_RULE_UPDATED;
	assert_null(updated_package_describe(&limit, &ev, "/no/such/file", 13, buf));
	assert_true(limit.full_ns > 0);
	/* Until then nothing is looked up, however slow this machine is. */
	limit.full_ns = UINT64_MAX / 2;
	assert_null(updated_package_describe(&limit, &ev, "/no/such/file", 13, buf));
	assert_int_equal(limit.folded, 1);
	assert_null(updated_package_describe(&limit, &ev, "?", 1, buf));
}

/* The pid of a process of a container may be another process's by now, and its parent the host's. */
static void updated_package_describe_reads_no_root_but_the_container_s(void **state)
{
	struct lutra_evidence ev = {.rule = LUTRA_RULE_UPDATED};
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *cgroup = NULL;
	struct throttle limit = {};
	struct package p = {};
	char buf[UPDATED_PACKAGE_TEXT];
	uint64_t id = 0;

	(void)state;
	if (cgroup_of_pid(getpid(), &cgroup, NULL) < 0 || cgroup_id(cgroup, &id, NULL) < 0 ||
	    package_find(root, PROGRAM, &p) < 0)
		skip();
	ev.cgroup_id = id;
	ev.tgid = (uint32_t)getpid();
	assert_non_null(updated_package_describe(&limit, &ev, PROGRAM, strlen(PROGRAM), buf));
	assert_memory_equal(buf, p.name, strlen(p.name));
	ev.cgroup_id = UINT64_MAX;
	ev.ppid = ev.tgid;
	assert_null(updated_package_describe(&limit, &ev, PROGRAM, strlen(PROGRAM), buf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(updated_package_describe_looks_up_updates_alone),
		cmocka_unit_test(updated_package_describe_reads_no_root_but_the_container_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
