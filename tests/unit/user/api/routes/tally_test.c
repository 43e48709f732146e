/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts counted by minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/api/routes/tally.h"

#define MINUTE 60000000000ull
#define START (29000000 * MINUTE)

static long long count_at(const struct tally *t, uint64_t now_ns, const char *verdict, size_t i)
{
	json_auto_t *j = tally_to_json(t, now_ns, TALLY_MINUTES);

	return json_integer_value(
		json_array_get(json_object_get(j, verdict), TALLY_MINUTES - 1 - i));
}

static void tally_counts_by_minute_and_verdict(void **state)
{
	struct tally t = {};

	(void)state;
	tally_add(&t, START, LUTRA_VERDICT_ALERT);
	tally_add(&t, START + MINUTE - 1, LUTRA_VERDICT_ALERT);
	tally_add(&t, START + MINUTE, LUTRA_VERDICT_KILL);
	assert_int_equal(count_at(&t, START + MINUTE, "alert", 1), 2);
	assert_int_equal(count_at(&t, START + MINUTE, "alert", 0), 0);
	assert_int_equal(count_at(&t, START + MINUTE, "kill", 0), 1);
	assert_int_equal(count_at(&t, START + 5 * MINUTE, "kill", 4), 1);
}

static void tally_forgets_what_is_older_than_a_day(void **state)
{
	struct tally t = {};
	uint64_t later = START + 2 * TALLY_MINUTES * MINUTE;

	(void)state;
	tally_add(&t, START, LUTRA_VERDICT_DENY);
	assert_int_equal(count_at(&t, START + TALLY_MINUTES * MINUTE, "deny", 0), 0);
	tally_add(&t, later, LUTRA_VERDICT_DENY);
	assert_int_equal(count_at(&t, later, "deny", 0), 1);
	for (size_t i = 1; i < TALLY_MINUTES; i++)
		assert_int_equal(count_at(&t, later, "deny", i), 0);
}

static void tally_goes_on_where_the_clock_is_set_back(void **state)
{
	struct tally t = {};

	(void)state;
	tally_add(&t, START, LUTRA_VERDICT_ALLOW);
	tally_add(&t, START - 10 * MINUTE, LUTRA_VERDICT_ALLOW);
	assert_int_equal(count_at(&t, START, "allow", 0), 2);
}

static void tally_has_the_minutes_that_are_asked_for(void **state)
{
	struct tally t = {};
	json_auto_t *j = tally_to_json(&t, START, 3);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(j, "alert")), 3);
	assert_int_equal(json_integer_value(json_object_get(j, "first")),
			 START / NSEC_PER_SEC - 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tally_counts_by_minute_and_verdict),
		cmocka_unit_test(tally_forgets_what_is_older_than_a_day),
		cmocka_unit_test(tally_goes_on_where_the_clock_is_set_back),
		cmocka_unit_test(tally_has_the_minutes_that_are_asked_for),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
