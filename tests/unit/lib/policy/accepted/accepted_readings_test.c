/* SPDX-License-Identifier: Apache-2.0 */
/* From the words of an alert to readings, from narrow to wide, and what is dangerous. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/policy/accepted/accepted.h"
#include "tests/support/sample.h"

struct reading_case {
	unsigned rule;
	const char *object, *path, *call;
	const char *readings[ACCEPTED_READINGS_MAX]; /* "NAME: TEXT" */
	const char *danger;			     /* part of the first one's; NULL: none */
};

static const struct reading_case cases[] = {
	{LUTRA_RULE_OPEN_READ_ELSEWHERE,
	 "open r file /srv/a/x.conf",
	 "/srv/a/x.conf",
	 "openat",
	 {"path: open r file /srv/a/x.conf, in role steady",
	  "extension: open r file of any file *.conf in /srv/a, in role steady"},
	 NULL},
	{LUTRA_RULE_OPEN_WRITE_PROTECTED,
	 "open w file /etc/passwd",
	 "/etc/passwd",
	 "openat",
	 {"path: open w file /etc/passwd, in role steady",
	  "roles: open w file /etc/passwd, in every role"},
	 "protected"},
	{LUTRA_RULE_OPEN_READ_PROTECTED,
	 "open r file /etc/shadow",
	 "/etc/shadow",
	 "openat",
	 {"path: open r file /etc/shadow, in role steady",
	  "roles: open r file /etc/shadow, in every role"},
	 "secret"},
	{LUTRA_RULE_OPEN_READ_PROTECTED,
	 "open r file /root/.ssh/id_ed25519",
	 "/root/.ssh/id_ed25519",
	 "openat",
	 {"path: open r file /root/.ssh/id_ed25519, in role steady",
	  "roles: open r file /root/.ssh/id_ed25519, in every role"},
	 "secret"},
	{LUTRA_RULE_EXEC,
	 "exec /usr/bin/id",
	 "/usr/bin/id",
	 "execve",
	 {"path: exec /usr/bin/id, in role steady", "roles: exec /usr/bin/id, in every role"},
	 NULL},
	{LUTRA_RULE_EXEC_FRESH,
	 "exec /tmp/x (fresh)",
	 "/tmp/x",
	 "execve",
	 {"path: exec /tmp/x (fresh), in role steady", "roles: exec /tmp/x (fresh), in every role"},
	 "itself wrote"},
	{LUTRA_RULE_CONNECT,
	 "connect 169.254.169.254:80",
	 "169.254.169.254:80",
	 "connect",
	 {"peer: connect ipv4, any private address, port 80, in role steady",
	  "roles: connect ipv4, any private address, port 80, in every role"},
	 "metadata"},
	{LUTRA_RULE_CONNECT,
	 "connect 10.0.0.1:80",
	 "10.0.0.1:80",
	 "connect",
	 {"peer: connect ipv4, any private address, port 80, in role steady",
	  "roles: connect ipv4, any private address, port 80, in every role"},
	 "169.254.169.254"},
	{LUTRA_RULE_CONNECT,
	 "connect [fd12::1]:80",
	 "[fd12::1]:80",
	 "connect",
	 {"peer: connect ipv6, any private address, port 80, in role steady",
	  "roles: connect ipv6, any private address, port 80, in every role"},
	 "fd00:ec2::254"},
	{LUTRA_RULE_CONNECT,
	 "connect [::ffff:169.254.169.254]:80",
	 "[::ffff:169.254.169.254]:80",
	 "connect",
	 {"peer: connect ipv6, any private address, port 80, in role steady",
	  "roles: connect ipv6, any private address, port 80, in every role"},
	 "metadata"},
	{LUTRA_RULE_CONNECT,
	 "connect [2001:db8::1]:443",
	 "[2001:db8::1]:443",
	 "connect",
	 {"peer: connect ipv6, any public address, port 443, in role steady",
	  "roles: connect ipv6, any public address, port 443, in every role"},
	 NULL},
	{LUTRA_RULE_CONNECT,
	 "connect /run/db.sock",
	 "/run/db.sock",
	 "connect",
	 {"path: connect /run/db.sock, in role steady",
	  "roles: connect /run/db.sock, in every role"},
	 NULL},
	{LUTRA_RULE_CONNECT,
	 "peer /run/db.sock",
	 "/run/db.sock",
	 "connect",
	 {"path: peer /run/db.sock, in role steady", "roles: peer /run/db.sock, in every role"},
	 NULL},
	{LUTRA_RULE_NEW_HOOKABLE,
	 "socket netlink raw 4",
	 "netlink raw 4",
	 "socket",
	 {"use: socket netlink raw 4, in role steady"},
	 NULL},
	{LUTRA_RULE_WX,
	 "wx mmap",
	 "mmap",
	 "mmap",
	 {"use: wx mmap, in role steady", "roles: wx mmap, in every role"},
	 "writable and executable"},
	{LUTRA_RULE_CAPABLE,
	 "capable net_raw",
	 "net_raw",
	 "socket",
	 {"use: capable net_raw, in role steady"},
	 NULL},
	{LUTRA_RULE_NEW_HOOKABLE,
	 "",
	 NULL,
	 "ptrace",
	 {"call: system call ptrace, in role steady", "roles: system call ptrace, in every role"},
	 "past the container"},
	{LUTRA_RULE_PATH_ELSEWHERE,
	 "unlink /srv/a/old.log",
	 "/srv/a/old.log",
	 "unlink",
	 {"path: unlink /srv/a/old.log, in role steady",
	  "extension: unlink of any file *.log in /srv/a, in role steady"},
	 NULL},
};

