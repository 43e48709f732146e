/* SPDX-License-Identifier: Apache-2.0 */
/* The packs of a policy: in words, and read from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <errno.h>

#include "lib/policy/files/policy_format.h"
#include "lib/policy/policy_packs.h"

static void policy_packs_text_says_how_each_was_recognised(void **state)
{
	char base[] = "base", redis[] = "redis", nginx[] = "nginx", tools[] = "redis-tools",
	     path[] = "/usr/bin/redis-server";
	struct policy_known known[] = {
		{.name = base},
		{.name = redis, .program = path, .package = tools},
		{.name = nginx, .program = path},
	};
	struct policy p = {.known = known, .n_known = 1};
	char buf[POLICY_PACKS_TEXT];

	(void)state;
	policy_packs_text(&p, buf);
	assert_string_equal(buf, "");
	p.n_known = 3;
	policy_packs_text(&p, buf);
	assert_string_equal(buf, "redis of package redis-tools, nginx by its path");
}

static void policy_packs_text_leaves_out_what_does_not_fit(void **state)
{
	char name[201], path[] = "/p";
	struct policy_known known[] = {{.name = name, .program = path},
				       {.name = name, .program = path}};
	struct policy p = {.known = known, .n_known = 2};
	char buf[POLICY_PACKS_TEXT];

	(void)state;
	memset(name, 'a', 200);
	name[200] = '\0';
	policy_packs_text(&p, buf);
	assert_int_equal(strncmp(buf, name, 200), 0);
	assert_string_equal(buf + 200, " by its path…");
}

/* Reads the packs of a policy file, of which one has this package. */
static int read_package(json_t *package)
{
	struct policy p = {};
	json_t *known = json_pack("[{s:s, s:i, s:s, s:o, s:i, s:i}]", "name", "redis", "version", 2,
				  "program", "/usr/bin/redis-server", "package", package, "objects",
				  1, "left_out", 0);
	int r;

	assert_non_null(known);
	r = policy_known_decode(&p, known, NULL);
	policy_known_free(&p);
	json_decref(known);
	return r;
}

/* The name comes from the container's database, and goes to terminals and logs. */
static void policy_known_decode_refuses_control_characters(void **state)
{
	(void)state;
	assert_int_equal(read_package(json_null()), 0);
	assert_int_equal(read_package(json_string("redis-tools")), 0);
	assert_int_equal(read_package(json_string("redis\033[2J")), -EBADMSG);
	assert_int_equal(read_package(json_integer(1)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_packs_text_says_how_each_was_recognised),
		cmocka_unit_test(policy_packs_text_leaves_out_what_does_not_fit),
		cmocka_unit_test(policy_known_decode_refuses_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
