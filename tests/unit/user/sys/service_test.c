/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told, on a socket of the test's own in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/sys/service.h"

#define SECOND_NS 1000000000ull

/* Listens at an abstract name, sets the environment that systemd sets, and returns the socket. */
static int begin_manager(const char *watchdog_usec)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "lutra-service-%d",
			   (int)getpid());
	char name[128], pid[16];

	assert_int_equal(bind(fd, (const struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)),
			 0);
	snprintf(name, sizeof(name), "@%s", addr.sun_path + 1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", watchdog_usec, 1);
	setenv("WATCHDOG_PID", pid, 1);
	return fd;
}

static void assert_told(int fd, const char *lines)
{
	char buf[64] = "";

	assert_true(recv(fd, buf, sizeof(buf) - 1, 0) > 0);
	assert_string_equal(buf, lines);
}

static void assert_told_nothing(int fd)
{
	char c;

	assert_true(recv(fd, &c, 1, 0) < 0);
}

static void service_tells_the_manager(void **state)
{
	int fd = begin_manager("0");
	struct service s = {.fd = -1};

	(void)state;
	service_open(&s);
	service_notify(&s, "READY=1");
	assert_told(fd, "READY=1");
	service_close(&s);
	close(fd);
}

static void service_leaves_no_variable_to_children(void **state)
{
	int fd = begin_manager("1000000");
	struct service s = {.fd = -1};

	(void)state;
	service_open(&s);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	service_close(&s);
	close(fd);
}

static void service_is_alive_twice_in_the_time_of_the_watchdog(void **state)
{
	int fd = begin_manager("10000000");
	struct service s = {.fd = -1};

	(void)state;
	service_open(&s);
	for (uint64_t second = 100; second < 110; second++)
		service_alive(&s, second * SECOND_NS);
	assert_told(fd, "WATCHDOG=1");
	assert_told(fd, "WATCHDOG=1");
	assert_told_nothing(fd);
	service_close(&s);
	close(fd);
}

static void service_leaves_the_watchdog_of_another_process_alone(void **state)
{
	int fd = begin_manager("10000000");
	struct service s = {.fd = -1};

	(void)state;
	setenv("WATCHDOG_PID", "1", 1);
	service_open(&s);
	service_alive(&s, 100 * SECOND_NS);
	assert_told_nothing(fd);
	service_close(&s);
	close(fd);
}

static void service_without_a_manager_does_nothing(void **state)
{
	static const char *const names[] = {NULL, "", "relative", "@lutra-nobody-listens-here"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct service s = {.fd = -1};

		if (names[i])
			setenv("NOTIFY_SOCKET", names[i], 1);
		setenv("WATCHDOG_USEC", "1", 1);
		unsetenv("WATCHDOG_PID");
		service_open(&s);
		assert_int_equal(s.fd, -1);
		assert_int_equal(s.every_ns, 0);
		service_notify(&s, "READY=1");
		service_alive(&s, SECOND_NS);
		service_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_tells_the_manager),
		cmocka_unit_test(service_leaves_no_variable_to_children),
		cmocka_unit_test(service_is_alive_twice_in_the_time_of_the_watchdog),
		cmocka_unit_test(service_leaves_the_watchdog_of_another_process_alone),
		cmocka_unit_test(service_without_a_manager_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
