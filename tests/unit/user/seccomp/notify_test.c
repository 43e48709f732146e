/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp agent's side: states that runtimes hand over, and the answers to waiting calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/seccomp/notify.h"

#define ASKS 3
#define WAIT_MS 20000

/* ---- states ---- */

#define STATE(fds, pid)                                                                            \
	"{\"ociVersion\":\"1.0.2\",\"fds\":" fds ",\"pid\":" pid ",\"state\":{\"ociVersion\":"     \
	"\"1.0.2\",\"id\":\"shop\",\"status\":\"creating\",\"pid\":7,\"bundle\":\"/b\"}}"

static void notify_state_says_the_process_and_the_descriptor(void **state)
{
	const char *json = STATE("[\"other\",\"seccompFd\"]", "4711");
	struct notify_state s = {};
	struct err err = {};

	(void)state;
	if (notify_state_from_json(json, strlen(json), 2, &s, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(s.pid, 4711);
	assert_int_equal(s.fd, 1);
	assert_string_equal(s.id, "shop");
	notify_state_done(&s);
}

static void notify_state_that_is_cut_off_is_eagain_at_every_length(void **state)
{
	const char *json = STATE("[\"seccompFd\"]", "4711");
	struct notify_state s = {};
	struct err err;

	(void)state;
	for (size_t n = 0; n < strlen(json); n++)
		assert_int_equal(notify_state_from_json(json, n, 1, &s, &err), -EAGAIN);
}

static void notify_state_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *json;
		unsigned n_fds;
	} cases[] = {
		{STATE("[\"seccompFd\"]", "4711"), 0},
		{STATE("[\"seccompFd\"]", "4711"), 2},
		{STATE("[\"seccompFD\"]", "4711"), 1},
		{STATE("[7]", "4711"), 1},
		{STATE("[]", "4711"), 0},
		{STATE("\"seccompFd\"", "4711"), 1},
		{STATE("[\"seccompFd\"]", "0"), 1},
		{STATE("[\"seccompFd\"]", "-1"), 1},
		{STATE("[\"seccompFd\"]", "4294967297"), 1},
		{STATE("[\"seccompFd\"]", "\"4711\""), 1},
		{"{\"fds\":[\"seccompFd\"],\"pid\":1}", 1},
		{"{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"\"}}", 1},
		{"[]", 1},
		{"}", 1},
		{"\xff\xff", 1},
	};
	struct notify_state s = {};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].json);
		assert_int_equal(notify_state_from_json(cases[i].json, strlen(cases[i].json),
							cases[i].n_fds, &s, &err),
				 -EBADMSG);
		assert_null(s.id);
	}
}

static void notify_state_that_never_ends_is_refused(void **state)
{
	char *json = malloc(NOTIFY_STATE_MAX);
	struct notify_state s = {};
	struct err err;

	(void)state;
	assert_non_null(json);
	memset(json, '[', NOTIFY_STATE_MAX);
	assert_int_equal(notify_state_from_json(json, NOTIFY_STATE_MAX, 1, &s, &err), -EBADMSG);
	free(json);
}

/* ---- answers ---- */

/* A child whose personality(2) calls wait for an answer, and its filter's descriptor. */
struct asker {
	pid_t pid;
	int fd;
	int results; /* pipe: a long for each of ASKS calls: what it returned, or -errno */
};

static void run_asker(int out, int taken)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	char byte;
	long n;

	alarm(60);
	if (!ctx || seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(personality), 0) < 0 ||
	    seccomp_load(ctx) < 0)
		_exit(77);
	n = seccomp_notify_fd(ctx);
	if (write(out, &n, sizeof(n)) != sizeof(n) || read(taken, &byte, 1) != 1)
		_exit(1);
	close((int)n);
	for (int i = 0; i < ASKS; i++) {
		n = personality(0xffffffff) < 0 ? -errno : 0;
		if (write(out, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
	_exit(0);
}

static long next_result(const struct asker *a)
{
	struct pollfd p = {.fd = a->results, .events = POLLIN};
	long n = 1;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(read(a->results, &n, sizeof(n)), sizeof(n));
	return n;
}

static int notify_setup(void **state)
{
	struct asker *a = calloc(1, sizeof(*a));
	int p[2], taken[2], pidfd;
	long fd;

	assert_non_null(a);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(taken), 0);
	a->pid = fork();
	assert_true(a->pid >= 0);
	if (a->pid == 0) {
		close(p[0]);
		run_asker(p[1], taken[0]);
	}
	close(p[1]);
	a->results = p[0];
	fd = next_result(a);
	pidfd = (int)syscall(SYS_pidfd_open, a->pid, 0);
	a->fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	assert_true(a->fd >= 0);
	assert_int_equal(write(taken[1], "", 1), 1);
	close(taken[0]);
	close(taken[1]);
	close(pidfd);
	*state = a;
	return 0;
}

static int notify_teardown(void **state)
{
	struct asker *a = *state;

	kill(a->pid, SIGKILL);
	waitpid(a->pid, NULL, 0);
	if (a->fd >= 0)
		close(a->fd);
	close(a->results);
	free(a);
	return 0;
}

static bool on_question(void *ctx, pid_t pid, int nr)
{
	const struct asker *a = ctx;

	assert_int_equal(pid, a->pid);
	assert_int_equal(nr, SYS_personality);
	return a->results < 0;
}

static void answer_question(struct asker *a, bool refuse)
{
	struct asker question = *a;
	struct pollfd p = {.fd = a->fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	if (refuse)
		question.results = -1;
	assert_int_equal(notify_answer(a->fd, on_question, &question), 0);
}

static void notify_answer_is_eperm_or_the_call_goes_on(void **state)
{
	struct asker *a = *state;

	answer_question(a, true);
	assert_int_equal(next_result(a), -EPERM);
	answer_question(a, false);
	assert_int_equal(next_result(a), 0);
	answer_question(a, true);
	assert_int_equal(next_result(a), -EPERM);
}

/* What a daemon's end does: nobody has the descriptor any more. */
static void notify_closed_descriptors_make_calls_fail_and_not_wait(void **state)
{
	struct asker *a = *state;
	struct pollfd p = {.fd = a->fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	close(a->fd);
	a->fd = -1;
	assert_int_equal(next_result(a), -ENOSYS);
	assert_int_equal(next_result(a), -ENOSYS);
}

static void notify_answer_to_one_that_died_is_no_error(void **state)
{
	struct asker *a = *state;
	struct pollfd p = {.fd = a->fd, .events = POLLIN};
	int r;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	kill(a->pid, SIGKILL);
	assert_int_equal(waitpid(a->pid, NULL, 0), a->pid);
	r = notify_answer(a->fd, on_question, a);
	assert_true(r == 0 || r == -ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, notify_setup, notify_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_state_says_the_process_and_the_descriptor),
		cmocka_unit_test(notify_state_that_is_cut_off_is_eagain_at_every_length),
		cmocka_unit_test(notify_state_that_is_none_is_refused),
		cmocka_unit_test(notify_state_that_never_ends_is_refused),
		T(notify_answer_is_eperm_or_the_call_goes_on),
		T(notify_closed_descriptors_make_calls_fail_and_not_wait),
		T(notify_answer_to_one_that_died_is_no_error),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
