/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a match: of the service's, and of an exec session's that is audited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lutra/verdict.h"

#define SESSION LUTRA_MATCH_SESSION
#define HOST LUTRA_MATCH_HOST

static struct lutra_policy image;

/* Each rule denies, and one match kills. */
static int verdict_setup(void **state)
{
	(void)state;
	memset(&image, 0, sizeof(image));
	memset(image.action, LUTRA_ACTION_DENY, sizeof(image.action));
	image.kill_matches = 1;
	return 0;
}

static unsigned verdict_of(unsigned match, unsigned mode)
{
	struct lutra_matches m = {0};

	return lutra_decide_verdict(&m, &image, match, mode, 1);
}

static void verdict_of_an_audited_session_only_logs(void **state)
{
	static const unsigned rules[] = {LUTRA_RULE_NEW_SYSCALL,
					 LUTRA_RULE_NEW_HOOKABLE,
					 LUTRA_RULE_LEVEL,
					 LUTRA_RULE_CONNECT,
					 LUTRA_RULE_BIND,
					 LUTRA_RULE_MAPX,
					 LUTRA_RULE_WX,
					 LUTRA_RULE_OPEN_WRITE_PROTECTED,
					 LUTRA_RULE_PATH_PROTECTED};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		for (unsigned mode = LUTRA_MODE_AUDIT; mode < LUTRA_MODE_COUNT; mode++)
			assert_int_equal(verdict_of(rules[i] | SESSION, mode), LUTRA_VERDICT_ALLOW);
}

static void verdict_on_programs_of_an_audited_session_alerts(void **state)
{
	static const unsigned rules[] = {LUTRA_RULE_EXEC, LUTRA_RULE_EXEC_FRESH,
					 LUTRA_RULE_UPDATED};

	(void)state;
	image.action[LUTRA_RULE_EXEC_FRESH] = LUTRA_ACTION_KILL;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		for (unsigned mode = LUTRA_MODE_AUDIT; mode < LUTRA_MODE_COUNT; mode++)
			assert_int_equal(verdict_of(rules[i] | SESSION, mode), LUTRA_VERDICT_ALERT);
	image.action[LUTRA_RULE_EXEC] = LUTRA_ACTION_LOG;
	assert_int_equal(verdict_of(LUTRA_RULE_EXEC | SESSION, LUTRA_MODE_DENY),
			 LUTRA_VERDICT_ALLOW);
}

/* Neither a kill nor a freeze: both would end the service by an operator's mistake. */
static void verdict_on_the_host_refuses_an_audited_session_in_each_mode(void **state)
{
	static const unsigned matches[] = {LUTRA_RULE_CAPABLE,
					   LUTRA_RULE_OPEN_WRITE_PROTECTED | HOST,
					   LUTRA_RULE_CONNECT | HOST};

	(void)state;
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		unsigned match = matches[i] | SESSION;

		for (unsigned action = LUTRA_ACTION_DENY; action <= LUTRA_ACTION_KILL; action++) {
			memset(image.action, (int)action, sizeof(image.action));
			for (unsigned mode = LUTRA_MODE_DENY; mode < LUTRA_MODE_COUNT; mode++)
				assert_int_equal(verdict_of(match, mode), LUTRA_VERDICT_DENY);
			assert_int_equal(verdict_of(match, LUTRA_MODE_AUDIT), LUTRA_VERDICT_ALERT);
		}
		memset(image.action, LUTRA_ACTION_ALERT, sizeof(image.action));
		assert_int_equal(verdict_of(match, LUTRA_MODE_DENY), LUTRA_VERDICT_ALERT);
	}
}