/* starter: NULL: not known. */
static void check_case(const struct reading_case *c, const char *starter)
{
	const struct accepted_facts f = {.rule = c->rule,
					 .role = LUTRA_ROLE_STEADY,
					 .object = c->object,
					 .path = c->path,
					 .starter = starter,
					 .call = c->call};
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	struct err err = {""};
	int n = accepted_readings(p, &f, list, &err), i;

	if (n < 0)
		fail_msg("%s: %s", c->object, err.msg);
	for (i = 0; i < n; i++) {
		char text[ACCEPTED_TEXT], got[ACCEPTED_TEXT + 32];

		snprintf(got, sizeof(got), "%s: %s", list[i].name,
			 accepted_scope_text(&list[i].scope, text));
		assert_non_null(c->readings[i]);
		assert_string_equal(got, c->readings[i]);
	}
	assert_true(i == ACCEPTED_READINGS_MAX || !c->readings[i]);
	if (c->danger && (!list[0].danger || !strstr(list[0].danger, c->danger)))
		fail_msg("%s: danger: %s", c->object, list[0].danger ? list[0].danger : "none");
	if (!c->danger && list[0].danger)
		fail_msg("%s: danger: %s", c->object, list[0].danger);
}

static void accepted_readings_go_from_narrow_to_wide(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(&cases[i], NULL);
}

static void accepted_readings_of_a_program_begin_with_its_starter(void **state)
{
	static const struct reading_case by_starter = {
		LUTRA_RULE_EXEC,
		"exec /bin/gzip",
		"/bin/gzip",
		"execve",
		{"starter: exec /bin/gzip, in role steady, started by /usr/sbin/logrotate",
		 "path: exec /bin/gzip, in role steady", "roles: exec /bin/gzip, in every role"},
		NULL};
	static const struct reading_case alone = {
		LUTRA_RULE_EXEC,
		"exec /bin/gzip",
		"/bin/gzip",
		"execve",
		{"path: exec /bin/gzip, in role steady", "roles: exec /bin/gzip, in every role"},
		NULL};
	static const struct reading_case library = {LUTRA_RULE_MAPX,
						    "mapx /srv/libz.so",
						    "/srv/libz.so",
						    "mmap",
						    {"path: mapx /srv/libz.so, in role steady"},
						    NULL};
	static const char *const useless[] = {"", "?/usr/sbin/logrotate", "/usr/sbin/log\\x0a",
					      "/usr/../logrotate"};

	(void)state;
	check_case(&by_starter, "/usr/sbin/logrotate");
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++)
		check_case(&alone, useless[i]);
	check_case(&library, "/usr/sbin/logrotate");
}

static void accepted_readings_of_a_level_are_dangerous_from_twice_the_threshold(void **state)
{
	struct accepted_facts f = {.rule = LUTRA_RULE_LEVEL, .role = LUTRA_ROLE_STEADY};
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	char text[ACCEPTED_TEXT];

	(void)state;
	f.level = p->threshold + 1;
	assert_int_equal(accepted_readings(p, &f, list, NULL), 1);
	assert_null(list[0].danger);
	assert_string_equal(accepted_scope_text(&list[0].scope, text),
			    "level M up to 101 % of its threshold");
	f.level = 2 * p->threshold + 1;
	assert_int_equal(accepted_readings(p, &f, list, NULL), 1);
	assert_non_null(list[0].danger);
	assert_int_equal(list[0].scope.percent, 201);
}

