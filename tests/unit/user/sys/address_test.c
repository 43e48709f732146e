/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of servers: texts that are taken and refused, and sockets that listen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "lib/base/cleanup.h"
#include "user/sys/address.h"

static void address_parse_knows_loopback(void **state)
{
	static const struct {
		const char *text;
		bool is_loopback;
	} cases[] = {
		{"127.0.0.1:9477", true}, {"127.8.8.8:1", true},  {"[::1]:9477", true},
		{"0.0.0.0:0", false},	  {"10.0.0.1:80", false}, {"[::]:9477", false},
	};
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(address_parse(cases[i].text, &a), 0);
		assert_int_equal(a.is_loopback, cases[i].is_loopback);
	}
}

static void address_parse_refuses_what_is_no_address_and_port(void **state)
{
	static const char *const cases[] = {
		"",
		":9477",
		"127.0.0.1",
		"127.0.0.1:",
		"localhost:9477",
		"127.0.0.1:x",
		"127.0.0.1:9477000",
		"/run/socket",
		"[::1]",
	};
	struct address a = {.socket_len = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(address_parse(cases[i], &a), -EINVAL);
	assert_int_equal(a.socket_len, 77);
}

static void address_listen_gets_a_port_and_refuses_one_in_use(void **state)
{
	_cleanup_close_ int fd = -1;
	struct address a;
	int second;

	(void)state;
	assert_int_equal(address_parse("127.0.0.1:0", &a), 0);
	assert_int_equal(address_listen(&a, &fd), 0);
	assert_true(address_port(fd) > 0);
	a.socket.in.sin_port = htons((uint16_t)address_port(fd));
	assert_int_equal(address_listen(&a, &second), -EADDRINUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_parse_knows_loopback),
		cmocka_unit_test(address_parse_refuses_what_is_no_address_and_port),
		cmocka_unit_test(address_listen_gets_a_port_and_refuses_one_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
