/* SPDX-License-Identifier: Apache-2.0 */
/* The reference level of level M, by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "trainer/model/level_m/m_threshold.h"

static void m_highest_keeps_the_two_highest_in_any_order(void **state)
{
	static const double orders[][4] = {
		{.1, .9, .4, .2}, {.9, .4, .2, .1}, {.2, .1, .4, .9}, {.4, .2, .9, .1}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct m_highest h = {0};

		for (size_t k = 0; k < 4; k++)
			m_highest_add(&h, orders[i][k]);
		assert_true(h.first == .9 && h.second == .4);
	}
}

static void m_highest_keeps_equal_levels_twice(void **state)
{
	struct m_highest h = {0};

	(void)state;
	m_highest_add(&h, .5);
	m_highest_add(&h, .5);
	assert_true(h.first == .5 && h.second == .5);
}

/* Each case by hand: sqrt((first + second) / 2 * typical). */
static void m_highest_reference_is_between_the_replays_and_the_typical_level(void **state)
{
	static const struct {
		double first, second, typical, reference;
	} cases[] = {
		{.36, .36, .36, .36}, /* a usual service: its own level */
		{.16, .16, .36, .24}, /* a quiet one: above its own level */
		{.64, .64, .36, .48}, /* one whose runs differ: below */
		{1.28, 0, .36, .48},  /* one odd run counts half */
		{0, 0, .36, 0},	      {.08, .08, .02, .04},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct m_highest h = {cases[i].first, cases[i].second};
		double found = m_highest_reference(&h, cases[i].typical);

		assert_true(fabs(found - cases[i].reference) < 1e-12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m_highest_keeps_the_two_highest_in_any_order),
		cmocka_unit_test(m_highest_keeps_equal_levels_twice),
		cmocka_unit_test(m_highest_reference_is_between_the_replays_and_the_typical_level),
	};

	return cmocka_run_group_tests_name("m_threshold", tests, NULL, NULL);
}
