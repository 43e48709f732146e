/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes events. */
#include "user/pipeline/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/sys/clock.h"
#include "user/store/checkpoint.h"
#include "user/alerts/ancestors.h"
#include "user/sys/thread.h"

#define BATCH 2048 /* events a transaction */
#define RETRY_NS (30 * NSEC_PER_SEC)
#define SAY_NS (60 * NSEC_PER_SEC)
#define QUIET_NS NSEC_PER_SEC /* nothing lost for so long: kept again */
#define RETAIN_NS (60 * NSEC_PER_SEC)
#define RETAIN_EVENTS 4096	   /* added since the limits were looked at */
#define LOG_BYTES (16u << 20)	   /* of the store's log, to be emptied */
#define LOG_BYTES_MAX (256u << 20) /* the same, and the writer waits for it */
#define TEXTS 6

/* A copy of an event: its texts and its identity's lie behind the evidence and its string. */
struct item {
	struct item *next;
	size_t bytes;
	struct event e; /* points into this item */
	struct identity who;
	struct lutra_evidence ev;
};

struct writer {
	struct writer_config config;
	char *path;
	struct alert *alert; /* the thread's */
	struct store *store;
	struct checkpointer *checkpointer;
	struct lineage *lineage;
	uint64_t retry_ns, said_ns, lost_ns, retained_ns; /* CLOCK_MONOTONIC */
	uint64_t lost_queue;				  /* as was looked at last */
	unsigned batch;					  /* events of the open transaction */
	unsigned since_retained;
	bool failing; /* the store is */
	bool ticking; /* somebody waits for the next second */

	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t more, done;
	struct item *first, **last;
	bool busy, stop;
	struct writer_stats stats;
};

/* Where an event has its texts. */
static void texts_of(struct event *e, const char **ret[static TEXTS])
{
	ret[0] = &e->name;
	ret[1] = &e->id;
	ret[2] = &e->image;
	ret[3] = &e->cgroup;
	ret[4] = &e->policy;
	ret[5] = &e->lineage;
}

/* ---- the queue ---- */

static struct item *item_new(const struct event *e)
{
	size_t size = sizeof(struct item) + e->str_len;
	struct event copy = *e;
	const char **texts[TEXTS];
	struct item *i;
	char *at;

	texts_of(&copy, texts);
	for (int t = 0; t < TEXTS; t++)
		size += *texts[t] ? strlen(*texts[t]) + 1 : 0;
	if (e->who)
		size += identity_packed_bytes(e->who);
	i = malloc(size);
	if (!i)
		return NULL;
	*i = (struct item){.bytes = size, .ev = *e->ev};
	i->ev.str_len = (uint32_t)e->str_len;
	at = i->ev.str;
	copy.ev = &i->ev;
	copy.str = memcpy(at, e->str, e->str_len);
	at += e->str_len;
	if (e->who) {
		at = identity_pack(e->who, &i->who, at);
		copy.who = &i->who;
	}
	for (int t = 0; t < TEXTS; t++) {
		char *text = at;

		if (!*texts[t])
			continue;
		at = stpcpy(text, *texts[t]) + 1;
		*texts[t] = text;
	}
	i->e = copy;
	return i;
}

bool writer_put(struct writer *w, const struct event *e)
{
	struct item *i = item_new(e);
	bool fits;

	pthread_mutex_lock(&w->lock);
	w->stats.put++;
	fits = i && w->stats.queue_bytes + i->bytes <= WRITER_QUEUE_BYTES;
	if (fits) {
		w->stats.queue_bytes += i->bytes;
		*w->last = i;
		w->last = &i->next;
		if (!w->busy)
			pthread_cond_signal(&w->more);
	} else {
		w->stats.lost_queue++;
	}
	pthread_mutex_unlock(&w->lock);
	if (!fits)
		free(i);
	return fits;
}

void writer_sync(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->busy || w->first)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void writer_stats(struct writer *w, struct writer_stats *ret)
{
	pthread_mutex_lock(&w->lock);
	*ret = w->stats;
	pthread_mutex_unlock(&w->lock);
}

/* ---- what is lost, and said ---- */

static void say(const struct writer *w, bool bad, const char *msg)
{
	if (w->config.say)
		w->config.say(w->config.ctx, bad, msg);
}

static uint64_t lost(struct writer *w)
{
	struct writer_stats s;

	writer_stats(w, &s);
	return s.lost_queue + s.lost_store;
}

/* The first time, then once a minute. */
static void say_lost(struct writer *w, const char *why)
{
	uint64_t now = clock_now_ns();
	char msg[600];

	w->failing = true;
	w->lost_ns = now;
	if (w->said_ns && now - w->said_ns < SAY_NS)
		return;
	w->said_ns = now;
	snprintf(msg, sizeof(msg), "%llu events could not be kept so far: %.400s; verdicts go on",
		 (unsigned long long)lost(w), why);
	say(w, true, msg);
}

static void look_at_queue(struct writer *w)
{
	struct writer_stats s;

	writer_stats(w, &s);
	if (s.lost_queue != w->lost_queue)
		say_lost(w, "they came faster than they can be written");
	w->lost_queue = s.lost_queue;
}

static void failed(struct writer *w, unsigned n, const char *why)
{
	pthread_mutex_lock(&w->lock);
	w->stats.lost_store += n;
	pthread_mutex_unlock(&w->lock);
	say_lost(w, why);
}

