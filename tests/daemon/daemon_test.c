/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad, as its socket shows it: requests good and bad, containers that come and go, its end. */
#include "tests/support/daemon/lutrad.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <signal.h>
#include <sys/un.h>
#include "tests/support/scratch.h"
#include "user/daemon/seccomp_agent.h"
#include "user/http/http.h"
#include "lib/policy/policy.h"
#include "user/sys/process/cgroup.h"
#include "lib/base/file.h"
#include "user/sys/process/child.h"

static void lutrad_enrolls_shows_and_releases(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = lutrad_enroll(f, "shop", NULL), *seen = lutrad_status(f),
		    *gone = NULL;
	const json_t *c = json_array_get(json_object_get(seen, "containers"), 0);

	assert_non_null(answer);
	assert_string_equal(json_string_value(json_object_get(c, "name")), "shop");
	assert_string_equal(json_string_value(json_object_get(c, "mode")), "kill-container");
	assert_string_equal(json_string_value(json_object_get(c, "image")), "example.org/shop:1");
	assert_non_null(json_object_get(json_object_get(c, "counters"), "calls"));
	gone = lutrad_ask(f, "release", json_pack("{s:s}", "name", f->cgroup), NULL);
	assert_non_null(gone);
	assert_true(lutrad_guards_nothing(f));
}

static void lutrad_refuses_what_it_cannot_enroll(void **state)
{
	static const struct {
		const char *cgroup, *policy, *mode, *name;
	} cases[] = {
		{"/sys/fs/cgroup/no/such", "shop", "audit", "a"},
		{"/tmp", "shop", "audit", "a"},
		{NULL, "none", "audit", "a"},
		{NULL, "/tmp", "audit", "a"},
		{NULL, "../shop/..", "audit", "a"},
		{NULL, "shop", "obey", "a"},
		{NULL, "shop", "learn", "a"}, /* its policy would judge nothing */
		{NULL, "shop", "audit", ""},
		{NULL, "shop", "audit", "a/b"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *q =
			json_pack("{s:s, s:s, s:s, s:s}", "cgroup",
				  cases[i].cgroup ? cases[i].cgroup : f->cgroup, "policy",
				  cases[i].policy, "mode", cases[i].mode, "name", cases[i].name);
		struct err err = {};

		assert_null(lutrad_ask(f, "enroll", json_incref(q), &err));
		assert_int_not_equal(err.msg[0], '\0');
		assert_null(strchr(err.msg, '\n'));
	}
	assert_true(lutrad_guards_nothing(f));
}

static void lutrad_refuses_a_name_or_a_cgroup_twice(void **state)
{
	struct fixture *f = *state;
	json_auto_t *first = lutrad_enroll(f, "shop", NULL);
	struct err err = {};

	assert_non_null(first);
	assert_null(lutrad_enroll(f, "shop", &err));
	assert_non_null(strstr(err.msg, "has this name"));
	assert_null(lutrad_enroll(f, "other", &err));
}

static void lutrad_releases_a_cgroup_that_is_removed(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = lutrad_enroll(f, "shop", NULL);

	assert_non_null(answer);
	assert_int_equal(rmdir(f->cgroup), 0);
	assert_true(lutrad_becomes(lutrad_guards_nothing, f));
}

/* ---- what a hostile client of root's may send ---- */

static int open_socket(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static int open_raw(const struct fixture *f)
{
	return open_socket(f->socket);
}

/* Sends a request as it stands. Returns the HTTP status of the answer, 0: there was none. */
static int send_raw(const struct fixture *f, const char *text, size_t len)
{
	_cleanup_close_ int fd = open_raw(f);
	char answer[512] = "";
	int status = 0;

	/* lutrad may close before it has read all. */
	(void)!send(fd, text, len, MSG_NOSIGNAL);
	if (recv(fd, answer, sizeof(answer) - 1, 0) > 0)
		sscanf(answer, "HTTP/1.%*1[01] %3d", &status);
	return status;
}

static void lutrad_answers_nonsense_with_an_error(void **state)
{
	static const struct {
		const char *request, *body;
		int status;
	} cases[] = {
		{"GET /api/v1/nothing", "", 404},
		{"GET /", "", 200},
		{"PUT /api/v1/status", "", 405},
		{"POST /api/v1/enroll", "nonsense", 400},
		{"POST /api/v1/enroll", "{\"cgroup\": 5}", 400},
		{"POST /api/v1/enroll", "{\"extra\": 1}", 400},
		{"POST /api/v1/release", "{}", 400},
		{"POST /api/v1/release", "{\"name\": \"nobody\"}", 404},
		{"POST /api/v1/release", "{\"name\": ", 400},
		{"POST /api/v1/hook", "{\"event\": \"start\"}", 400},
		{"POST /api/v1/hook",
		 "{\"event\": \"start\", \"pid\": 2147483647, \"who\": {\"id\": \"none\"}}", 404},
		{"GET /api/v1/events?limit=0", "", 400},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		int n = snprintf(text, sizeof(text), "%s HTTP/1.0\r\nContent-Length: %zu\r\n\r\n%s",
				 cases[i].request, strlen(cases[i].body), cases[i].body);

		if (send_raw(f, text, (size_t)n) != cases[i].status)
			fail_msg("%s %s: not %d", cases[i].request, cases[i].body, cases[i].status);
	}
}

/*
 * The hook of an older version sends a line of JSON and waits 5 s for an answer. It gets an end or an
 * error at once, and nothing that it takes for a yes.
 */
static void lutrad_refuses_the_line_of_an_older_hook(void **state)
{
	static const char line[] = "{\"cmd\": \"container\", \"event\": \"stop\"}\n";
	_cleanup_close_ int fd = open_raw(*state);
	char answer[512] = "";

	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	assert_true(recv(fd, answer, sizeof(answer) - 1, 0) >= 0);
	assert_null(strstr(answer, "\"ok\":true"));
	assert_true(lutrad_listens(*state));
}

static void lutrad_ends_a_request_without_end(void **state)
{
	_cleanup_free_ char *much = malloc(HTTP_BODY_MAX);

	memset(much, 'x', HTTP_BODY_MAX);
	assert_int_not_equal(send_raw(*state, much, HTTP_BODY_MAX), 200);
	assert_true(lutrad_listens(*state));
}

/*
 * A descriptor that is no filter's, of which the client keeps a copy: it is refused, and its events
 * do not reach what was freed.
 */
static void lutrad_refuses_a_filter_that_is_a_pipe(void **state)
{
	char text[] = "{\"fds\": [\"seccompFd\"], \"pid\": 1, "
		      "\"state\": {\"id\": \"x\", \"pid\": 1}}";
	struct fixture *f = *state;
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = {text, strlen(text)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	char path[PATH_MAX], byte;
	_cleanup_close_ int fd = -1;
	int ends[2];

	snprintf(path, sizeof(path), "%s", f->socket);
	snprintf(strrchr(path, '/'), 16, "/%s", SECCOMP_AGENT_SOCKET);
	fd = open_socket(path);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[1]);
	*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &ends[0], sizeof(int));
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), strlen(text));
	/* lutrad closes the connection when it has refused the descriptor. */
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	assert_true(lutrad_listens(f));
	close(ends[0]);
}

