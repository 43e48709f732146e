/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lutra-hook: an OCI hook. At createRuntime the container's first process has its namespaces and
 * its cgroup, and waits: lutrad is asked to put it under guard before its program runs. At poststop
 * lutrad is told of the end.
 *
 * Fails: open, with a line on stderr and in the system's log; with --fail-closed a container that
 * cannot be put under guard does not start. One that no policy is for starts in any case.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/args.h"
#include "user/http/control_client.h"
#include "user/sys/clock.h"
#include "user/identity/bundle.h"

#define TIMEOUT_MS 5000 /* lutrad may be detaching its programs, which takes two seconds */
#define TIMEOUT_MS_MAX 60000

enum { OPT_FAIL_CLOSED = 256, OPT_TIMEOUT, OPT_TIMES };

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "lutrad's configuration, for its socket", 0},
	{"fail-closed", OPT_FAIL_CLOSED, NULL, 0,
	 "Let no container start that cannot be put under guard", 0},
	{"timeout", OPT_TIMEOUT, "MS", 0, "Wait at most so long, in all; default: 5000", 0},
	{"times", OPT_TIMES, "FILE", 0,
	 "Append a line: the container's id, and the microseconds from the question to the answer",
	 0},
	{},
};

struct hook_args {
	const char *config;
	const char *times;
	const char *stage;
	unsigned long long timeout_ms;
	bool fail_closed;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct hook_args *a = state->input;

	switch (key) {
	case 'c':
		a->config = arg;
		return 0;
	case OPT_FAIL_CLOSED:
		a->fail_closed = true;
		return 0;
	case OPT_TIMEOUT:
		return args_number(state, arg, TIMEOUT_MS_MAX, "--timeout", &a->timeout_ms);
	case OPT_TIMES:
		a->times = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->stage)
			return args_usage(state, "takes one argument");
		a->stage = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->timeout_ms)
			return args_usage(state, "--timeout: at least 1");
		if (!a->stage ||
		    (strcmp(a->stage, "createRuntime") != 0 && strcmp(a->stage, "poststop") != 0))
			return args_usage(state, "give createRuntime or poststop");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {options,
				 parse,
				 "createRuntime|poststop",
				 "An OCI hook: has lutrad guard a container before its program "
				 "runs.\vThe runtime gives the container's state on standard "
				 "input.",
				 NULL,
				 NULL,
				 NULL};

/* ---- time ---- */

static volatile sig_atomic_t late;

static void on_alarm(int sig)
{
	(void)sig;
	late = 1;
}

/* Whatever waits is interrupted then, again and again lest it had not begun to wait. */
static void limit_time(unsigned long long ms)
{
	const struct itimerval t = {
		.it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)},
		.it_interval = {0, 20000}};
	struct sigaction sa = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

/* ---- work ---- */

static int read_state(char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *text = malloc(OCI_STATE_MAX + 1);
	size_t len = 0;
	ssize_t n;

	if (!text)
		return err_oom(err);
	do {
		n = read(STDIN_FILENO, text + len, OCI_STATE_MAX + 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len <= OCI_STATE_MAX);
	if (n < 0)
		return err_set(err, -errno, "standard input: %s", strerror(errno));
	if (len > OCI_STATE_MAX)
		return err_set(err, -EFBIG, "the state is over %u bytes", OCI_STATE_MAX);
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

static void note_time(const char *file, const char *id, uint64_t ns)
{
	FILE *f = file ? fopen(file, "ae") : NULL;

	if (!f)
		return;
	fprintf(f, "%s %llu\n", id, (unsigned long long)(ns / 1000));
	fclose(f);
}

static int ask(const struct hook_args *a, const struct oci_state *s, struct identity *w,
	       struct err *err)
{
	bool start = strcmp(a->stage, "createRuntime") == 0;
	json_auto_t *answer = NULL;
	json_t *q = json_pack("{s:s, s:s, s:o}", "cmd", "container", "event",
			      start ? "start" : "stop", "who", identity_to_json(w));
	uint64_t t0 = clock_now_ns();
	int r;

	if (q && start)
		json_object_set_new(q, "pid", json_integer(s->pid));
	r = client_ask(a->config, q, &answer, NULL, NULL, err);
	if (r == 0)
		note_time(a->times, s->id, clock_now_ns() - t0);
	return r;
}

static int hook(const struct hook_args *a, struct err *err)
{
	_cleanup_(oci_state_done) struct oci_state s = {};
	_cleanup_(identity_done) struct identity w = {};
	_cleanup_free_ char *text = NULL;
	struct err why;
	size_t len = 0;
	int r = read_state(&text, &len, err);

	if (r == 0)
		r = oci_state_from_json(text, len, &s, err);
	if (r == 0)
		r = identity_set(&w.id, s.id);
	if (r == 0)
		r = identity_from_annotations(&w, s.annotations);
	if (r < 0)
		return r;
	/* What cannot be read leaves the container with less of a name, and perhaps no policy. */
	if (s.bundle && strcmp(a->stage, "createRuntime") == 0 &&
	    identity_from_bundle(&w, s.bundle, &why) < 0)
		syslog(LOG_WARNING, "%.12s: %s", s.id, why.msg);
	return ask(a, &s, &w, err);
}

int main(int argc, char **argv)
{
	struct hook_args a = {.timeout_ms = TIMEOUT_MS};
	char name[] = "lutra-hook";
	struct err err = {};
	bool closed;
	int r;

	argv[0] = name;
	args_parse(&argp, argc, argv, false, &a);
	openlog(name, LOG_PID, LOG_DAEMON);
	limit_time(a.timeout_ms);
	r = hook(&a, &err);
	if (r == 0)
		return 0;
	closed = a.fail_closed && strcmp(a.stage, "createRuntime") == 0;
	if (late)
		err_set(&err, -ETIMEDOUT, "no answer within %llu ms", a.timeout_ms);
	fprintf(stderr, "lutra-hook: %s: %s\n",
		closed ? "the container does not start" : "the container is not guarded", err.msg);
	syslog(LOG_ERR, "%s: %s", closed ? "a container does not start" : "not guarded", err.msg);
	return closed ? 1 : 0;
}
