/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/base/command/closest.h"

static const struct {
	const char *name;
	int other;
} names[] = {{"policy", 1}, {"enroll", 2}, {"release", 3}, {"ps", 4}, {"status", 5}, {"top", 6}};

static const char *find_closest(const char *word)
{
	return closest_name(word, names, sizeof(names) / sizeof(names[0]), sizeof(names[0]));
}

static void closest_takes_what_is_two_edits_away(void **state)
{
	static const struct {
		const char *word, *name;
	} cases[] = {
		{"enrol", "enroll"},	{"polcy", "policy"},  {"plocy", "policy"},
		{"relaese", "release"}, {"statsu", "status"}, {"stat", "status"},
		{"pa", "ps"},		{"tpo", "top"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = find_closest(cases[i].word);

		if (!name)
			fail_msg("%s: none", cases[i].word);
		assert_string_equal(name, cases[i].name);
	}
}

static void closest_takes_nothing_that_is_another_word(void **state)
{
	static const char *const words[] = {
		"", "p", "zz", "foo", "delete", "--help", "policies-of-all"};
	char longest[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_null(find_closest(words[i]));
	memset(longest, 'p', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_null(find_closest(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closest_takes_what_is_two_edits_away),
		cmocka_unit_test(closest_takes_nothing_that_is_another_word),
	};

	return cmocka_run_group_tests_name("closest", tests, NULL, NULL);
}
