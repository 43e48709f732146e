/* SPDX-License-Identifier: Apache-2.0 */
/* Where an alert goes: into the queue for store and outputs, and to the subscribers. */
#include "user/pipeline/subscribers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/list.h"
#include "user/sys/log.h"

struct alerts {
	struct writer *writer;
	struct outputs *outputs;
	struct store *reader; /* NULL: not yet */
	char *path;
	struct alerts_subscriber *subscribers;
};

/* ---- in the threads of store and outputs ---- */

static void log_result(void *ctx, bool bad, const char *msg)
{
	(void)ctx;
	log_line(bad ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", msg);
}

static void on_alert(void *ctx, const struct alert *a)
{
	struct alerts *all = ctx;

	outputs_put(all->outputs, a);
}

static bool on_tick(void *ctx)
{
	struct alerts *all = ctx;

	return outputs_tick(all->outputs);
}

/* ---- on the main loop ---- */

int alerts_open(struct alerts **ret, const struct alerts_config *config, struct err *err)
{
	const struct sink_env env = {.state_dir = config->state_dir, .say = log_result};
	struct alerts *all = calloc(1, sizeof(*all));
	struct writer_config w = {.limits = config->limits,
				  .alert = on_alert,
				  .tick = on_tick,
				  .say = log_result,
				  .ctx = all};
	int r;

	if (!all || asprintf(&all->path, "%s/events.db", config->state_dir) < 0) {
		free(all);
		return err_oom(err);
	}
	mkdir(config->state_dir, 0700);
	w.path = all->path;
	r = outputs_new(&all->outputs, config->outputs, &env, err);
	if (r == 0)
		r = writer_new(&all->writer, &w, err);
	if (r < 0) {
		alerts_close(all);
		return r;
	}
	*ret = all;
	return 0;
}

void alerts_close(struct alerts *all)
{
	if (!all)
		return;
	writer_free(all->writer);
	outputs_free(all->outputs);
	store_free(all->reader);
	free(all->path);
	free(all);
}

void alerts_subscribe(struct alerts *all, struct alerts_subscriber *s)
{
	LIST_PUSH(all->subscribers, s);
}

void alerts_put(struct alerts *all, const struct event *e)
{
	writer_put(all->writer, e);
	for (struct alerts_subscriber *s = all->subscribers; s; s = s->next)
		s->on_event(s->ctx, e);
}

void alerts_reopen(struct alerts *all)
{
	outputs_reopen(all->outputs);
}

struct outputs *alerts_outputs(const struct alerts *all)
{
	return all->outputs;
}

json_t *alerts_outputs_to_json(void *alerts)
{
	struct alerts *all = alerts;
	struct outputs *o = all->outputs;
	json_t *list = json_array();

	for (size_t i = 0; i < outputs_count(o); i++) {
		struct sink_stats s;
		const char *name = outputs_stats(o, i, &s);

		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:b}", "name", name,
						      "sent", (json_int_t)s.sent, "lost",
						      (json_int_t)s.lost, "waiting",
						      (json_int_t)s.waiting, "failing", s.failing));
	}
	return list;
}

void alerts_stats(const struct alerts *all, struct writer_stats *ret)
{
	writer_stats(all->writer, ret);
}

int alerts_store(struct alerts *all, struct store **ret, struct err *err)
{
	struct writer_stats stats;
	int r = 0;

	writer_stats(all->writer, &stats);
	if (!stats.open)
		return err_set(err, -EIO, "the event store is not open; see lutrad's messages");
	if (!all->reader)
		r = store_new_reader(&all->reader, all->path, err);
	if (r == 0)
		*ret = all->reader;
	return r;
}
