/* SPDX-License-Identifier: Apache-2.0 */
/* Which refusals count for the fallback of a container: different ones, by the kind of their rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "user/containers/containers.h"

static void fallback_counts_a_refusal_that_repeats_once(void **state)
{
	struct container c = {};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(container_count_refusal(&c, LUTRA_RULE_EXEC, "f1"), 1);
	assert_int_equal(container_count_refusal(&c, LUTRA_RULE_EXEC, "f2"), 2);
	free(c.refusals);
}

static void fallback_counts_each_kind_of_rule_by_itself(void **state)
{
	struct container c = {};

	(void)state;
	assert_int_equal(container_count_refusal(&c, LUTRA_RULE_EXEC, "f1"), 1);
	assert_int_equal(container_count_refusal(&c, LUTRA_RULE_CONNECT, "f2"), 1);
	assert_int_equal(container_count_refusal(&c, LUTRA_RULE_BIND, "f3"), 2);
	assert_false(container_end_fallback(&c));
	assert_int_equal(container_count_refusal(&c, LUTRA_RULE_SEND, "f4"), 1);
	free(c.refusals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fallback_counts_a_refusal_that_repeats_once),
		cmocka_unit_test(fallback_counts_each_kind_of_rule_by_itself),
	};

	return cmocka_run_group_tests_name("fallback", tests, NULL, NULL);
}