static void lutrad_goes_on_when_clients_say_nothing(void **state)
{
	int fd[8];

	for (size_t i = 0; i < 8; i++)
		fd[i] = open_raw(*state);
	assert_true(lutrad_listens(*state));
	for (size_t i = 0; i < 8; i++)
		close(fd[i]);
}

/* ---- containers, which may be root too ---- */

static json_t *enroll_in(const struct fixture *f, const char *mode)
{
	return lutrad_ask(f, "enroll",
			  json_pack("{s:s, s:s, s:s, s:s, s:b}", "cgroup", f->cgroup, "policy",
				    "shop", "name", "shop", "mode", mode, "next_exec", 1),
			  NULL);
}

static int lutra_release(const struct fixture *f, const char *cgroup)
{
	char lutra[] = "build/bin/lutra", cmd[] = "release", option[] = "--config", name[] = "shop";
	char *const argv[] = {lutra, cmd, option, f->config, name, NULL};
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	assert_int_equal(child_start(argv, cgroup, &none, &pid, NULL), 0);
	return lutrad_exit_code(pid);
}

static void lutrad_does_not_hear_a_container(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = enroll_in(f, "audit");
	_cleanup_free_ char *root = NULL;

	assert_non_null(answer);
	assert_int_equal(cgroup_root(&root, NULL), 0);
	assert_int_equal(lutra_release(f, f->cgroup), 1);
	assert_false(lutrad_guards_nothing(f));
	assert_int_equal(lutra_release(f, root), 0);
	assert_true(lutrad_guards_nothing(f));
}

static int ask_on(int fd, const char *method, const char *path, const char *body)
{
	char text[512], answer[8192] = "";
	int status = 0;
	int n = snprintf(text, sizeof(text),
			 "%s /api/v1/%s HTTP/1.1\r\nHost: lutrad\r\nContent-Length: %zu\r\n\r\n%s",
			 method, path, strlen(body), body);

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) == n &&
	    recv(fd, answer, sizeof(answer) - 1, 0) > 0)
		sscanf(answer, "HTTP/1.1 %3d", &status);
	return status;
}