static void committed(struct writer *w, unsigned n)
{
	char msg[128];

	pthread_mutex_lock(&w->lock);
	w->stats.stored += n;
	pthread_mutex_unlock(&w->lock);
	w->since_retained += n;
	if (!w->failing || n == 0 || clock_now_ns() - w->lost_ns < QUIET_NS)
		return;
	w->failing = false;
	snprintf(msg, sizeof(msg), "events are kept again; %llu were lost",
		 (unsigned long long)lost(w));
	say(w, false, msg);
}

/* ---- the store ---- */

static void open_store(struct writer *w)
{
	struct err err = {};
	char msg[600];

	w->retry_ns = clock_now_ns() + RETRY_NS;
	if (store_new(&w->store, w->path, &err) < 0) {
		snprintf(msg, sizeof(msg), "%s: events are not kept, verdicts go on", err.msg);
		say(w, true, msg);
	} else {
		store_set_log_bytes(w->store, LOG_BYTES_MAX);
	}
	pthread_mutex_lock(&w->lock);
	w->stats.open = w->store != NULL;
	pthread_mutex_unlock(&w->lock);
}

static void commit(struct writer *w)
{
	unsigned n = w->batch, n_lost = 0;
	struct err err = {};

	w->batch = 0;
	if (!w->store)
		return;
	if (store_commit(w->store, &n_lost, &err) < 0)
		failed(w, n_lost, err.msg);
	else
		committed(w, n);
	if (store_log_bytes(w->store) > LOG_BYTES)
		checkpointer_wake(w->checkpointer);
}

static void keep(struct writer *w, const struct alert *a)
{
	struct err err = {"the event store is not open"};
	unsigned n_lost = 1;

	if (!w->store || store_add(w->store, a, &n_lost, &err) < 0) {
		w->batch = 0;
		failed(w, n_lost, err.msg);
		return;
	}
	if (++w->batch == BATCH)
		commit(w);
}

/* Between transactions. */
static void retain(struct writer *w)
{
	uint64_t now = clock_now_ns(), deleted = 0, bytes = 0;
	struct err err = {};

	if (!w->store || (w->since_retained < RETAIN_EVENTS && now - w->retained_ns < RETAIN_NS))
		return;
	w->retained_ns = now;
	w->since_retained = 0;
	if (store_retain(w->store, &w->config.limits, clock_realtime_ns(), &deleted, &err) < 0)
		say(w, true, err.msg);
	store_bytes(w->store, &bytes, &err);
	pthread_mutex_lock(&w->lock);
	w->stats.expired += deleted;
	w->stats.store_bytes = bytes;
	pthread_mutex_unlock(&w->lock);
}

/* ---- the thread ---- */

static void handle(struct writer *w, const struct item *i)
{
	char ancestors[LINEAGE_TEXT];
	struct event e = i->e;

	if (!e.lineage)
		e.lineage = lineage_of(w->lineage, &i->ev, ancestors);
	alert_set(w->alert, &e);
	if (w->config.alert)
		w->config.alert(w->config.ctx, w->alert);
	keep(w, w->alert);
}

static void handle_all(struct writer *w, struct item *i)
{
	struct item *next;
	size_t bytes = 0;

	for (; i; i = next) {
		next = i->next;
		handle(w, i);
		bytes += i->bytes;
		free(i);
		if (next && w->batch != 0)
			continue;
		if (!next)
			commit(w);
		retain(w);
		pthread_mutex_lock(&w->lock);
		w->stats.queue_bytes -= bytes;
		pthread_mutex_unlock(&w->lock);
		bytes = 0;
	}
}

/* Until something is queued, or there is something else to look at. */
static void wait_more(struct writer *w)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += w->ticking ? 1 : (w->store ? RETAIN_NS : RETRY_NS) / NSEC_PER_SEC;
	w->busy = false;
	pthread_cond_broadcast(&w->done);
	while (!w->first && !w->stop &&
	       pthread_cond_timedwait(&w->more, &w->lock, &until) != ETIMEDOUT)
		continue;
	w->busy = true;
}

static void *work(void *ctx)
{
	struct writer *w = ctx;
	struct item *i;
	bool stop;

	do {
		pthread_mutex_lock(&w->lock);
		if (!w->first)
			wait_more(w);
		i = w->first;
		w->first = NULL;
		w->last = &w->first;
		stop = w->stop && !i;
		pthread_mutex_unlock(&w->lock);
		if (!w->store && clock_now_ns() > w->retry_ns)
			open_store(w);
		handle_all(w, i);
		look_at_queue(w);
		retain(w);
		w->ticking = w->config.tick && w->config.tick(w->config.ctx);
	} while (!stop);
	return NULL;
}

/* ---- life ---- */

static void init_sync(struct writer *w)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, &attr);
	pthread_cond_init(&w->done, NULL);
	pthread_condattr_destroy(&attr);
	w->last = &w->first;
	w->busy = true;
}

int writer_new(struct writer **ret, const struct writer_config *config, struct err *err)
{
	_cleanup_(writer_freep) struct writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_oom(err);
	init_sync(w);
	w->config = *config;
	w->path = strdup(config->path);
	w->alert = malloc(sizeof(*w->alert));
	if (!w->path || !w->alert || lineage_new(&w->lineage) < 0)
		return err_oom(err);
	open_store(w);
	r = checkpointer_new(&w->checkpointer, w->path);
	if (r == 0)
		r = thread_start(&w->thread, "lutrad-events", work, w);
	if (r < 0)
		return err_set(err, r, "cannot start a thread: %s", strerror(-r));
	w->started = true;
	*ret = TAKE_PTR(w);
	return 0;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_signal(&w->more);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	checkpointer_free(w->checkpointer);
	store_free(w->store);
	lineage_free(w->lineage);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->more);
	pthread_cond_destroy(&w->done);
	free(w->alert);
	free(w->path);
	free(w);
}
