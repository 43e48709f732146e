/* SPDX-License-Identifier: Apache-2.0 */
/* Which alerts that came again would have been refused by a mode in force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/containers/containers.h"

static void reported_last_refusal_is_the_last_that_came_again(void **state)
{
	static const struct lutra_reported reported[] = {
		{.rule = LUTRA_RULE_CONNECT, .role = 1, .repeated = 1, .last_ns = 10},
		{.rule = LUTRA_RULE_CONNECT, .role = 2, .repeated = 9, .last_ns = 20},
		/* It was reported, and has not come again. */
		{.rule = LUTRA_RULE_CONNECT, .role = 1, .repeated = 0, .last_ns = 30},
		/* It only alerts. */
		{.rule = LUTRA_RULE_UPDATED, .role = 1, .repeated = 1, .last_ns = 40},
		/* An operator's session. */
		{.rule = LUTRA_RULE_CONNECT,
		 .role = LUTRA_ROLE_SESSION,
		 .repeated = 1,
		 .last_ns = 50},
	};
	const uint32_t rules = 1u << LUTRA_RULE_CONNECT;

	(void)state;
	assert_int_equal(reported_last_refusal_ns(reported, 5, rules), 20);
	assert_int_equal(reported_last_refusal_ns(reported, 1, rules), 10);
	assert_int_equal(reported_last_refusal_ns(reported, 5, 0), 0);
	assert_int_equal(reported_last_refusal_ns(reported, 0, rules), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reported_last_refusal_is_the_last_that_came_again),
	};

	return cmocka_run_group_tests_name("container_repeats", tests, NULL, NULL);
}