static void verdict_mode_of_an_audited_session_is_deny_at_most(void **state)
{
	unsigned match = LUTRA_RULE_CAPABLE | SESSION, guard = LUTRA_RULE_GUARD | SESSION;

	(void)state;
	assert_int_equal(lutra_match_mode(match, LUTRA_MODE_AUDIT), LUTRA_MODE_AUDIT);
	assert_int_equal(lutra_match_mode(match, LUTRA_MODE_KILL_CONTAINER), LUTRA_MODE_DENY);
	assert_int_equal(lutra_match_mode(match, LUTRA_MODE_FREEZE), LUTRA_MODE_DENY);
	assert_int_equal(lutra_match_mode(LUTRA_RULE_CAPABLE, LUTRA_MODE_FREEZE),
			 LUTRA_MODE_FREEZE);
	assert_int_equal(lutra_match_mode(guard, LUTRA_MODE_KILL), LUTRA_MODE_KILL);
}

static void verdict_on_an_attack_on_the_guard_spares_no_session(void **state)
{
	(void)state;
	assert_int_equal(verdict_of(LUTRA_RULE_GUARD | SESSION, LUTRA_MODE_DENY),
			 LUTRA_VERDICT_DENY);
	assert_int_equal(verdict_of(LUTRA_RULE_GUARD | SESSION, LUTRA_MODE_KILL),
			 LUTRA_VERDICT_KILL);
}

/* The strict setting: no match has the session's bit. */
static void verdict_on_a_guarded_session_is_the_services(void **state)
{
	(void)state;
	assert_int_equal(verdict_of(LUTRA_RULE_EXEC, LUTRA_MODE_DENY), LUTRA_VERDICT_DENY);
	assert_int_equal(verdict_of(LUTRA_RULE_OPEN_READ_PROTECTED, LUTRA_MODE_KILL),
			 LUTRA_VERDICT_KILL);
}

static void verdict_levels_of_an_audited_session_open_no_alert_window(void **state)
{
	struct lutra_matches m = {0};

	(void)state;
	lutra_decide_verdict(&m, &image, LUTRA_RULE_LEVEL | SESSION, LUTRA_MODE_DENY, 1);
	assert_true(m.alert_until_ns == 0);
	lutra_decide_verdict(&m, &image, LUTRA_RULE_LEVEL, LUTRA_MODE_DENY, 1);
	assert_true(m.alert_until_ns > 0);
}

