/* SPDX-License-Identifier: Apache-2.0 */
/* An event loop over epoll. */
#include "user/sys/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/base/list.h"
#include "user/sys/clock.h"

struct loop {
	int epoll_fd;
	struct loop_idle *idle; /* requests that are open */
	bool stop;
};

int loop_new(struct loop **ret)
{
	_cleanup_free_ struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	*ret = TAKE_PTR(l);
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll_fd);
	free(l);
}

int loop_watch(struct loop *l, struct loop_watch *w, uint32_t events, struct err *err)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return err_set(err, -errno, "epoll: %s", strerror(errno));
	return 0;
}

void loop_forget(struct loop *l, struct loop_watch *w)
{
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
	if (w->fd < 0)
		return;
	/* close() alone would not end it while another process has the same open file. */
	loop_forget(l, w);
	close(w->fd);
	w->fd = -1;
}

void loop_when_idle(struct loop *l, struct loop_idle *i)
{
	if (i->since_ns)
		return;
	i->since_ns = clock_now_ns();
	LIST_PUSH(l->idle, i);
}

bool loop_cancel_idle(struct loop *l, struct loop_idle *i)
{
	bool requested = i->since_ns != 0;

	LIST_REMOVE(l->idle, i);
	i->since_ns = 0;
	return requested;
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
			w->on_ready(w->ctx);
		run_idle(l, n == 0);
	}
	run_idle(l, true);
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
