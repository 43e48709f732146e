/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of alerts: what is one kind, and which alert is the first of its kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lutra/alert_kind.h"

#define NOW (100 * NSEC_PER_SEC)

static uint32_t kind_of(uint32_t rule, uint8_t op, uint16_t mode, uint8_t flags)
{
	struct lutra_object o = {.op = op, .mode = mode, .flags = flags};
	uint32_t kind = lutra_alert_kind(rule, &o, 7);

	assert_true(kind < LUTRA_ALERT_KINDS);
	return kind;
}

static void alert_kinds_tell_capabilities_and_rules_apart(void **state)
{
	(void)state;
	assert_int_not_equal(kind_of(LUTRA_RULE_CAPABLE, LUTRA_OP_CAPABLE, 1, 0),
			     kind_of(LUTRA_RULE_CAPABLE, LUTRA_OP_CAPABLE, 2, 0));
	assert_int_not_equal(
		kind_of(LUTRA_RULE_OPEN_READ_PROTECTED, LUTRA_OP_OPEN, 0100644, LUTRA_OBJ_PATH),
		kind_of(LUTRA_RULE_OPEN_READ_ELSEWHERE, LUTRA_OP_OPEN, 0100644, LUTRA_OBJ_PATH));
}

static void alert_kind_of_paths_is_one(void **state)
{
	(void)state;
	assert_int_equal(
		kind_of(LUTRA_RULE_OPEN_READ_ELSEWHERE, LUTRA_OP_OPEN, 0100644, LUTRA_OBJ_PATH),
		kind_of(LUTRA_RULE_OPEN_READ_ELSEWHERE, LUTRA_OP_OPEN, 0100600, LUTRA_OBJ_PATH));
}

static void alert_first_of_kind_is_once_in_its_time(void **state)
{
	struct lutra_alert_kinds k = {};

	(void)state;
	assert_true(lutra_is_first_of_kind(&k, 3, NOW));
	assert_false(lutra_is_first_of_kind(&k, 3, NOW + 1));
	assert_true(lutra_is_first_of_kind(&k, LUTRA_ALERT_KINDS - 1, NOW + 1));
	assert_false(lutra_is_first_of_kind(&k, 3, NOW + LUTRA_ALERT_KINDS_NS));
	assert_true(lutra_is_first_of_kind(&k, 3, NOW + LUTRA_ALERT_KINDS_NS + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alert_kinds_tell_capabilities_and_rules_apart),
		cmocka_unit_test(alert_kind_of_paths_is_one),
		cmocka_unit_test(alert_first_of_kind_is_once_in_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
