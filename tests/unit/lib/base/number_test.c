/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/number.h"

static void number_text_has_no_exponent(void **state)
{
	static const struct {
		double v;
		int digits;
		const char *text;
	} cases[] = {
		{0, 3, "0"},
		{0.5, 3, "0.5"},
		{12.34, 3, "12.3"},
		{999.4, 3, "999"},
		{340, 2, "340"},
		{38743.6, 3, "38744"},
		{-38743.6, 3, "-38744"},
		{0.000191, 3, "0.000191"},
		{0.0000191, 3, "0.0000191"},
		{0.00001, 3, "0.00001"},
		{1e18, 3, "over 1000000000000000000"},
		{-1e300, 3, "below -1000000000000000000"},
		{1e17, 9, "100000000000000000"},
	};
	char buf[NUMBER_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(number_text(cases[i].v, cases[i].digits, buf), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_text_has_no_exponent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