/* Asks on one connection, first from outside and then from the guarded cgroup. Returns an exit code. */
static int ask_before_and_in(const struct fixture *f)
{
	_cleanup_free_ char *procs = scratch_path(f->cgroup, "cgroup.procs");
	_cleanup_close_ int fd = open_raw(f), enter = open(procs, O_WRONLY | O_CLOEXEC);

	if (ask_on(fd, "GET", "nothing", "") != 404)
		return 1;
	if (write(enter, "0", 1) != 1)
		return 2;
	return ask_on(fd, "POST", "release", "{\"name\": \"shop\"}") == 403 ? 0 : 3;
}

static void lutrad_does_not_hear_a_container_on_an_older_connection(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = enroll_in(f, "audit");
	pid_t pid;

	assert_non_null(answer);
	pid = fork();
	if (pid == 0)
		_exit(ask_before_and_in(f));
	assert_int_equal(lutrad_exit_code(pid), 0);
	assert_false(lutrad_guards_nothing(f));
}

/* ---- evidence ---- */

static bool has_events(struct fixture *f)
{
	json_auto_t *answer = lutrad_ask(f, "events", NULL, NULL);

	return json_array_size(json_object_get(answer, "events")) > 0;
}

static bool has_a_line(struct fixture *f)
{
	_cleanup_free_ char *lines = NULL;
	size_t len;

	return file_read(AT_FDCWD, f->jsonl, 1 << 24, &lines, &len, NULL) == 0 &&
	       strstr(lines, "\"lutra.verdict\":\"kill\"");
}

static void lutrad_kills_a_container_and_keeps_the_evidence(void **state)
{
	char shell[] = "/bin/sh", c[] = "-c", script[] = "/bin/cat /etc/shadow; exec sleep 300";
	char *const argv[] = {shell, c, script, NULL};
	struct fixture *f = *state;
	json_auto_t *answer = lutrad_enroll(f, "shop", NULL);
	_cleanup_free_ char *lines = NULL;
	sigset_t none;
	size_t len;

	assert_non_null(answer);
	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	assert_int_equal(lutrad_exit_code(f->child), 128 + SIGKILL);
	f->child = 0;
	assert_true(lutrad_becomes(has_events, f));
	assert_true(lutrad_becomes(has_a_line, f));
	assert_int_equal(file_read(AT_FDCWD, f->jsonl, 1 << 24, &lines, &len, NULL), 0);
	assert_non_null(strstr(lines, "\"container.name\":\"shop\""));
}

/* ---- seen pairs ---- */

#define HOUR_NS 3600000000000ull

/* Alerts so far, as the kernel counts them. */
static json_int_t count_alerts(const struct fixture *f)
{
	json_auto_t *j = lutrad_status(f);
	const json_t *c = json_array_get(json_object_get(j, "containers"), 0);
	const json_t *n = json_object_get(json_object_get(c, "counters"), "alert");

	assert_true(json_is_integer(n));
	return json_integer_value(n);
}

/* Runs the same few calls in the container. Returns true if they made an alert. */
static bool makes_an_alert(struct fixture *f)
{
	char shell[] = "/bin/sh", c[] = "-c", script[] = "kill -0 $$";
	char *const argv[] = {shell, c, script, NULL};
	json_int_t before = count_alerts(f);
	sigset_t none;

	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	assert_int_equal(lutrad_exit_code(f->child), 0);
	f->child = 0;
	return count_alerts(f) > before;
}

static bool makes_no_alert(struct fixture *f)
{
	return !makes_an_alert(f);
}

/* A policy of which only unseen pairs with unknown calls alert. */
static void save_pairs_policy(const struct fixture *f)
{
	struct policy *p = NULL;

	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	for (unsigned group = 0; group < LUTRA_RULE_COUNT; group++)
		p->action[group] = LUTRA_ACTION_LOG;
	p->action[LUTRA_RULE_NEW_SYSCALL] = LUTRA_ACTION_ALERT;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	policy_free(p);
}

static void lutrad_renews_seen_pairs_after_a_day(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;

	save_pairs_policy(f);
	lutrad_restart_at(f, 0);
	answer = enroll_in(f, "audit");
	assert_non_null(answer);
	assert_true(makes_an_alert(f));
	assert_true(lutrad_becomes(makes_no_alert, f));
	lutrad_set_clock(f, 25 * HOUR_NS);
	assert_true(lutrad_becomes(makes_an_alert, f));
}

