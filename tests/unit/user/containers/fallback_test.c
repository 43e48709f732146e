/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which refusals count for the fallback of a container: different ones, by the kind of their rule.
 * What rules that fell back still do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "user/containers/containers_impl.h"
#include "user/containers/host_mounts.h"

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

/* Returns the action of level M where it fell back, in a mode. kill_matches: of the policy. */
static uint8_t level_action(unsigned mode, uint8_t kill_matches)
{
	struct container c = {.mode = mode, .fallback_rules = 1u << LUTRA_RULE_LEVEL};
	struct policy p = {.kill_matches = kill_matches};
	struct host_view view = {};
	uint8_t ret;

	p.action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_ALERT;
	ret = container_view(&c, &p, &view)->action[LUTRA_RULE_LEVEL];
	host_view_done(&view);
	return ret;
}

static void fallback_lets_the_level_alert_unless_that_kills(void **state)
{
	(void)state;
	assert_int_equal(level_action(LUTRA_MODE_DENY, 1), LUTRA_ACTION_ALERT);
	assert_int_equal(level_action(LUTRA_MODE_FREEZE, 1), LUTRA_ACTION_ALERT);
	assert_int_equal(level_action(LUTRA_MODE_KILL, 1), LUTRA_ACTION_LOG);
	assert_int_equal(level_action(LUTRA_MODE_KILL_CONTAINER, 1), LUTRA_ACTION_LOG);
	assert_int_equal(level_action(LUTRA_MODE_KILL, 2), LUTRA_ACTION_ALERT);
	assert_int_equal(level_action(LUTRA_MODE_KILL_CONTAINER, 2), LUTRA_ACTION_ALERT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fallback_counts_a_refusal_that_repeats_once),
		cmocka_unit_test(fallback_counts_each_kind_of_rule_by_itself),
		cmocka_unit_test(fallback_lets_the_level_alert_unless_that_kills),
	};

	return cmocka_run_group_tests_name("fallback", tests, NULL, NULL);
}
