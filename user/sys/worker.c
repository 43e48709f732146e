/* SPDX-License-Identifier: Apache-2.0 */
/* A thread with a bounded queue. */
#include "user/sys/worker.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include "lutra/types.h"
#include "user/sys/clock.h"
#include "user/sys/thread.h"

struct worker {
	struct worker_config config;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t more;  /* something for the thread */
	pthread_cond_t idle;  /* the thread waits */
	struct worker_item *first, **last;
	struct worker_stats stats;
	bool busy; /* the thread handles something, and looks at the queue before it waits */
	bool woken, stop;
};

/* ---- the queue ---- */

static void free_one(const struct worker *w, struct worker_item *i)
{
	if (w->config.free_item && i)
		w->config.free_item(i);
	else
		free(i);
}

bool worker_put(struct worker *w, struct worker_item *i)
{
	bool fits;

	pthread_mutex_lock(&w->lock);
	w->stats.put++;
	fits = i && w->stats.bytes + i->bytes <=
			    w->config.max_bytes + (i->reserved ? w->config.reserve_bytes : 0);
	if (fits) {
		i->next = NULL;
		w->stats.bytes += i->bytes;
		*w->last = i;
		w->last = &i->next;
		if (!w->busy)
			pthread_cond_signal(&w->more);
	} else {
		w->stats.dropped++;
	}
	pthread_mutex_unlock(&w->lock);
	if (!fits)
		free_one(w, i);
	return fits;
}

void worker_wake(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->woken = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

void worker_sync(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->busy || w->first)
		pthread_cond_wait(&w->idle, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

bool worker_is_stopping(struct worker *w)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return stop;
}

void worker_stats(struct worker *w, struct worker_stats *ret)
{
	pthread_mutex_lock(&w->lock);
	*ret = w->stats;
	pthread_mutex_unlock(&w->lock);
}

/* ---- the thread ---- */

/* Waits until there is something to do, or wait_ms have passed; 0: without limit. */
static void wait_for_work(struct worker *w, unsigned wait_ms)
{
	uint64_t until_ns = clock_now_ns() + wait_ms * 1000000ull;
	struct timespec until = {.tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
				 .tv_nsec = (long)(until_ns % NSEC_PER_SEC)};
	int r = 0;

	w->busy = false;
	pthread_cond_broadcast(&w->idle);
	while (!w->first && !w->woken && !w->stop && r != ETIMEDOUT)
		r = wait_ms ? pthread_cond_timedwait(&w->more, &w->lock, &until)
			    : pthread_cond_wait(&w->more, &w->lock);
	w->busy = true;
}

/* Takes up to max_items from the queue. */
static struct worker_item *take_items(struct worker *w)
{
	struct worker_item *list = w->first, **end = &list;

	for (size_t n = 0; *end && (!w->config.max_items || n < w->config.max_items); n++)
		end = &(*end)->next;
	w->first = *end;
	if (!w->first)
		w->last = &w->first;
	*end = NULL;
	return list;
}

static void free_items(struct worker *w, struct worker_item *i)
{
	size_t bytes = 0;

	while (i) {
		struct worker_item *next = i->next;

		bytes += i->bytes;
		free_one(w, i);
		i = next;
	}
	pthread_mutex_lock(&w->lock);
	w->stats.bytes -= bytes;
	pthread_mutex_unlock(&w->lock);
}

static void *run_thread(void *ctx)
{
	struct worker *w = ctx;
	unsigned wait_ms;
	bool stop;

	/*
	 * In Linux, PRIO_PROCESS with 0 sets the priority of this thread, and not of the whole
	 * process. If that fails, the thread works at the priority of the process.
	 */
	if (w->config.nice)
		setpriority(PRIO_PROCESS, 0, w->config.nice);
	wait_ms = w->config.on_items(w->config.ctx, NULL);
	do {
		struct worker_item *items;

		pthread_mutex_lock(&w->lock);
		if (!w->first)
			wait_for_work(w, wait_ms);
		items = take_items(w);
		stop = w->stop && !items;
		w->woken = false;
		pthread_mutex_unlock(&w->lock);
		wait_ms = w->config.on_items(w->config.ctx, items);
		free_items(w, items);
	} while (!stop);
	return NULL;
}

/* ---- life ---- */

int worker_new(struct worker **ret, const struct worker_config *config)
{
	struct worker *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (!w)
		return -ENOMEM;
	w->config = *config;
	w->last = &w->first;
	w->busy = true;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, &attr);
	pthread_cond_init(&w->idle, NULL);
	pthread_condattr_destroy(&attr);
	*ret = w;
	return 0;
}

int worker_start(struct worker *w)
{
	int r = thread_start(&w->thread, w->config.name, run_thread, w);

	w->started = r == 0;
	return r;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	if (w->started)
		pthread_join(w->thread, NULL);
	free_items(w, w->first);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->more);
	pthread_cond_destroy(&w->idle);
	free(w);
}
