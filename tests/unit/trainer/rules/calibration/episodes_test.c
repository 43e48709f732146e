/* SPDX-License-Identifier: Apache-2.0 */
/* Matches make episodes, and episodes make rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "lutra/verdict.h"
#include "trainer/rules/calibration/episodes.h"

static void add_match(struct matches *s, uint32_t ms, unsigned rule)
{
	struct match m = {.ms = ms, .what = (uint16_t)rule, .object = EPISODES_NO_OBJECT};

	assert_int_equal(episodes_add(s, &m), 0);
}

static void episodes_end_after_a_second_of_silence(void **state)
{
	static const uint32_t at[] = {0, 900, 1900, 2901, 9000, 9000, 10001};
	struct matches s = {0};

	(void)state;
	for (size_t i = 0; i < 7; i++)
		add_match(&s, at[i], i < 4 ? LUTRA_RULE_NEW_SYSCALL : LUTRA_RULE_NEW_HOOKABLE);
	assert_int_equal(s.n, 6);
	assert_int_equal(episodes_count(&s, 1u << LUTRA_RULE_NEW_SYSCALL, 0), 2);
	assert_int_equal(episodes_count(&s, 1u << LUTRA_RULE_NEW_HOOKABLE, 0), 2);
	assert_int_equal(episodes_count(&s, UINT32_MAX, 0), 4);
	assert_int_equal(episodes_count(&s, 1u << LUTRA_RULE_LEVEL, 0), 0);
	episodes_done(&s);
}

/* A match that the policy only alerts on is in no episode of refusals. */
static void episodes_are_counted_by_action(void **state)
{
	struct matches s = {0};

	(void)state;
	for (uint32_t ms = 0; ms < 9000; ms += 3000)
		add_match(&s, ms, LUTRA_RULE_OPEN_READ_PROTECTED);
	s.list[0].action = s.list[1].action = LUTRA_ACTION_ALERT;
	s.list[2].action = LUTRA_ACTION_DENY;
	assert_int_equal(episodes_count(&s, UINT32_MAX, LUTRA_ACTION_LOG), 3);
	assert_int_equal(episodes_count(&s, UINT32_MAX, LUTRA_ACTION_ALERT), 3);
	assert_int_equal(episodes_count(&s, UINT32_MAX, LUTRA_ACTION_DENY), 1);
	episodes_done(&s);
}

/* New names of one millisecond are told apart, as directories are. */
static void episodes_keep_every_object_of_a_millisecond(void **state)
{
	struct match m = {.what = LUTRA_RULE_OPEN_READ_PROTECTED, .object = 1};
	struct matches s = {0};

	(void)state;
	assert_int_equal(episodes_add(&s, &m), 0);
	assert_int_equal(episodes_add(&s, &m), 0);
	m.object = 2;
	assert_int_equal(episodes_add(&s, &m), 0);
	assert_int_equal(s.n, 2);
	episodes_done(&s);
}

/* Garwood's intervals, from tables. */
static void episodes_rate_is_the_exact_poisson_interval(void **state)
{
	static const struct {
		uint32_t n;
		double lo, hi;
	} cases[] = {{0, 0, 3.6889},	    {1, .0253, 5.5716},	    {3, .6187, 8.7673},
		     {10, 4.7954, 18.3904}, {100, 81.364, 121.627}, {600, 552.95, 649.97}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double rate[2];

		episodes_rate_95(cases[i].n, 2, rate);
		assert_true(fabs(rate[0] * 2 - cases[i].lo) < 1e-3 * cases[i].lo + 1e-4);
		assert_true(fabs(rate[1] * 2 - cases[i].hi) < 1e-3 * cases[i].hi);
	}
}

static void episodes_rate_without_hours_is_zero(void **state)
{
	double rate[2] = {1, 1};

	(void)state;
	episodes_rate_95(5, 0, rate);
	assert_true(rate[0] == 0 && rate[1] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(episodes_end_after_a_second_of_silence),
		cmocka_unit_test(episodes_are_counted_by_action),
		cmocka_unit_test(episodes_keep_every_object_of_a_millisecond),
		cmocka_unit_test(episodes_rate_is_the_exact_poisson_interval),
		cmocka_unit_test(episodes_rate_without_hours_is_zero),
	};

	return cmocka_run_group_tests_name("episodes", tests, NULL, NULL);
}
