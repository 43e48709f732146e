/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/list.h"

struct item {
	struct item *next;
	int value;
};

/* The list's values as decimal digits, first to last. */
static int list_digits(const struct item *first)
{
	int n = 0;

	for (const struct item *i = first; i; i = i->next)
		n = n * 10 + i->value;
	return n;
}

static void list_push_adds_in_front(void **state)
{
	struct item item[3] = {{NULL, 1}, {NULL, 2}, {NULL, 3}}, *first = NULL;

	(void)state;
	for (int i = 0; i < 3; i++)
		LIST_PUSH(first, &item[i]);
	assert_int_equal(list_digits(first), 321);
}

static void list_remove_takes_first_middle_and_last(void **state)
{
	static const int left[] = {32, 31, 21};

	(void)state;
	for (int gone = 0; gone < 3; gone++) {
		struct item item[3] = {{NULL, 1}, {NULL, 2}, {NULL, 3}}, *first = NULL;

		for (int i = 0; i < 3; i++)
			LIST_PUSH(first, &item[i]);
		LIST_REMOVE(first, &item[gone]);
		assert_int_equal(list_digits(first), left[gone]);
		assert_null(item[gone].next);
	}
}

static void list_pop_empties_the_list(void **state)
{
	struct item item[2] = {{NULL, 1}, {NULL, 2}}, *first = NULL;

	(void)state;
	for (int i = 0; i < 2; i++)
		LIST_PUSH(first, &item[i]);
	assert_ptr_equal(LIST_POP(first), &item[1]);
	assert_ptr_equal(LIST_POP(first), &item[0]);
	assert_null(LIST_POP(first));
	assert_null(first);
}

static void list_each_safe_lets_the_body_remove(void **state)
{
	struct item item[3] = {{NULL, 1}, {NULL, 2}, {NULL, 3}}, *first = NULL;
	int seen = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		LIST_PUSH(first, &item[i]);
	LIST_EACH_SAFE (i, first) {
		seen++;
		if (i->value != 2)
			LIST_REMOVE(first, i);
	}
	assert_int_equal(seen, 3);
	assert_int_equal(list_digits(first), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_push_adds_in_front),
		cmocka_unit_test(list_remove_takes_first_middle_and_last),
		cmocka_unit_test(list_pop_empties_the_list),
		cmocka_unit_test(list_each_safe_lets_the_body_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
