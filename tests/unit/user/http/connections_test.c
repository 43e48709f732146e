/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are idle or too slow are cut off and counted; those that wait for an answer are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/http/connections.h"

#define LIMIT_NS 1000

/* Returns true if the other end of a connection was shut down. */
static bool is_cut(int other)
{
	char byte;

	return recv(other, &byte, 1, MSG_DONTWAIT) == 0;
}

static void connections_cut_off_who_sends_no_request(void **state)
{
	struct connections all = {.limit_ns = LIMIT_NS};
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_non_null(connection_open(&all, fd[0], 100));
	connections_check(&all, 100 + LIMIT_NS - 1);
	assert_false(is_cut(fd[1]));
	connections_check(&all, 100 + LIMIT_NS);
	assert_true(is_cut(fd[1]));
	connections_check(&all, 100 + 2 * LIMIT_NS);
	assert_int_equal(all.timed_out, 1);
	connections_done(&all);
	close(fd[0]);
	close(fd[1]);
}

static void connections_leave_who_waits_for_an_answer_and_cut_it_off_when_idle(void **state)
{
	struct connections all = {.limit_ns = LIMIT_NS};
	struct connection *c;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	c = connection_open(&all, fd[0], 0);
	connection_set_asked(c);
	connections_check(&all, 10 * LIMIT_NS);
	assert_false(is_cut(fd[1]));
	connection_set_answered(c, 10 * LIMIT_NS);
	connections_check(&all, 11 * LIMIT_NS - 1);
	assert_false(is_cut(fd[1]));
	connections_check(&all, 11 * LIMIT_NS);
	assert_true(is_cut(fd[1]));
	assert_int_equal(all.timed_out, 1);
	connection_close(&all, c);
	assert_null(all.first);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_cut_off_who_sends_no_request),
		cmocka_unit_test(
			connections_leave_who_waits_for_an_answer_and_cut_it_off_when_idle),
	};

	return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
