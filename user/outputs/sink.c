/* SPDX-License-Identifier: Apache-2.0 */
/* A sink's thread and queue. */
#include "user/outputs/sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lutra/types.h"
#include "user/sys/thread.h"

struct sink {
	char *name;
	struct sink_env env;
	struct sink_kind kind;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t more;
	struct message *first, **last;
	size_t bytes;
	bool stop, reopen;
	struct sink_stats stats;
};

/* ---- the queue ---- */

static char *append(char **at, const char *s)
{
	size_t len = s ? strlen(s) + 1 : 0;
	char *here = *at;

	if (!s)
		return NULL;
	memcpy(here, s, len);
	*at += len;
	return here;
}

static size_t text_bytes(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static struct message *message_copy(const struct message *m)
{
	size_t size = sizeof(*m) + m->json_len + 1 + text_bytes(m->sentence) +
		      text_bytes(m->container) + text_bytes(m->rule);
	struct message *c = malloc(size);
	char *at = (char *)(c + 1);

	if (!c)
		return NULL;
	*c = (struct message){.bytes = size, .level = m->level, .json_len = m->json_len};
	c->json = append(&at, m->json);
	c->sentence = append(&at, m->sentence);
	c->container = append(&at, m->container);
	c->rule = append(&at, m->rule);
	return c;
}

bool sink_put(struct sink *s, const struct message *m)
{
	struct message *c = message_copy(m);
	bool fits;

	pthread_mutex_lock(&s->lock);
	fits = c && s->bytes + c->bytes <= SINK_QUEUE_BYTES;
	if (fits) {
		s->bytes += c->bytes;
		*s->last = c;
		s->last = &c->next;
		pthread_cond_signal(&s->more);
	} else {
		s->stats.lost++;
	}
	pthread_mutex_unlock(&s->lock);
	if (!fits)
		free(c);
	return fits;
}

void sink_reopen(struct sink *s)
{
	pthread_mutex_lock(&s->lock);
	s->reopen = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

void sink_stats(struct sink *s, struct sink_stats *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->stats;
	pthread_mutex_unlock(&s->lock);
}

void sink_count(struct sink *s, uint64_t sent, uint64_t lost)
{
	pthread_mutex_lock(&s->lock);
	s->stats.sent += sent;
	s->stats.lost += lost;
	pthread_mutex_unlock(&s->lock);
}

void sink_waiting(struct sink *s, uint64_t waiting)
{
	pthread_mutex_lock(&s->lock);
	s->stats.waiting = waiting;
	pthread_mutex_unlock(&s->lock);
}

bool sink_is_stopping(struct sink *s)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

/* ---- what is said ---- */

static bool changes(struct sink *s, bool failing)
{
	bool changed;

	pthread_mutex_lock(&s->lock);
	changed = s->stats.failing != failing;
	s->stats.failing = failing;
	pthread_mutex_unlock(&s->lock);
	return changed && s->env.say;
}

void sink_failing(struct sink *s, const char *why)
{
	char msg[700];

	if (!changes(s, true))
		return;
	snprintf(msg, sizeof(msg), "output %s: %.500s", s->name, why);
	s->env.say(s->env.ctx, true, msg);
}

void sink_works(struct sink *s)
{
	struct sink_stats stats;
	char msg[128];

	if (!changes(s, false))
		return;
	sink_stats(s, &stats);
	snprintf(msg, sizeof(msg), "output %s: works again, %llu alerts lost so far", s->name,
		 (unsigned long long)stats.lost);
	s->env.say(s->env.ctx, false, msg);
}

/* ---- the thread ---- */

/* Until there is something to do, or wait_ms have passed; 0: for ever. */
static void wait_more(struct sink *s, unsigned wait_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (until.tv_nsec >= (long)NSEC_PER_SEC) {
		until.tv_sec++;
		until.tv_nsec -= (long)NSEC_PER_SEC;
	}
	while (!s->first && !s->stop && !s->reopen) {
		if (wait_ms == 0)
			pthread_cond_wait(&s->more, &s->lock);
		else if (pthread_cond_timedwait(&s->more, &s->lock, &until) == ETIMEDOUT)
			return;
	}
}

static void free_list(struct sink *s, struct message *m)
{
	size_t bytes = 0;

	while (m) {
		struct message *next = m->next;

		bytes += m->bytes;
		free(m);
		m = next;
	}
	pthread_mutex_lock(&s->lock);
	s->bytes -= bytes;
	pthread_mutex_unlock(&s->lock);
}

static void *work(void *ctx)
{
	struct sink *s = ctx;
	unsigned wait_ms = 1; /* what waits on disk from before */
	bool stop, reopen;

	do {
		struct message *list;

		pthread_mutex_lock(&s->lock);
		wait_more(s, wait_ms);
		list = s->first;
		s->first = NULL;
		s->last = &s->first;
		stop = s->stop && !list;
		reopen = s->reopen;
		s->reopen = false;
		pthread_mutex_unlock(&s->lock);
		if (reopen && s->kind.ops->reopen)
			s->kind.ops->reopen(s->kind.impl);
		wait_ms = stop ? 0 : s->kind.ops->handle(s->kind.impl, list);
		free_list(s, list);
	} while (!stop);
	return NULL;
}

/* ---- life ---- */

static void init_sync(struct sink *s)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, &attr);
	pthread_condattr_destroy(&attr);
	s->last = &s->first;
}

static int open_kind(struct sink *s, const struct output_config *c, struct err *err)
{
	switch (c->type) {
	case OUTPUT_STDOUT:
	case OUTPUT_FILE:
		return sink_file_open(&s->kind, s, c, err);
	case OUTPUT_SYSLOG:
		return sink_syslog_open(&s->kind, s, err);
	case OUTPUT_JOURNAL:
		return sink_journal_open(&s->kind, s, c, err);
	default:
		return sink_http_open(&s->kind, s, c, s->env.state_dir, err);
	}
}

int sink_new(struct sink **ret, const struct output_config *c, const struct sink_env *env,
	     struct err *err)
{
	_cleanup_(sink_freep) struct sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_oom(err);
	init_sync(s);
	s->env = *env;
	s->name = strdup(c->name);
	if (!s->name)
		return err_oom(err);
	r = open_kind(s, c, err);
	if (r < 0)
		return r;
	r = thread_start(&s->thread, "lutrad-output", work, s);
	if (r < 0)
		return err_set(err, r, "cannot start a thread: %s", strerror(-r));
	s->started = true;
	*ret = TAKE_PTR(s);
	return 0;
}

void sink_free(struct sink *s)
{
	if (!s)
		return;
	if (s->started) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_signal(&s->more);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	if (s->kind.ops)
		s->kind.ops->free(s->kind.impl);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->more);
	free(s->name);
	free(s);
}