static void verdict_host_is_what_is_changed_or_spoken_to(void **state)
{
	static const struct {
		struct lutra_object o;
		bool host; /* at a node of the host's */
		bool elsewhere;
	} cases[] = {
		{{.op = LUTRA_OP_OPEN, .mode = 0100644}, false, false},
		{{.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_WRITE}, true, false},
		{{.op = LUTRA_OP_OPEN, .mode = 0060600}, true, true},
		{{.op = LUTRA_OP_MKNOD, .mode = 0060600}, true, true},
		{{.op = LUTRA_OP_UNLINK, .mode = 0100644}, true, false},
		{{.op = LUTRA_OP_SETXATTR, .mode = 0100644}, true, false},
		{{.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_UNIX}, true, false},
		{{.op = LUTRA_OP_EXEC, .mode = 0100755}, false, false},
		{{.op = LUTRA_OP_CHDIR}, false, false},
		{{.op = LUTRA_OP_HOOK, .mode = LUTRA_HOOK_SB_MOUNT}, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lutra_judgement j = {.rule = LUTRA_RULE_CONNECT};
		unsigned plain = lutra_object_match(&cases[i].o, &j);

		j.class.flags = LUTRA_NODE_HOST;
		assert_int_equal((plain & HOST) != 0, cases[i].elsewhere);
		assert_int_equal((lutra_object_match(&cases[i].o, &j) & HOST) != 0, cases[i].host);
	}
}

static void verdict_host_is_where_its_secrets_are_read(void **state)
{
	static const struct {
		struct lutra_object o;
		bool host;
	} cases[] = {
		{{.op = LUTRA_OP_OPEN, .mode = 0100600}, true},
		{{.op = LUTRA_OP_OPEN, .mode = 0010600}, true},
		{{.op = LUTRA_OP_OPEN, .mode = 0040700}, false},
		{{.op = LUTRA_OP_CHDIR, .mode = 0040700}, false},
		{{.op = LUTRA_OP_EXEC, .mode = 0100755}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lutra_judgement j = {.rule = LUTRA_RULE_OPEN_READ_PROTECTED};

		j.class.flags = LUTRA_NODE_SECRET;
		assert_int_equal(lutra_object_match(&cases[i].o, &j) & HOST, 0);
		j.class.flags = LUTRA_NODE_SECRET | LUTRA_NODE_HOST;
		assert_int_equal((lutra_object_match(&cases[i].o, &j) & HOST) != 0, cases[i].host);
	}
}

/* A directory that the tree holds is never of the protected kind. */
static void verdict_on_a_directory_of_the_host_is_that_of_a_protected_name(void **state)
{
	struct lutra_matches m = {0};

	(void)state;
	image.action[LUTRA_RULE_PATH_PROTECTED] = LUTRA_ACTION_DENY;
	image.action[LUTRA_RULE_PATH_NEW_USE] = LUTRA_ACTION_ALERT;
	assert_int_equal(lutra_decide_verdict(&m, &image, LUTRA_RULE_PATH_NEW_USE | SESSION | HOST,
					      LUTRA_MODE_DENY, 1),
			 LUTRA_VERDICT_DENY);
	assert_int_equal(lutra_decide_verdict(&m, &image, LUTRA_RULE_PATH_NEW_USE | HOST,
					      LUTRA_MODE_DENY, 1),
			 LUTRA_VERDICT_ALERT);
}

#define SECOND_NS 1000000000ull

/* A level passes its threshold, falls below it, and passes it again. The other level follows. */
static void verdict_on_levels_of_a_lineage_alerts_once_a_minute(void **state)
{
	static const struct {
		uint32_t rule;
		unsigned verdict;
		uint64_t after_ns;
	} cases[] = {
		{LUTRA_RULE_LEVEL, LUTRA_VERDICT_ALERT, 0},
		{LUTRA_RULE_LEVEL, LUTRA_VERDICT_ALLOW, SECOND_NS / 100},
		{LUTRA_RULE_NOVELTY, LUTRA_VERDICT_ALLOW, SECOND_NS / 100},
		{LUTRA_RULE_CONNECT, LUTRA_VERDICT_ALERT, SECOND_NS},
		{LUTRA_RULE_CONNECT, LUTRA_VERDICT_ALERT, SECOND_NS},
		{LUTRA_RULE_LEVEL, LUTRA_VERDICT_ALLOW, 50 * SECOND_NS},
		{LUTRA_RULE_NOVELTY, LUTRA_VERDICT_ALERT, 62 * SECOND_NS},
		{LUTRA_RULE_LEVEL, LUTRA_VERDICT_ALLOW, 63 * SECOND_NS},
		{LUTRA_RULE_LEVEL, LUTRA_VERDICT_ALERT, 200 * SECOND_NS},
	};
	static const uint64_t starts[] = {0, 1, 12345 * SECOND_NS, 10000000000 * SECOND_NS};

	(void)state;
	memset(image.action, LUTRA_ACTION_ALERT, sizeof(image.action));
	image.kill_matches = 2;
	for (size_t k = 0; k < sizeof(starts) / sizeof(starts[0]); k++) {
		struct lutra_matches m = {0};

		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			assert_int_equal(lutra_decide_verdict(&m, &image, cases[i].rule,
							      LUTRA_MODE_AUDIT,
							      starts[k] + cases[i].after_ns),
					 cases[i].verdict);
	}
}

/* With few training runs level M is only logged. */
static void verdict_on_a_level_that_is_logged_silences_no_alert(void **state)
{
	struct lutra_matches m = {0};

	(void)state;
	image.action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_LOG;
	image.action[LUTRA_RULE_NOVELTY] = LUTRA_ACTION_ALERT;
	assert_int_equal(lutra_decide_verdict(&m, &image, LUTRA_RULE_LEVEL, LUTRA_MODE_AUDIT, 1),
			 LUTRA_VERDICT_ALLOW);
	assert_int_equal(lutra_decide_verdict(&m, &image, LUTRA_RULE_NOVELTY, LUTRA_MODE_AUDIT, 1),
			 LUTRA_VERDICT_ALERT);
}

/* Only alerts come once: an action of deny acts each time. */
static void verdict_on_a_level_that_denies_is_the_same_each_time(void **state)
{
	struct lutra_matches m = {0};

	(void)state;
	for (uint64_t now = 1; now < 4; now++)
		assert_int_equal(
			lutra_decide_verdict(&m, &image, LUTRA_RULE_LEVEL, LUTRA_MODE_DENY, now),
			LUTRA_VERDICT_DENY);
}

#define TEST(f) cmocka_unit_test_setup(f, verdict_setup)

/* Asserts that in a kill mode each rule but the level kills if and only if its action is deny. */
static void assert_kills_what_deny_refuses(unsigned mode)
{
	for (unsigned rule = 0; rule < LUTRA_RULE_COUNT; rule++)
		if (rule != LUTRA_RULE_LEVEL)
			assert_int_equal(verdict_of(rule, mode) == LUTRA_VERDICT_KILL,
					 image.action[rule] >= LUTRA_ACTION_DENY);
	assert_int_equal(verdict_of(LUTRA_RULE_GUARD, mode), LUTRA_VERDICT_KILL);
}

static void verdict_in_kill_modes_is_kill_for_what_deny_refuses(void **state)
{
	(void)state;
	image.action[LUTRA_RULE_NEW_SYSCALL] = LUTRA_ACTION_LOG;
	image.action[LUTRA_RULE_OPEN_DIR] = LUTRA_ACTION_ALERT;
	for (image.kill_matches = 1; image.kill_matches <= 2; image.kill_matches++) {
		assert_kills_what_deny_refuses(LUTRA_MODE_KILL);
		assert_kills_what_deny_refuses(LUTRA_MODE_KILL_CONTAINER);
	}
}

static void verdict_on_a_level_in_kill_modes_follows_kill_signals(void **state)
{
	(void)state;
	image.action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_ALERT;
	image.kill_matches = 2;
	assert_int_equal(verdict_of(LUTRA_RULE_LEVEL, LUTRA_MODE_KILL), LUTRA_VERDICT_ALERT);
	image.kill_matches = 1;
	assert_int_equal(verdict_of(LUTRA_RULE_LEVEL, LUTRA_MODE_KILL), LUTRA_VERDICT_KILL);
	image.action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_LOG;
	assert_int_equal(verdict_of(LUTRA_RULE_LEVEL, LUTRA_MODE_KILL), LUTRA_VERDICT_ALLOW);
	image.action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_KILL;
	image.kill_matches = 2;
	assert_int_equal(verdict_of(LUTRA_RULE_LEVEL, LUTRA_MODE_KILL), LUTRA_VERDICT_KILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verdict_of_an_audited_session_only_logs),
		TEST(verdict_on_programs_of_an_audited_session_alerts),
		TEST(verdict_on_the_host_refuses_an_audited_session_in_each_mode),
		TEST(verdict_mode_of_an_audited_session_is_deny_at_most),
		TEST(verdict_on_an_attack_on_the_guard_spares_no_session),
		TEST(verdict_on_a_guarded_session_is_the_services),
		TEST(verdict_levels_of_an_audited_session_open_no_alert_window),
		TEST(verdict_on_levels_of_a_lineage_alerts_once_a_minute),
		TEST(verdict_on_a_level_that_is_logged_silences_no_alert),
		TEST(verdict_on_a_level_that_denies_is_the_same_each_time),
		TEST(verdict_host_is_what_is_changed_or_spoken_to),
		TEST(verdict_host_is_where_its_secrets_are_read),
		TEST(verdict_on_a_directory_of_the_host_is_that_of_a_protected_name),
		TEST(verdict_in_kill_modes_is_kill_for_what_deny_refuses),
		TEST(verdict_on_a_level_in_kill_modes_follows_kill_signals),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
