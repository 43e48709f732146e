/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands printed alerts to the main thread through a bounded queue and an eventfd. An alert that
 * does not fit is counted as folded for its subscriber.
 */
#include "user/pipeline/subscribers.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syslog.h>

#include "lib/base/list.h"
#include "user/sys/clock.h"

#define QUEUE_BYTES (16u << 20)
#define TURN 256 /* deliveries of one subscribers_dispatch(): the main loop has other work, too */

struct delivery {
	struct delivery *next;
	struct subscriber *to;	  /* NULL: it has gone */
	struct alert_json *alert; /* a reference */
	uint64_t folded;
};

struct subscribers {
	int fd;
	pthread_mutex_t lock; /* of all below */
	struct subscriber *first;
	struct delivery *queue, **last;
	size_t bytes;
};

int subscribers_new(struct subscribers **ret)
{
	_cleanup_free_ struct subscribers *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	all->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->fd < 0)
		return -errno;
	pthread_mutex_init(&all->lock, NULL);
	all->last = &all->queue;
	*ret = TAKE_PTR(all);
	return 0;
}

static void free_delivery(struct delivery *d)
{
	alert_json_unref(d->alert);
	free(d);
}

void subscribers_free(struct subscribers *all)
{
	if (!all)
		return;
	while (all->queue)
		free_delivery(LIST_POP(all->queue));
	pthread_mutex_destroy(&all->lock);
	close(all->fd);
	free(all);
}

void subscribers_add(struct subscribers *all, struct subscriber *s)
{
	pthread_mutex_lock(&all->lock);
	LIST_PUSH(all->first, s);
	pthread_mutex_unlock(&all->lock);
}

void subscribers_remove(struct subscribers *all, struct subscriber *s)
{
	pthread_mutex_lock(&all->lock);
	LIST_REMOVE(all->first, s);
	for (struct delivery *d = all->queue; d; d = d->next)
		if (d->to == s)
			d->to = NULL;
	pthread_mutex_unlock(&all->lock);
}

int subscribers_fd(const struct subscribers *all)
{
	return all->fd;
}

/* ---- the pipeline's thread ---- */

/* Sets s->folded: how many were held back before this one, if it passes. */
static bool pass_throttle(struct subscriber *s, bool allowed, bool unlimited)
{
	s->folded = 0;
	return unlimited ||
	       throttle_pass(&s->limits[!allowed], &s->rate, clock_now_ns(), &s->folded);
}

bool subscribers_choose(struct subscribers *all, bool allowed, bool is_incident,
			bool is_first_of_kind)
{
	bool any = false;

	pthread_mutex_lock(&all->lock);
	for (struct subscriber *s = all->first; s; s = s->next) {
		s->chosen = atomic_load(&s->active) && (s->incidents || !is_incident) &&
			    pass_throttle(s, allowed, is_incident || is_first_of_kind);
		any |= s->chosen;
	}
	pthread_mutex_unlock(&all->lock);
	return any;
}

/* Queues an alert for one subscriber. Returns false if the queue is full. */
static bool queue_delivery(struct subscribers *all, struct subscriber *s, struct alert_json *a)
{
	struct delivery *d;

	if (all->bytes + a->len > QUEUE_BYTES)
		return false;
	d = malloc(sizeof(*d));
	if (!d)
		return false;
	*d = (struct delivery){.to = s, .alert = alert_json_ref(a), .folded = s->folded};
	if (!all->queue)
		eventfd_write(all->fd, 1);
	all->bytes += a->len;
	*all->last = d;
	all->last = &d->next;
	return true;
}

void subscribers_put(struct subscribers *all, struct alert_json *a)
{
	pthread_mutex_lock(&all->lock);
	for (struct subscriber *s = all->first; s; s = s->next)
		if (s->chosen && !queue_delivery(all, s, a))
			s->limits[a->level < LOG_NOTICE].folded += s->folded + 1;
	pthread_mutex_unlock(&all->lock);
}

/* ---- the main thread ---- */

/* Takes the first delivery off the queue; NULL: the queue is empty. */
static struct delivery *take_delivery(struct subscribers *all)
{
	struct delivery *d;

	pthread_mutex_lock(&all->lock);
	d = LIST_POP(all->queue);
	if (d)
		all->bytes -= d->alert->len;
	if (!all->queue)
		all->last = &all->queue;
	pthread_mutex_unlock(&all->lock);
	return d;
}

bool subscribers_dispatch(struct subscribers *all)
{
	struct delivery *d;
	bool has_more;
	eventfd_t n;

	eventfd_read(all->fd, &n);
	for (int i = 0; i < TURN && (d = take_delivery(all)); i++) {
		if (d->to && atomic_load(&d->to->active))
			d->to->on_alert(d->to->ctx, d->alert, d->folded);
		free_delivery(d);
	}
	pthread_mutex_lock(&all->lock);
	has_more = all->queue != NULL;
	if (has_more)
		eventfd_write(all->fd, 1);
	pthread_mutex_unlock(&all->lock);
	return has_more;
}
