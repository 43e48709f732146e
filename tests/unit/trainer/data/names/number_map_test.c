/* SPDX-License-Identifier: Apache-2.0 */
/* The map of numbers keeps their order while it grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "trainer/data/names/number_map.h"

static void number_map_finds_what_was_added_in_order(void **state)
{
	struct number_map m;
	uint32_t i;

	(void)state;
	assert_int_equal(number_map_init(&m), 0);
	assert_false(number_map_find(&m, 0, &i));
	for (uint64_t n = 0; n < 20000; n++) {
		assert_int_equal(number_map_add(&m, n << 40, &i), 0);
		assert_int_equal(i, n);
	}
	assert_int_equal(number_map_add(&m, 7ull << 40, &i), 0);
	assert_int_equal(i, 7);
	assert_int_equal(m.n, 20000);
	for (uint64_t n = 0; n < 20000; n++) {
		assert_true(number_map_find(&m, n << 40, &i));
		assert_int_equal(i, n);
		assert_false(number_map_find(&m, n << 40 | 1, &i));
	}
	number_map_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_map_finds_what_was_added_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
