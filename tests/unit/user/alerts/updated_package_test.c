/* SPDX-License-Identifier: Apache-2.0 */
/* When the package of a file is looked up for an alert. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "user/alerts/updated_package.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(updated_package_describe_looks_up_updates_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
