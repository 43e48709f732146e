/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of a socket in words and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/abi/socket_kind.h"

static void socket_kind_words_come_back_as_numbers(void **state)
{
	static const struct {
		uint8_t family;
		uint16_t type, protocol;
		const char *text;
	} kinds[] = {
		{1, 1, 0, "unix stream"},	   {2, 1, 6, "ipv4 stream tcp"},
		{10, 1, 262, "ipv6 stream mptcp"}, {2, 3, 47, "ipv4 raw 47"},
		{16, 3, 4, "netlink raw 4"},	   {17, 3, 768, "packet raw 768"},
		{38, 5, 0, "alg seqpacket 0"},	   {45, 6, 0, "45 6 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct lutra_object o = {.op = LUTRA_OP_SOCKET};
		char text[SOCKET_KIND_TEXT];

		socket_kind_text(kinds[i].family, kinds[i].type, kinds[i].protocol, text);
		assert_string_equal(text, kinds[i].text);
		assert_int_equal(socket_kind_parse(text, &o), 0);
		assert_int_equal(o.family, kinds[i].family);
		assert_int_equal(o.mode, kinds[i].type);
		assert_int_equal(o.port, kinds[i].protocol);
	}
}

static void socket_kind_of_other_words_is_none(void **state)
{
	static const char *const others[] = {"",
					     "ipv4",
					     "ipv4 stream",
					     "unix stream 1",
					     "ipv4 stream x",
					     "ipv4 stream -1",
					     "nothing stream 1",
					     "ipv4 stream 65535",
					     "256 1 0",
					     "ipv4 16 0",
					     "ipv4 stream tcp 1",
					     NULL};
	struct lutra_object o = {.family = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(socket_kind_parse(others[i], &o), -EINVAL);
	assert_int_equal(o.family, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socket_kind_words_come_back_as_numbers),
		cmocka_unit_test(socket_kind_of_other_words_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
