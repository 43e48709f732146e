/* SPDX-License-Identifier: Apache-2.0 */
/* An event loop over epoll. */
#include "user/sys/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "user/sys/clock.h"

struct loop {
	int epoll_fd;
	struct loop_idle *idle; /* requests that are open */
	bool stop;
};

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		int r = -errno;

		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll_fd);
	free(l);
}

static int control_watch(struct loop *l, int op, struct loop_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	return epoll_ctl(l->epoll_fd, op, w->fd, &ev) < 0 ? -errno : 0;
}

int loop_watch(struct loop *l, struct loop_watch *w, uint32_t events, struct err *err)
{
	int r = control_watch(l, EPOLL_CTL_ADD, w, events);

	return r < 0 ? err_set(err, r, "epoll: %s", strerror(-r)) : 0;
}

int loop_change(struct loop *l, struct loop_watch *w, uint32_t events)
{
	return control_watch(l, EPOLL_CTL_MOD, w, events);
}

void loop_when_idle(struct loop *l, struct loop_idle *i)
{
	if (i->since_ns)
		return;
	i->since_ns = clock_now_ns();
	i->next = l->idle;
	l->idle = i;
}

bool loop_cancel_idle(struct loop *l, struct loop_idle *i)
{
	struct loop_idle **at = &l->idle;

	while (*at && *at != i)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = i->next;
	i->since_ns = 0;
	return true;
}

/* Calls what was requested: all of it, or what has waited for longer than its delay. */
static void run_idle(struct loop *l, bool all)
{
	struct loop_idle **at = &l->idle;
	uint64_t now = l->idle ? clock_now_ns() : 0;

	while (*at) {
		struct loop_idle *i = *at;

		if (!all && now - i->since_ns <= i->delay_ns) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		i->since_ns = 0;
		i->on_idle(i->ctx);
	}
}

int loop_run(struct loop *l)
{
	struct epoll_event ev;

	while (!l->stop) {
		/* One event at a time: its handler may free the watch of the next. */
		int n = epoll_wait(l->epoll_fd, &ev, 1, l->idle ? 0 : -1);
		struct loop_watch *w = ev.data.ptr;

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 1)
			w->on_ready(w->ctx, ev.events);
		run_idle(l, n == 0);
	}
	run_idle(l, true);
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
