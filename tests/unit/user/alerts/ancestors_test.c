/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a process and its ancestors: a name cannot look like two processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "user/alerts/ancestors.h"

static void ancestors_have_one_separator_each_whatever_a_process_is_called(void **state)
{
	struct lutra_evidence ev = {.tgid = 12, .ppid = 10, .verdict = LUTRA_VERDICT_ALLOW};
	struct throttle limit = {};
	char text[ANCESTORS_TEXT];

	(void)state;
	memcpy(ev.comm, "a[5] < conmon[1", 16);
	assert_string_equal(ancestors_describe(&limit, &ev, text), "a[5] _ conmon[1[12] < [10]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ancestors_have_one_separator_each_whatever_a_process_is_called),
	};

	return cmocka_run_group_tests_name("ancestors", tests, NULL, NULL);
}
