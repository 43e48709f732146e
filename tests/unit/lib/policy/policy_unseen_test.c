/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of the unseen: kinds of rules, rates in words, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/policy/policy_unseen.h"
#include "lutra/verdict.h"

static struct policy_unseen sample_unseen(void)
{
	struct policy_unseen u = {.runs = 10, .hours = 30, .all = {11, {0.2, 0.66}}};

	u.kind[POLICY_UNSEEN_FILES_READ] = (struct policy_unseen_rate){10, {0.16, 0.61}};
	u.kind[POLICY_UNSEEN_PROGRAMS] = (struct policy_unseen_rate){1, {0.001, 0.19}};
	return u;
}

static void policy_unseen_kind_is_of_every_rule_that_tells_a_thing(void **state)
{
	(void)state;
	for (unsigned rule = 0; rule < LUTRA_RULE_COUNT; rule++) {
		bool level = lutra_is_level_rule(rule);
		bool logs = rule_get(rule)->action == LUTRA_ACTION_LOG;

		assert_int_equal(policy_unseen_kind(rule) == POLICY_UNSEEN_KINDS, level || logs);
	}
	assert_int_equal(policy_unseen_kind(LUTRA_RULE_NONE), POLICY_UNSEEN_KINDS);
	assert_int_equal(policy_unseen_kind(LUTRA_RULE_GUARD), POLICY_UNSEEN_KINDS);
	assert_int_equal(policy_unseen_kind(LUTRA_RULE_MAPX), POLICY_UNSEEN_PROGRAMS);
}

static void policy_unseen_rate_is_at_least_one_in_the_recorded_time(void **state)
{
	struct policy_unseen u = sample_unseen(), none = {.runs = 3, .hours = 4}, unknown = {};

	(void)state;
	assert_true(policy_unseen_per_hour(&u) == 11. / 30);
	assert_true(policy_unseen_per_hour(&none) == 0.25);
	assert_true(policy_unseen_per_hour(&unknown) == 0);
}

static void policy_unseen_rate_text_has_a_unit_that_fits(void **state)
{
	static const struct {
		double per_hour;
		const char *text;
	} cases[] = {{12.3, "12 things an hour"},
		     {1.5, "2 things an hour"},
		     {1, "one thing an hour"},
		     {0.8, "one thing an hour"},
		     {1 / 3., "one thing every 3 hours"},
		     {1 / 24., "one thing every 24 hours"},
		     {1 / 72., "one thing every 3 days"}};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		policy_unseen_rate_text(cases[i].per_hour, "thing", "things", text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

static void policy_unseen_text_names_each_kind(void **state)
{
	struct policy_unseen u = sample_unseen();
	char text[POLICY_UNSEEN_TEXT];

	(void)state;
	policy_unseen_text(&u, text);
	assert_string_equal(text,
			    "about one new file read every 3 hours, one new program every 30 "
			    "hours at the end of training; in all 0.2 to 0.66 an hour (95 %)");
	u = (struct policy_unseen){.runs = 3, .hours = 0.5, .all = {0, {0, 7.4}}};
	policy_unseen_text(&u, text);
	assert_string_equal(text, "nothing was in one run only, of 3 in 0.5 h: at most 7.4 new "
				  "things an hour at the end of training (95 %)");
	u = (struct policy_unseen){};
	policy_unseen_text(&u, text);
	assert_string_equal(text, "not known: it takes two runs");
}

static void policy_unseen_json_gives_the_same_back(void **state)
{
	struct policy_unseen u = sample_unseen(), read = {};
	json_auto_t *j = policy_unseen_encode(&u);

	(void)state;
	assert_int_equal(policy_unseen_decode(j, &read, NULL), 0);
	assert_memory_equal(&read, &u, sizeof(u));
}

static void policy_unseen_decode_refuses_what_is_wrong(void **state)
{
	static const struct {
		const char *key, *value, *says;
	} cases[] = {
		{"runs", "-1", "out of range"},	 {"hours", "-1.0", "out of range"},
		{"things", "\"x\"", "unseen: "}, {"per_hour_95", "[2.0, 1.0]", "out of range"},
		{"more", "1", "unseen: "},	 {"kinds", "{}", "files_read"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy_unseen u = sample_unseen(), read = {};
		json_auto_t *j = policy_unseen_encode(&u);
		struct err err = {""};

		json_object_set_new(j, cases[i].key,
				    json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		assert_int_equal(policy_unseen_decode(j, &read, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, cases[i].says));
		assert_int_equal(read.runs, 0);
	}
}

static void policy_unseen_decode_refuses_a_kind_that_is_not_known(void **state)
{
	struct policy_unseen u = sample_unseen();
	json_auto_t *j = policy_unseen_encode(&u);
	json_t *kinds = json_object_get(j, "kinds");

	(void)state;
	json_object_set(kinds, "dreams", json_object_get(kinds, "names"));
	assert_int_equal(policy_unseen_decode(j, &u, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_unseen_kind_is_of_every_rule_that_tells_a_thing),
		cmocka_unit_test(policy_unseen_rate_is_at_least_one_in_the_recorded_time),
		cmocka_unit_test(policy_unseen_rate_text_has_a_unit_that_fits),
		cmocka_unit_test(policy_unseen_text_names_each_kind),
		cmocka_unit_test(policy_unseen_json_gives_the_same_back),
		cmocka_unit_test(policy_unseen_decode_refuses_what_is_wrong),
		cmocka_unit_test(policy_unseen_decode_refuses_a_kind_that_is_not_known),
	};

	return cmocka_run_group_tests_name("policy_unseen", tests, NULL, NULL);
}
