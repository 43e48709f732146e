/* SPDX-License-Identifier: Apache-2.0 */
/* The thread and the counters of an output. */
#include "user/outputs/sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink {
	char *name;
	struct sink_env env;
	struct sink_kind kind;
	struct worker *worker;
	atomic_bool reopen;
	pthread_mutex_t lock; /* of stats */
	struct sink_stats stats;
};

/* ---- the queue ---- */

static void free_item(struct worker_item *i)
{
	alert_json_unref(((struct sink_item *)i)->alert);
	free(i);
}

bool sink_put(struct sink *s, struct alert_json *a)
{
	struct sink_item *i = malloc(sizeof(*i));

	if (i)
		*i = (struct sink_item){.item.bytes = sizeof(*i) + a->len,
					.alert = alert_json_ref(a)};
	if (worker_put(s->worker, &i->item))
		return true;
	sink_count(s, 0, 1);
	return false;
}

void sink_sync(struct sink *s)
{
	worker_sync(s->worker);
}

void sink_reopen(struct sink *s)
{
	atomic_store(&s->reopen, true);
	worker_wake(s->worker);
}

bool sink_is_stopping(struct sink *s)
{
	return worker_is_stopping(s->worker);
}

/* ---- counters ---- */

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

void sink_set_waiting(struct sink *s, uint64_t waiting)
{
	pthread_mutex_lock(&s->lock);
	s->stats.waiting = waiting;
	pthread_mutex_unlock(&s->lock);
}

/* Returns true if the change has to be reported. */
static bool change_failing(struct sink *s, bool failing)
{
	bool changed;

	pthread_mutex_lock(&s->lock);
	changed = s->stats.failing != failing;
	s->stats.failing = failing;
	pthread_mutex_unlock(&s->lock);
	return changed && s->env.report;
}

void sink_set_failing(struct sink *s, const char *why)
{
	char msg[700];

	if (!change_failing(s, true))
		return;
	snprintf(msg, sizeof(msg), "output %s: %.500s", s->name, why);
	s->env.report(s->env.ctx, true, msg);
}

void sink_set_working(struct sink *s)
{
	struct sink_stats stats;
	char msg[128];

	if (!change_failing(s, false))
		return;
	sink_stats(s, &stats);
	snprintf(msg, sizeof(msg), "output %s: works again, %llu alerts lost so far", s->name,
		 (unsigned long long)stats.lost);
	s->env.report(s->env.ctx, false, msg);
}

/* ---- the thread ---- */

static unsigned on_items(void *ctx, struct worker_item *items)
{
	struct sink *s = ctx;

	if (!items && worker_is_stopping(s->worker))
		return 0;
	if (atomic_exchange(&s->reopen, false) && s->kind.ops->reopen)
		s->kind.ops->reopen(s->kind.impl);
	return s->kind.ops->handle(s->kind.impl, (const struct sink_item *)items);
}

static int open_kind(struct sink *s, const struct output_config *c, struct err *err)
{
	switch (c->type) {
	case OUTPUT_STDOUT:
	case OUTPUT_FILE:
		return sink_file_open(&s->kind, s, c, err);
	case OUTPUT_SYSLOG:
		return sink_syslog_open(&s->kind, s);
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
	const struct worker_config config = {.name = "lutrad-output",
					     .max_bytes = SINK_QUEUE_BYTES,
					     .on_items = on_items,
					     .free_item = free_item,
					     .ctx = s};
	int r;

	if (!s)
		return err_oom(err);
	pthread_mutex_init(&s->lock, NULL);
	s->env = *env;
	s->name = strdup(c->name);
	if (!s->name || worker_new(&s->worker, &config) < 0)
		return err_oom(err);
	r = open_kind(s, c, err);
	if (r < 0)
		return r;
	r = worker_start(s->worker);
	if (r < 0)
		return err_set(err, r, "cannot start a thread: %s", strerror(-r));
	*ret = TAKE_PTR(s);
	return 0;
}

void sink_free(struct sink *s)
{
	if (!s)
		return;
	worker_free(s->worker);
	if (s->kind.ops)
		s->kind.ops->free(s->kind.impl);
	pthread_mutex_destroy(&s->lock);
	free(s->name);
	free(s);
}
