/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "lib/base/array.h"

static void array_keeps_items_and_zeroes_new_ones(void **state)
{
	uint32_t *item = NULL;
	size_t size = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		assert_int_equal(ARRAY_RESERVE(item, size, i + 1), 0);
		assert_true(size > i);
		assert_int_equal(item[i], 0);
		item[i] = ~i;
	}
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(item[i], ~i);
	free(item);
}

static void array_stays_when_there_is_room(void **state)
{
	char *item = NULL, *first;
	size_t size = 0;

	(void)state;
	assert_int_equal(ARRAY_RESERVE(item, size, 1000), 0);
	assert_true(size >= 1000);
	first = item;
	assert_int_equal(ARRAY_RESERVE(item, size, 1000), 0);
	assert_int_equal(ARRAY_RESERVE(item, size, 0), 0);
	assert_ptr_equal(item, first);
	free(item);
}

static void array_stays_when_need_is_too_large(void **state)
{
	uint64_t *item = NULL, *first;
	size_t size = 0, before;

	(void)state;
	assert_int_equal(ARRAY_RESERVE(item, size, 1), 0);
	first = item;
	before = size;
	assert_int_equal(ARRAY_RESERVE(item, size, SIZE_MAX), -ENOMEM);
	assert_int_equal(ARRAY_RESERVE(item, size, SIZE_MAX / 2), -ENOMEM);
	assert_ptr_equal(item, first);
	assert_int_equal(size, before);
	free(item);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(array_keeps_items_and_zeroes_new_ones),
		cmocka_unit_test(array_stays_when_there_is_room),
		cmocka_unit_test(array_stays_when_need_is_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