static void lutrad_keeps_the_age_of_seen_pairs_over_a_restart(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;
	char pin_dir[128];

	snprintf(pin_dir, sizeof(pin_dir), "\"/sys/fs/bpf/lutra-daemon-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	lutrad_write_config(f);
	save_pairs_policy(f);
	lutrad_restart_at(f, 0);
	answer = enroll_in(f, "audit");
	assert_non_null(answer);
	assert_true(makes_an_alert(f));
	assert_true(lutrad_becomes(makes_no_alert, f));
	lutrad_restart_at(f, 13 * HOUR_NS);
	assert_true(makes_no_alert(f));
	lutrad_set_clock(f, 26 * HOUR_NS);
	assert_true(lutrad_becomes(makes_an_alert, f));
}

static bool is_frozen(struct fixture *f)
{
	json_auto_t *j = lutrad_status(f);
	const json_t *c = json_array_get(json_object_get(j, "containers"), 0);

	return json_is_true(json_object_get(c, "frozen"));
}

static bool freezer_says(const struct fixture *f, char want)
{
	_cleanup_free_ char *path = scratch_path(f->cgroup, "cgroup.freeze");
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = 0;

	return fd >= 0 && read(fd, &c, 1) == 1 && c == want;
}

static void lutrad_freezes_a_container_and_release_thaws_it(void **state)
{
	char shell[] = "/bin/sh", c[] = "-c", script[] = "while :; do /bin/true; done";
	char *const argv[] = {shell, c, script, NULL};
	struct fixture *f = *state;
	json_auto_t *answer = enroll_in(f, "freeze"), *gone = NULL;
	sigset_t none;

	assert_non_null(answer);
	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	assert_true(lutrad_becomes(is_frozen, f));
	assert_true(freezer_says(f, '1'));
	gone = lutrad_ask(f, "release", json_pack("{s:s}", "name", "shop"), NULL);
	assert_non_null(gone);
	assert_true(freezer_says(f, '0'));
}

static void lutrad_thaws_and_goes_on_guarding(void **state)
{
	char shell[] = "/bin/sh", c[] = "-c", script[] = "while :; do /bin/true; done";
	char *const argv[] = {shell, c, script, NULL};
	struct fixture *f = *state;
	json_auto_t *answer = enroll_in(f, "freeze"), *thawed = NULL;
	sigset_t none;

	assert_non_null(answer);
	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	assert_true(lutrad_becomes(is_frozen, f));
	thawed = lutrad_ask(f, "containers/shop/thaw", json_object(), NULL);
	assert_non_null(thawed);
	/* It runs, or nothing could freeze it again. */
	assert_true(lutrad_becomes(is_frozen, f));
}

/* ---- beginning and end ---- */

static void lutrad_refuses_a_socket_in_use(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(lutrad_exit_code(lutrad_spawn(f)), 1);
	assert_true(lutrad_listens(f));
}

static void lutrad_takes_over_a_socket_of_one_that_was_killed(void **state)
{
	struct fixture *f = *state;

	kill(f->daemon, SIGKILL);
	lutrad_exit_code(f->daemon);
	assert_int_equal(access(f->socket, F_OK), 0);
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(lutrad_listens, f));
}

static void lutrad_leaves_nothing_behind_on_sigterm(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = lutrad_enroll(f, "shop", NULL);
	_cleanup_free_ char *run = scratch_path(f->dir, "run");
	struct err err = {};

	assert_non_null(answer);
	kill(f->daemon, SIGTERM);
	assert_int_equal(lutrad_exit_code(f->daemon), 0);
	f->daemon = 0;
	assert_int_equal(access(f->socket, F_OK), -1);
	assert_int_equal(access(run, F_OK), -1);
	assert_null(lutrad_ask(f, "status/full", NULL, &err));
	assert_non_null(strstr(err.msg, "not running"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lutrad_enrolls_shows_and_releases),
		T(lutrad_refuses_what_it_cannot_enroll),
		T(lutrad_refuses_a_name_or_a_cgroup_twice),
		T(lutrad_releases_a_cgroup_that_is_removed),
		T(lutrad_answers_nonsense_with_an_error),
		T(lutrad_refuses_the_line_of_an_older_hook),
		T(lutrad_ends_a_request_without_end),
		T(lutrad_refuses_a_filter_that_is_a_pipe),
		T(lutrad_goes_on_when_clients_say_nothing),
		T(lutrad_does_not_hear_a_container),
		T(lutrad_does_not_hear_a_container_on_an_older_connection),
		T(lutrad_kills_a_container_and_keeps_the_evidence),
		T(lutrad_renews_seen_pairs_after_a_day),
		T(lutrad_keeps_the_age_of_seen_pairs_over_a_restart),
		T(lutrad_freezes_a_container_and_release_thaws_it),
		T(lutrad_thaws_and_goes_on_guarding),
		T(lutrad_refuses_a_socket_in_use),
		T(lutrad_takes_over_a_socket_of_one_that_was_killed),
		T(lutrad_leaves_nothing_behind_on_sigterm),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
