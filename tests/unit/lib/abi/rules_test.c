/* SPDX-License-Identifier: Apache-2.0 */
/* The list of rules, and that the documentation and the API's description repeat it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/cleanup.h"
#include "lib/base/file.h"

static void rule_has_name_title_and_text(void **state)
{
	unsigned found;

	(void)state;
	for (unsigned i = 0; i < RULES_COUNT; i++) {
		const struct rule *r = rule_get(i);

		if (i == LUTRA_RULE_NONE)
			continue;
		assert_true(r->title && r->text && r->action < LUTRA_ACTION_COUNT);
		assert_int_equal(rule_find(r->name, &found), 0);
		assert_int_equal(found, i);
	}
}

static void rule_parse_refuses_rules_of_no_policy(void **state)
{
	unsigned rule = 77;

	(void)state;
	assert_int_equal(rule_parse("guard", &rule), -EINVAL);
	assert_int_equal(rule_parse("fallback", &rule), -EINVAL);
	assert_int_equal(rule_parse("?", &rule), -EINVAL);
	assert_int_equal(rule_find(NULL, &rule), -EINVAL);
	assert_int_equal(rule, 77);
	assert_string_equal(rule_name(LUTRA_RULE_NONE), "?");
	assert_string_equal(rule_name(999), "?");
}

/* docs/alerts.md has a row with name, title and default action of each rule of a policy. */
static void rules_are_in_the_documentation(void **state)
{
	_cleanup_free_ char *page = NULL;
	size_t len;

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, "docs/alerts.md", 1 << 20, &page, &len, NULL), 0);
	for (unsigned i = 0; i < LUTRA_RULE_COUNT; i++) {
		const struct rule *r = rule_get(i);
		char row[256];

		snprintf(row, sizeof(row), "| `%s` | %s | %s |\n", r->name, r->title,
			 action_name(r->action));
		if (!strstr(page, row))
			fail_msg("docs/alerts.md lacks the row: %s", row);
	}
}

/* The enum of rule names in web/openapi.json is the list. */
static void rules_are_in_the_description_of_the_api(void **state)
{
	json_auto_t *api = json_load_file("web/openapi.json", 0, NULL);
	json_t *names = NULL;
	size_t n = 0;

	(void)state;
	assert_non_null(api);
	assert_int_equal(json_unpack(api, "{s:{s:{s:{s:{s:{s:o}}}}}}", "components", "schemas",
				     "Rule", "properties", "name", "enum", &names),
			 0);
	for (unsigned i = 0; i < RULES_COUNT; i++) {
		const char *name = json_string_value(json_array_get(names, n));

		if (i == LUTRA_RULE_NONE)
			continue;
		n++;
		assert_non_null(name);
		assert_string_equal(name, rule_name(i));
	}
	assert_int_equal(json_array_size(names), n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_has_name_title_and_text),
		cmocka_unit_test(rule_parse_refuses_rules_of_no_policy),
		cmocka_unit_test(rules_are_in_the_documentation),
		cmocka_unit_test(rules_are_in_the_description_of_the_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
