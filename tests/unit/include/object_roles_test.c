/* SPDX-License-Identifier: Apache-2.0 */
/* Which roles know an object that the runs showed in one role. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lutra/score_object.h"

static struct lutra_policy policy;

/* The policy knows this token alone. */
static void policy_know_only(uint64_t token)
{
	memset(&policy, 0, sizeof(policy));
	policy.object[lutra_object_slot(0, token) & (LUTRA_OBJECT_SLOTS - 1)] = token;
}

static uint64_t object_token_of(uint8_t op, uint8_t role)
{
	struct lutra_object o = {.op = op, .flags = LUTRA_OBJ_PATH, .mode = 0100755};
	struct lutra_class c = {.node = 7, .flags = LUTRA_NODE_ROLE};

	return lutra_object_token(&policy, &o, &c, 0, role);
}

/* Asserts which roles know an operation that the runs showed in the role "shown". */
static void assert_known_in(uint8_t op, uint8_t shown, const char *roles)
{
	policy_know_only(object_token_of(op, shown));
	for (unsigned role = 0; role <= LUTRA_ROLE_ANY; role++) {
		if (lutra_object_known(&policy, object_token_of(op, (uint8_t)role),
				       (uint8_t)role) != (uint32_t)(roles[role] == 'x'))
			fail_msg("operation %u of role %u, in role %u", op, shown, role);
	}
}

/* The letters stand for start-up, steady, spawned, deeper, session and any; x: known. */
static void object_known_in_spawned_is_known_in_deeper(void **state)
{
	static const uint8_t ops[] = {LUTRA_OP_EXEC, LUTRA_OP_OPEN};

	(void)state;
	for (size_t i = 0; i < sizeof(ops); i++) {
		assert_known_in(ops[i], LUTRA_ROLE_STARTUP, "x---xx");
		assert_known_in(ops[i], LUTRA_ROLE_STEADY, "-x--xx");
		assert_known_in(ops[i], LUTRA_ROLE_SPAWNED, "--xxxx");
		assert_known_in(ops[i], LUTRA_ROLE_DEEPER, "--xxxx");
		assert_known_in(ops[i], LUTRA_ROLE_SESSION, "----x-");
	}
}

/* The token of such an operation holds no role: its field is 0 in all roles. */
static void object_without_role_is_known_in_all_but_sessions(void **state)
{
	(void)state;
	assert_known_in(LUTRA_OP_MAPX, LUTRA_ROLE_SPAWNED, "xxxxxx");
	assert_known_in(LUTRA_OP_UNLINK, LUTRA_ROLE_STARTUP, "xxxxxx");
}

/* New names in a directory that may be renamed say nothing of the directory itself. */
static void object_that_is_a_directory_does_not_vary_as_new_names_in_it(void **state)
{
	struct lutra_object o = {
		.op = LUTRA_OP_RENAME_FROM, .flags = LUTRA_OBJ_PATH, .mode = 0040755};
	struct lutra_class c = {.node = 7, .last = 1};
	uint64_t token = lutra_object_token(&policy, &o, &c, 0, LUTRA_ROLE_STEADY);

	(void)state;
	policy_know_only(lutra_object_token_of_new_name(token));
	assert_int_equal(lutra_name_varies(&policy, &o, &c, token, LUTRA_ROLE_STEADY), 1);
	c.hit = 1;
	assert_int_equal(lutra_name_varies(&policy, &o, &c, token, LUTRA_ROLE_STEADY), 0);
	/* A file that the base knows to alert. */
	o = (struct lutra_object){.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0100644};
	token = lutra_object_token(&policy, &o, &c, 0, LUTRA_ROLE_STEADY);
	policy_know_only(lutra_object_token_of_new_name(token));
	assert_int_equal(lutra_name_varies(&policy, &o, &c, token, LUTRA_ROLE_STEADY), 1);
}

/* Returns the rule of a message to a port of an address class. */
static unsigned rule_of_message(uint8_t addr_class, uint16_t port, uint8_t role)
{
	const struct lutra_object o = {.op = LUTRA_OP_SEND,
				       .family = LUTRA_AF_INET,
				       .addr_class = addr_class,
				       .port = port};
	struct lutra_judgement j;

	lutra_judge_pathless(&policy, &o, role, &j);
	return j.rule;
}

/* A name server that answers clients elsewhere also answers a health check in its own container. */
static void object_that_answers_clients_answers_on_loopback(void **state)
{
	const struct lutra_class none = {};
	struct lutra_object o = {.op = LUTRA_OP_SEND,
				 .family = LUTRA_AF_INET,
				 .addr_class = LUTRA_ADDR_PRIVATE,
				 .port = 40000};

	(void)state;
	policy_know_only(lutra_object_token(&policy, &o, &none, 0, LUTRA_ROLE_STEADY));
	policy.ops = 1u << LUTRA_OP_SEND;
	assert_int_equal(rule_of_message(LUTRA_ADDR_LOOPBACK, 50000, LUTRA_ROLE_STEADY),
			 LUTRA_RULE_NONE);
	assert_int_equal(rule_of_message(LUTRA_ADDR_LOOPBACK, 53, LUTRA_ROLE_STEADY),
			 LUTRA_RULE_SEND);
	assert_int_equal(rule_of_message(LUTRA_ADDR_LOOPBACK, 50000, LUTRA_ROLE_STARTUP),
			 LUTRA_RULE_SEND);
	assert_int_equal(rule_of_message(LUTRA_ADDR_PUBLIC, 50000, LUTRA_ROLE_STEADY),
			 LUTRA_RULE_SEND);
	/* It is known by its exact port alone: the service is the client. */
	policy.port_exact = 1u << lutra_port_bit(&o);
	policy_know_only(lutra_object_token(&policy, &o, &none, 0, LUTRA_ROLE_STEADY));
	policy.ops = 1u << LUTRA_OP_SEND;
	policy.port_exact = 1u << lutra_port_bit(&o);
	assert_int_equal(rule_of_message(LUTRA_ADDR_LOOPBACK, 50000, LUTRA_ROLE_STEADY),
			 LUTRA_RULE_SEND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(object_known_in_spawned_is_known_in_deeper),
		cmocka_unit_test(object_without_role_is_known_in_all_but_sessions),
		cmocka_unit_test(object_that_is_a_directory_does_not_vary_as_new_names_in_it),
		cmocka_unit_test(object_that_answers_clients_answers_on_loopback),
	};

	return cmocka_run_group_tests_name("object roles", tests, NULL, NULL);
}
