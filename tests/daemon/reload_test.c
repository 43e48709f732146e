/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP: outputs and the address of HTTP change while lutrad runs, and neither alert nor client is
 * lost.
 */
#include "tests/support/daemon/lutrad.h"
#include "tests/support/scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "user/sys/process/child.h"

#define ANSWER_MAX (1u << 20)

/* ---- lutrad's log and its configuration ---- */

static char *read_lines(const char *path)
{
	char *text = NULL;
	size_t len;

	if (file_read(AT_FDCWD, path, 1 << 26, &text, &len, NULL) < 0)
		return strdup("");
	return text;
}

static const char *awaited; /* of is_logged() */

static bool is_logged(struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "log"), *text = read_lines(path);

	return strstr(text, awaited) != NULL;
}

static void wait_for_log(struct fixture *f, const char *part)
{
	awaited = part;
	if (!lutrad_becomes(is_logged, f))
		fail_msg("not in the log: %s", part);
}

/* Writes the configuration with other members, each behind a comma, and has it read. */
static void reload_with(struct fixture *f, const char *extra)
{
	f->extra = extra;
	lutrad_write_config(f);
	kill(f->daemon, SIGHUP);
}

/* ---- outputs ---- */

/* Has the container do something that its policy does not know. */
static void raise_alerts(struct fixture *f)
{
	char shell[] = "/bin/sh", c[] = "-c";
	char script[] = "/bin/true; /bin/cat /etc/passwd >/dev/null";
	char *const argv[] = {shell, c, script, NULL};
	sigset_t none;

	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	lutrad_exit_code(f->child);
	f->child = 0;
}