static void accepted_readings_of_level_n_are_of_its_threshold(void **state)
{
	struct accepted_facts f = {.rule = LUTRA_RULE_NOVELTY, .role = LUTRA_ROLE_STEADY};
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	char text[ACCEPTED_TEXT];
	struct err err;

	(void)state;
	f.level = p->novelty_threshold + 1;
	assert_int_equal(accepted_readings(p, &f, list, NULL), 1);
	assert_null(list[0].danger);
	assert_string_equal(accepted_scope_text(&list[0].scope, text),
			    "level N up to 101 % of its threshold");
	list[0].scope.percent = 0;
	assert_string_equal(accepted_scope_text(&list[0].scope, text),
			    "level N up to 10.7 % of new pairs");
	p->novelty_threshold = LUTRA_THRESHOLD_OFF;
	assert_int_equal(accepted_readings(p, &f, list, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "has no level N"));
}

static void accepted_readings_refuse_a_level_that_the_policy_has_not(void **state)
{
	const struct accepted_facts f = {
		.rule = LUTRA_RULE_LEVEL, .role = LUTRA_ROLE_STEADY, .level = 7};
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	struct err err;

	(void)state;
	p->format = POLICY_FORMAT_LEVEL - 1;
	p->threshold = LUTRA_THRESHOLD_OFF;
	assert_int_equal(accepted_readings(p, &f, list, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "lutra learn --image example.org/shop:1 --anew"));
}

static void accepted_readings_refuse_what_no_policy_can_hold(void **state)
{
	static const struct accepted_facts bad[] = {
		{.rule = LUTRA_RULE_GUARD, .object = "open r file /a", .path = "/a"},
		{.rule = LUTRA_RULE_EXEC, .object = "exec", .path = NULL},
		{.rule = LUTRA_RULE_EXEC, .object = "exec /a\\x0a", .path = "/a\\x0a"},
		{.rule = LUTRA_RULE_EXEC, .object = "exec ?/a", .path = "?/a"},
		{.rule = LUTRA_RULE_EXEC, .object = "exec /a/../b", .path = "/a/../b"},
		{.rule = LUTRA_RULE_EXEC, .object = "exec /a (odd)", .path = "/a"},
		{.rule = LUTRA_RULE_EXEC, .object = "exec /a", .path = "/b"},
		{.rule = LUTRA_RULE_CONNECT, .object = "connect 1.2.3:1", .path = "1.2.3:1"},
		{.rule = LUTRA_RULE_CONNECT, .object = "connect 1.2.3.4:99999", .path = "x"},
		{.rule = LUTRA_RULE_NEW_SYSCALL, .object = "", .call = "ia32:11"},
		{.rule = LUTRA_RULE_NEW_SYSCALL, .object = ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct accepted_reading list[ACCEPTED_READINGS_MAX];
		_cleanup_(policy_freep) struct policy *p = sample_policy();
		struct err err = {""};

		if (accepted_readings(p, &bad[i], list, &err) != -EINVAL || !*err.msg)
			fail_msg("case %zu: %s", i, err.msg);
	}
}

static void accepted_readings_say_every_port_where_the_policy_tells_none_apart(void **state)
{
	const struct accepted_facts f = {.rule = LUTRA_RULE_CONNECT,
					 .role = LUTRA_ROLE_STEADY,
					 .object = "connect 127.0.0.1:40000",
					 .path = "127.0.0.1:40000"};
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	char text[ACCEPTED_TEXT];

	(void)state;
	p->port_exact = 0;
	assert_true(accepted_readings(p, &f, list, NULL) > 0);
	assert_string_equal(accepted_scope_text(&list[0].scope, text),
			    "connect ipv4, any loopback address, any port from 32768, in role "
			    "steady");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_readings_go_from_narrow_to_wide),
		cmocka_unit_test(accepted_readings_of_a_program_begin_with_its_starter),
		cmocka_unit_test(
			accepted_readings_of_a_level_are_dangerous_from_twice_the_threshold),
		cmocka_unit_test(accepted_readings_of_level_n_are_of_its_threshold),
		cmocka_unit_test(accepted_readings_refuse_a_level_that_the_policy_has_not),
		cmocka_unit_test(accepted_readings_refuse_what_no_policy_can_hold),
		cmocka_unit_test(
			accepted_readings_say_every_port_where_the_policy_tells_none_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
