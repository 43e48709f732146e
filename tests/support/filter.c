/* SPDX-License-Identifier: Apache-2.0 */
/* Linked into each test program: LUTRA_TEST=PATTERN runs only the tests whose names match ('*', '?'). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

__attribute__((__constructor__)) static void choose_tests(void)
{
	const char *pattern = getenv("LUTRA_TEST");

	if (pattern)
		cmocka_set_test_filter(pattern);
}
