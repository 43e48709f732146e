/* SPDX-License-Identifier: Apache-2.0 */
/* The thread and the counters of an output. */
#include "user/outputs/sink.h"

#include <stdatomic.h>
#include <string.h>

#define SINK_REASONS 8 /* that are said of one failure */

struct sink {
	struct output_config config;
	struct sink_env env;
	struct sink_kind kind;
	struct worker *worker;
	atomic_bool reopen, failing;
	atomic_uint_least64_t sent, lost, waiting; /* as in struct sink_stats */
	struct sink *before;	   /* of the thread: the output that it ends first; NULL: none */
	struct sink_stats carried; /* the counters of before that are in sent and lost */
	/* Of the sink's thread: the reasons that were said since the output failed. */
	uint64_t reason[SINK_REASONS];
	size_t n_reasons;
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
	*ret = (struct sink_stats){.sent = atomic_load(&s->sent),
				   .lost = atomic_load(&s->lost),
				   .waiting = atomic_load(&s->waiting),
				   .failing = atomic_load(&s->failing)};
}

const struct output_config *sink_config(const struct sink *s)
{
	return &s->config;
}

bool sink_is_drained(struct sink *s)
{
	struct worker_stats w;

	worker_stats(s->worker, &w);
	return w.bytes == 0 && atomic_load(&s->waiting) == 0;
}

void sink_count(struct sink *s, uint64_t sent, uint64_t lost)
{
	atomic_fetch_add(&s->sent, sent);
	atomic_fetch_add(&s->lost, lost);
}

void sink_set_waiting(struct sink *s, uint64_t waiting)
{
	atomic_store(&s->waiting, waiting);
}

/* A number that is the same for reasons that differ in their numbers alone, as in "after 3 ms". */
static uint64_t reason_key(const char *why)
{
	uint64_t key = 14695981039346656037ull;

	for (; *why; why++)
		if (*why < '0' || *why > '9')
			key = (key ^ (unsigned char)*why) * 1099511628211ull;
	return key;
}

/* Returns true for a reason that was not said yet since the output failed; bounded. */
static bool is_new_reason(struct sink *s, const char *why)
{
	uint64_t key = reason_key(why);

	for (size_t i = 0; i < s->n_reasons; i++)
		if (s->reason[i] == key)
			return false;
	if (s->n_reasons == SINK_REASONS)
		return false;
	s->reason[s->n_reasons++] = key;
	return true;
}

void sink_report(struct sink *s, const char *msg)
{
	char text[900];

	if (!s->env.report)
		return;
	snprintf(text, sizeof(text), "output %s: %.800s", s->config.name, msg);
	s->env.report(s->env.ctx, true, text);
}

void sink_set_failing(struct sink *s, const char *why)
{
	bool failing = why != NULL;
	bool changed = atomic_exchange(&s->failing, failing) != failing;
	char msg[700];

	if (changed)
		s->n_reasons = 0;
	if (!s->env.report || !(failing ? is_new_reason(s, why) : changed))
		return;
	if (failing)
		snprintf(msg, sizeof(msg), "output %s: %.500s", s->config.name, why);
	else
		snprintf(msg, sizeof(msg), "output %s: works again, %llu alerts lost so far",
			 s->config.name, (unsigned long long)atomic_load(&s->lost));
	s->env.report(s->env.ctx, failing, msg);
}

/* ---- the thread ---- */

/* Ends the output in whose place this one is, and takes over its counters. */
static void end_before(struct sink *s)
{
	struct sink_stats last;

	sink_end(s->before, &last);
	sink_count(s, last.sent - s->carried.sent, last.lost - s->carried.lost);
	sink_free(TAKE_PTR(s->before));
}

static unsigned on_items(void *ctx, struct worker_item *items)
{
	struct sink *s = ctx;
	const struct sink_item *first = (const struct sink_item *)items;

	if (s->before)
		end_before(s);
	if (!items && worker_is_stopping(s->worker))
		return 0;
	if (atomic_exchange(&s->reopen, false) && s->kind.reopen)
		s->kind.reopen(s->kind.impl);
	if (s->kind.handle)
		return s->kind.handle(s->kind.impl, first);
	for (const struct sink_item *i = first; i; i = sink_item_next(i)) {
		int r = s->kind.write(s->kind.impl, i->alert);

		sink_count(s, r == 0, r < 0);
		sink_set_failing(s, r < 0 ? strerror(-r) : NULL);
	}
	return 0;
}

static int open_kind(struct sink *s, const struct output_config *c, struct err *err)
{
	switch (c->type) {
	case OUTPUT_STDOUT:
	case OUTPUT_FILE:
		return sink_file_open(&s->kind, s, c, err);
	case OUTPUT_SYSLOG:
		sink_syslog_open(&s->kind);
		return 0;
	case OUTPUT_JOURNAL:
		return sink_journal_open(&s->kind, c, err);
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
	s->env = *env;
	if (output_config_copy(c, &s->config) < 0 || worker_new(&s->worker, &config) < 0)
		return err_oom(err);
	r = open_kind(s, &s->config, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

int sink_start(struct sink *s, struct sink *before, struct err *err)
{
	int r;

	s->before = before;
	if (before)
		sink_stats(before, &s->carried);
	sink_count(s, s->carried.sent, s->carried.lost);
	r = worker_start(s->worker);
	if (r == 0)
		return 0;
	s->before = NULL;
	return err_set(err, r, "cannot start a thread: %s", strerror(-r));
}

void sink_end(struct sink *s, struct sink_stats *ret)
{
	/* The thread uses s->worker until it has ended. */
	worker_free(s->worker);
	s->worker = NULL;
	sink_stats(s, ret);
}

void sink_free(struct sink *s)
{
	if (!s)
		return;
	worker_free(s->worker);
	if (s->kind.free)
		s->kind.free(s->kind.impl);
	output_config_done(&s->config);
	free(s);
}