static unsigned count_lines(const struct fixture *f, const char *name)
{
	_cleanup_free_ char *path = scratch_path(f->dir, name), *text = read_lines(path);
	unsigned n = 0;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

/* Makes the text of "outputs" with an output "a" of all events at a file, and what follows it. */
static void list_outputs(const struct fixture *f, const char *file, const char *more,
			 char ret[static 1024])
{
	snprintf(ret, 1024,
		 ", \"outputs\": [{\"type\": \"file\", \"name\": \"a\", \"all\": true, "
		 "\"min_priority\": \"notice\", \"path\": \"%s/%s\"}%s]",
		 f->dir, file, more);
}

static void enroll_audited(const struct fixture *f)
{
	json_auto_t *answer =
		lutrad_ask(f, "enroll",
			   json_pack("{s:s, s:s, s:s, s:s, s:b}", "cgroup", f->cgroup, "policy",
				     "shop", "name", "shop", "mode", "audit", "next_exec", 1),
			   NULL);

	assert_non_null(answer);
}

/* The names of the outputs in the status, behind each other. */
static void name_outputs(const struct fixture *f, char ret[static 256])
{
	json_auto_t *j = lutrad_status(f);
	json_t *o;
	size_t i;

	ret[0] = '\0';
	json_array_foreach (json_object_get(j, "outputs"), i, o) {
		size_t len = strlen(ret);

		snprintf(ret + len, 256 - len, "%s ",
			 json_string_value(json_object_get(o, "name")));
	}
}

static const char *awaited_names; /* of has_outputs() */

static bool has_outputs(struct fixture *f)
{
	char names[256];

	name_outputs(f, names);
	return strcmp(names, awaited_names) == 0;
}

static void wait_for_outputs(struct fixture *f, const char *names)
{
	awaited_names = names;
	assert_true(lutrad_becomes(has_outputs, f));
}

static void reload_adds_and_changes_outputs_and_loses_no_alert(void **state)
{
	struct fixture *f = *state;
	char one[1024], two[1024], three[1024], more[256];

	list_outputs(f, "one", "", one);
	reload_with(f, one);
	wait_for_outputs(f, "a events_jsonl ");
	enroll_audited(f);
	raise_alerts(f);
	snprintf(more, sizeof(more),
		 ", {\"type\": \"file\", \"name\": \"b\", \"all\": true, \"path\": \"%s/b\"}",
		 f->dir);
	list_outputs(f, "one", more, two);
	reload_with(f, two);
	raise_alerts(f);
	wait_for_outputs(f, "a b events_jsonl ");
	raise_alerts(f);
	list_outputs(f, "two", "", three);
	reload_with(f, three);
	raise_alerts(f);
	wait_for_log(f, "output b was removed");
	wait_for_outputs(f, "a events_jsonl ");
	raise_alerts(f);
	lutrad_stop(f);
	assert_true(count_lines(f, "one") > 0);
	assert_true(count_lines(f, "two") > 0);
	assert_true(count_lines(f, "b") > 0);
	/* The output that stayed has all of them. */
	assert_int_equal(count_lines(f, "one") + count_lines(f, "two"),
			 count_lines(f, "events.jsonl"));
	f->extra = "";
}

static void reload_of_an_output_that_cannot_be_opened_changes_none(void **state)
{
	struct fixture *f = *state;
	char one[1024], two[1024];

	list_outputs(f, "one", "", one);
	reload_with(f, one);
	wait_for_outputs(f, "a events_jsonl ");
	enroll_audited(f);
	list_outputs(f, "none/two", "", two);
	reload_with(f, two);
	wait_for_log(f, "none/two: No such file or directory: the outputs stay as they were");
	raise_alerts(f);
	lutrad_stop(f);
	assert_true(count_lines(f, "one") > 0);
	assert_int_equal(count_lines(f, "one"), count_lines(f, "events.jsonl"));
	f->extra = "";
}

static void reload_names_what_needs_a_restart(void **state)
{
	struct fixture *f = *state;

	reload_with(f, ", \"no_lsm\": true, \"store\": {\"max_mib\": 7}");
	wait_for_log(f, "configuration reloaded, but for no_lsm: restart lutrad");
	f->extra = "";
}

/* ---- HTTP ---- */

/* Returns a connection to an address of loopback, -1: it is refused. */
static int connect_http(const char *address, unsigned port)
{
	const struct timeval patience = {.tv_sec = 60};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Returns the status of an answer, 0: the connection is refused. */
static int ask_http(const char *address, unsigned port, const char *path)
{
	_cleanup_close_ int fd = connect_http(address, port);
	_cleanup_free_ char *answer = calloc(1, ANSWER_MAX);
	char request[256];
	size_t got = 0;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = snprintf(request, sizeof(request),
		     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
	assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
	while ((n = recv(fd, answer + got, ANSWER_MAX - 1 - got, 0)) > 0)
		got += (size_t)n;
	return strlen(answer) > strlen("HTTP/1.1 ")
		       ? (int)strtol(answer + strlen("HTTP/1.1 "), NULL, 10)
		       : 0;
}

/* Returns the port that lutrad said last of an address. */
static unsigned logged_port(const struct fixture *f, const char *listen)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "log"), *text = read_lines(path);
	char line[128];
	unsigned port = 0;

	snprintf(line, sizeof(line), "http on %s, port ", listen);
	for (const char *at = text; (at = strstr(at, line)); at++)
		port = (unsigned)strtoul(at + strlen(line), NULL, 10);
	return port;
}

/* Has lutrad listen at an address. Returns its port. */
static unsigned begin_http(struct fixture *f, const char *listen)
{
	static char extra[256];
	char line[128];

	snprintf(extra, sizeof(extra),
		 ", \"http\": {\"read_without_token\": true, \"listen\": \"%s\"}", listen);
	reload_with(f, extra);
	snprintf(line, sizeof(line), "http on %s, port ", listen);
	wait_for_log(f, line);
	return logged_port(f, listen);
}

/* Returns a socket that listens on an address of loopback, and its port. */
static int take_port(const char *address, unsigned *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void reload_moves_http_to_another_address(void **state)
{
	static const char request[] = "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct fixture *f = *state;
	_cleanup_close_ int follower = -1;
	char answer[4096] = "";
	unsigned before = begin_http(f, "127.0.0.1:0"), after;
	ssize_t n;

	follower = connect_http("127.0.0.1", before);
	assert_int_equal(send(follower, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_true(recv(follower, answer, sizeof(answer) - 1, 0) > 0);
	assert_non_null(strstr(answer, "200 OK"));
	after = begin_http(f, "127.0.0.2:0");
	assert_int_equal(ask_http("127.0.0.2", after, "/healthz"), 200);
	assert_int_equal(ask_http("127.0.0.1", before, "/healthz"), 0);
	/* A follower comes to its end, so that it asks at the new address. */
	while ((n = recv(follower, answer, sizeof(answer), 0)) > 0)
		;
	assert_int_equal(n, 0);
	f->extra = "";
}

static void reload_keeps_the_address_of_http_where_the_new_one_is_taken(void **state)
{
	struct fixture *f = *state;
	unsigned taken, before = begin_http(f, "127.0.0.1:0");
	_cleanup_close_ int other = take_port("127.0.0.2", &taken);
	char extra[256];

	snprintf(extra, sizeof(extra),
		 ", \"http\": {\"read_without_token\": false, \"listen\": \"127.0.0.2:%u\"}",
		 taken);
	assert_int_equal(ask_http("127.0.0.1", before, "/api/v1/policies"), 200);
	reload_with(f, extra);
	wait_for_log(f, "Address already in use: http stays on 127.0.0.1:0");
	/* The other keys of http apply all the same. */
	assert_int_equal(ask_http("127.0.0.1", before, "/api/v1/policies"), 401);
	assert_int_equal(ask_http("127.0.0.1", before, "/healthz"), 200);
	close(TAKE_FD(other));
	kill(f->daemon, SIGHUP);
	snprintf(extra, sizeof(extra), "http on 127.0.0.2:%u", taken);
	wait_for_log(f, extra);
	assert_int_equal(ask_http("127.0.0.2", taken, "/healthz"), 200);
	f->extra = "";
}

/* 0.0.0.0:PORT cannot be had while 127.0.0.1:PORT is held. */
static void reload_moves_http_to_all_addresses_of_its_port(void **state)
{
	struct fixture *f = *state;
	unsigned port;
	char all[128], said[128];

	port = begin_http(f, "127.0.0.1:0");
	snprintf(all, sizeof(all), ", \"http\": {\"listen\": \"0.0.0.0:%u\"}", port);
	assert_int_equal(ask_http("127.0.0.2", port, "/healthz"), 0);
	reload_with(f, all);
	snprintf(said, sizeof(said), "http on 0.0.0.0:%u", port);
	wait_for_log(f, said);
	assert_int_equal(ask_http("127.0.0.1", port, "/healthz"), 200);
	assert_int_equal(ask_http("127.0.0.2", port, "/healthz"), 200);
	f->extra = "";
}

/* Somebody else has the port on another address: lutrad listens again where it did. */
static void reload_returns_to_its_address_where_all_are_not_free(void **state)
{
	struct fixture *f = *state;
	unsigned port;
	_cleanup_close_ int other = take_port("127.0.0.3", &port);
	char one[64], all[128], said[128];

	snprintf(one, sizeof(one), "127.0.0.1:%u", port);
	snprintf(all, sizeof(all), ", \"http\": {\"listen\": \"0.0.0.0:%u\"}", port);
	assert_int_equal(begin_http(f, one), port);
	reload_with(f, all);
	snprintf(said, sizeof(said), "Address already in use: http stays on 127.0.0.1:%u", port);
	wait_for_log(f, said);
	assert_int_equal(ask_http("127.0.0.1", port, "/healthz"), 200);
	f->extra = "";
}

static void reload_turns_http_off_and_on(void **state)
{
	struct fixture *f = *state;
	unsigned before = begin_http(f, "127.0.0.1:0"), after;

	reload_with(f, ", \"http\": null");
	wait_for_log(f, "http is off");
	assert_int_equal(ask_http("127.0.0.1", before, "/healthz"), 0);
	after = begin_http(f, "127.0.0.2:0");
	assert_int_equal(ask_http("127.0.0.2", after, "/healthz"), 200);
	f->extra = "";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reload_adds_and_changes_outputs_and_loses_no_alert),
		T(reload_of_an_output_that_cannot_be_opened_changes_none),
		T(reload_names_what_needs_a_restart),
		T(reload_moves_http_to_another_address),
		T(reload_keeps_the_address_of_http_where_the_new_one_is_taken),
		T(reload_moves_http_to_all_addresses_of_its_port),
		T(reload_returns_to_its_address_where_all_are_not_free),
		T(reload_turns_http_off_and_on),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
