/* SPDX-License-Identifier: Apache-2.0 */
/* Error lines: what they quote cannot act on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/base/err.h"

/* NOLINTBEGIN(misc-misleading-bidirectional): the test is about these characters. */
static void err_set_escapes_what_it_quotes(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, -EBADMSG, "near '%s'", "\x1b[2J\n\xff\xe2\x80\xae"),
			 -EBADMSG);
	assert_string_equal(err.msg, "near '\\x1b[2J\\x0a\\xff\\xe2\\x80\\xae'");
}
/* NOLINTEND(misc-misleading-bidirectional) */

static void err_set_keeps_what_is_escaped(void **state)
{
	struct err why, err;

	(void)state;
	err_set(&why, -EBADMSG, "%s", "a\\b \x01 h\xc3\xa9");
	err_set(&err, -EBADMSG, "file: %s", why.msg);
	assert_string_equal(err.msg, "file: a\\b \\x01 h\xc3\xa9");
}

static void err_set_cuts_at_the_end_of_a_character(void **state)
{
	char text[2 * sizeof(struct err)];
	struct err err;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 2] = '\0';
	err_set(&err, -EBADMSG, "%s", text);
	assert_in_range(strlen(err.msg), sizeof(err.msg) - 8, sizeof(err.msg) - 1);
	assert_int_equal(err.msg[strlen(err.msg) - 1], (char)0xa9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_set_escapes_what_it_quotes),
		cmocka_unit_test(err_set_keeps_what_is_escaped),
		cmocka_unit_test(err_set_cuts_at_the_end_of_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
