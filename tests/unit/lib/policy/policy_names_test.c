/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a policy in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/policy/policy.h"
#include "lutra/score.h"
#include "tests/support/sample.h"

#define PAGES 5 /* nodes of sample_policy() */
#define HOSTS 3
#define ETC 1
#define SRV 2

static void policy_object_name_is_readable(void **state)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	const struct {
		uint64_t token;
		const char *want;
	} cases[] = {
		{sample_open_token(PAGES), "open r file /srv/pages/*"},
		{sample_open_token(HOSTS), "open startup r file /etc/hosts"},
		{sample_connect_token(3306), "connect steady ipv4 loopback port 3306"},
		{LUTRA_OP_CAPABLE | lutra_object_token_put(LUTRA_FIELD_DETAIL, 10),
		 "capable net_bind_service"},
		{LUTRA_OP_EXEC | lutra_object_token_put(LUTRA_FIELD_ROLE, LUTRA_ROLE_SPAWNED) |
			 lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
			 lutra_object_token_put(LUTRA_FIELD_FRESH, 1),
		 "exec spawned / fresh"},
		{sample_open_token(PAGES) | lutra_object_token_put(LUTRA_FIELD_WRITE, 1) |
			 lutra_object_token_put(LUTRA_FIELD_EXTENSION, 1),
		 "open w file /srv/pages/* extension php"},
		{lutra_object_token_of_new_name(sample_open_token(SRV)),
		 "open r file any new name in /srv"},
		{lutra_object_token_of_new_name(sample_open_token(PAGES)),
		 "open r file /srv/pages/* (alerts)"},
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(policy_object_name(p, cases[i].token, buf, sizeof(buf)), 0);
		assert_string_equal(buf, cases[i].want);
	}
	assert_int_equal(policy_object_name(p, cases[0].token, buf, 9), 0);
	assert_string_equal(buf, "open r f");
}

/* The directory has a file of the kind that is meant. */
static void policy_object_name_of_a_sibling_has_its_extension(void **state)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	char name[LUTRA_NAME] = "a.conf", buf[256], number[256];
	uint32_t kind = lutra_component_kind(name, (uint32_t)strlen(name));
	uint64_t token = sample_open_token(ETC) | lutra_sibling_fields(kind);

	(void)state;
	snprintf(number, sizeof(number), "open startup r file new, of kind %u, in /etc", kind);
	policy_object_name(p, token, buf, sizeof(buf));
	assert_string_equal(buf, number);
	sample_node(p, ETC, name, 0, 0);
	policy_object_name(p, token, buf, sizeof(buf));
	assert_string_equal(buf, "open startup r file new, of kind .conf, in /etc");
	policy_object_name(p, sample_open_token(SRV) | lutra_sibling_fields(0), buf, sizeof(buf));
	assert_string_equal(buf, "open r file new, in /srv");
	/* policy.json of an older policy has the number. */
	p->format = 2;
	policy_object_name(p, token, buf, sizeof(buf));
	assert_string_equal(buf, number);
}

/* Keys are numbered in the order of the policy; one without a token has no number. */
static void policy_token_name_is_that_of_its_call_or_key(void **state)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	char buf[64];
	uint8_t role;

	(void)state;
	assert_string_equal(policy_token_name(p, 2, &role, buf, sizeof(buf)), "read");
	assert_int_equal(role, LUTRA_ROLE_STARTUP);
	assert_string_equal(policy_token_name(p, 4, &role, buf, sizeof(buf)), "read");
	assert_int_equal(role, LUTRA_ROLE_STEADY);
	assert_string_equal(policy_token_name(p, 6, &role, buf, sizeof(buf)),
			    "read /srv/pages/a.html");
	assert_int_equal(role, LUTRA_ROLE_STEADY);
	assert_string_equal(policy_token_name(p, LUTRA_UNK, &role, buf, sizeof(buf)), "?");
	assert_string_equal(policy_token_name(p, 200, &role, buf, sizeof(buf)), "?");
	assert_string_equal(policy_key_by_number(p, LUTRA_KEY_FIRST)->name,
			    "read /srv/pages/a.html");
	assert_null(policy_key_by_number(p, LUTRA_KEY_FIRST + 1));
	assert_null(policy_key_by_number(p, LUTRA_KEY_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_object_name_is_readable),
		cmocka_unit_test(policy_object_name_of_a_sibling_has_its_extension),
		cmocka_unit_test(policy_token_name_is_that_of_its_call_or_key),
	};

	return cmocka_run_group_tests_name("policy_names", tests, NULL, NULL);
}
