/* SPDX-License-Identifier: Apache-2.0 */
/* The main loop of lutra run and lutra record: waits for events, signals and the end. */
#include "user/cli/local/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/child.h"

#define END_SIGNALS 3 /* a frozen command ignores signals: the third one ends the loop */
#define POLL_MS 100   /* the kernel does not wake the reader for a few records */

static void reap_child(struct watch *w)
{
	if (w->child && !w->child_done && waitpid(w->child, &w->status, WNOHANG) == w->child)
		w->child_done = true;
}

/* Handles signals; returns true if the loop must end. */
static bool take_signals(struct watch *w)
{
	pid_t to = w->forward && !w->child_done ? w->child : 0;
	bool end = false;
	int sig;

	while ((sig = child_signal_next(w->signal_fd, to))) {
		if (sig == SIGCHLD)
			reap_child(w);
		else if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT)
			end = !w->forward || ++w->end_signals >= END_SIGNALS;
	}
	return end;
}

/* Returns true if the cgroup had tasks and has none now. */
static bool is_emptied(const struct watch *w, bool *was_populated)
{
	bool populated;

	if (w->events_fd < 0)
		return false;
	if (cgroup_populated(w->events_fd, &populated) < 0)
		return true;
	*was_populated |= populated;
	return *was_populated && !populated;
}

static int timeout_ms(const struct watch *w, uint64_t now)
{
	uint64_t left;

	if (!w->until_ns)
		return POLL_MS;
	left = w->until_ns > now ? (w->until_ns - now) / 1000000 + 1 : 0;
	return left < POLL_MS ? (int)left : POLL_MS;
}

int watch_run(struct watch *w)
{
	struct pollfd p[3] = {
		{.fd = session_fd(w->session), .events = POLLIN},
		{.fd = w->signal_fd, .events = POLLIN},
		{.fd = w->events_fd, .events = POLLPRI},
	};
	bool populated = false;

	for (;;) {
		int r;

		if (poll(p, 3, timeout_ms(w, clock_now_ns())) < 0 && errno != EINTR)
			return -errno;
		r = session_poll(w->session);
		if (r < 0)
			return r;
		if (take_signals(w))
			return 0;
		/* A child that failed to start never populates its cgroup. */
		if (w->events_fd < 0 && w->child_done)
			return 0;
		if (is_emptied(w, &populated) || (w->child_done && !populated))
			return 0;
		if (w->until_ns && clock_now_ns() >= w->until_ns)
			return 0;
	}
}

void watch_report(const char *path, const struct session_result *result)
{
	if (path)
		fprintf(stderr, "lutra: %s: %llu events recorded, %llu lost\n", path,
			(unsigned long long)result->records,
			(unsigned long long)result->records_lost);
	if (path && result->records_lost)
		fprintf(stderr,
			"lutra: WARNING: %llu events are missing in %s: do not train on it, "
			"record again with less load\n",
			(unsigned long long)result->records_lost, path);
	if (result->evidence_lost || result->outputs_failed)
		fprintf(stderr,
			"lutra: WARNING: lost evidence of %llu matches, failed to store %llu "
			"events; the verdicts took effect\n",
			(unsigned long long)result->evidence_lost,
			(unsigned long long)result->outputs_failed);
}
