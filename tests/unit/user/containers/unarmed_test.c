/* SPDX-License-Identifier: Apache-2.0 */
/* When a container is told of whose tasks run although none was armed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lutra/types.h"
#include "user/containers/unarmed.h"

#define START (1000 * NSEC_PER_SEC)
#define DUE (START + UNARMED_PATIENCE_S * NSEC_PER_SEC)

static void unarmed_tasks_are_told_once_after_a_time(void **state)
{
	struct unarmed u = {};

	(void)state;
	assert_false(unarmed_check(&u, true, false, START));
	assert_false(unarmed_check(&u, true, false, DUE - 1));
	assert_true(unarmed_check(&u, true, false, DUE));
	assert_false(unarmed_check(&u, true, false, 2 * DUE));
}

static void unarmed_time_begins_anew_with_the_next_tasks(void **state)
{
	struct unarmed u = {};

	(void)state;
	assert_false(unarmed_check(&u, true, false, START));
	assert_false(unarmed_check(&u, false, false, START + 1));
	assert_false(unarmed_check(&u, true, false, DUE));
	assert_true(unarmed_check(&u, true, false, 2 * DUE));
}

static void unarmed_check_of_an_armed_container_is_silent(void **state)
{
	struct unarmed u = {};

	(void)state;
	assert_false(unarmed_check(&u, true, true, START));
	assert_false(unarmed_check(&u, true, true, 2 * DUE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unarmed_tasks_are_told_once_after_a_time),
		cmocka_unit_test(unarmed_time_begins_anew_with_the_next_tasks),
		cmocka_unit_test(unarmed_check_of_an_armed_container_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
