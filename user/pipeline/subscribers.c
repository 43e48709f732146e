/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of events in lutrad. */
#include "user/pipeline/subscribers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "user/api/stream.h"
#include "user/daemon/daemon.h"

struct alerts {
	struct writer *writer;
	struct outputs *outputs;
	struct store *reader; /* NULL: not yet */
	char *path;
};

/* ---- in threads ---- */

static void say(void *ctx, bool bad, const char *msg)
{
	daemon_log(ctx, bad ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", msg);
}

static void on_alert(void *ctx, const struct alert *a)
{
	struct daemon *d = ctx;

	outputs_put(d->alerts->outputs, a);
}

static bool on_tick(void *ctx)
{
	struct daemon *d = ctx;

	return outputs_tick(d->alerts->outputs);
}

/* ---- in the daemon's ---- */

int alerts_open(struct daemon *d, struct err *err)
{
	const struct sink_env env = {.state_dir = d->config->state_dir, .say = say, .ctx = d};
	struct alerts *all = calloc(1, sizeof(*all));
	struct writer_config w = {
		.limits = {.max_age_ns = d->config->store_max_age_days * 86400 * NSEC_PER_SEC,
			   .max_bytes = d->config->store_max_mib << 20},
		.alert = on_alert,
		.tick = on_tick,
		.say = say,
		.ctx = d};
	int r;

	d->alerts = all;
	if (!all || asprintf(&all->path, "%s/events.db", d->config->state_dir) < 0)
		return err_oom(err);
	mkdir(d->config->state_dir, 0700);
	w.path = all->path;
	r = outputs_new(&all->outputs, &d->config->outputs, &env, err);
	return r < 0 ? r : writer_new(&all->writer, &w, err);
}

void alerts_close(struct daemon *d)
{
	struct alerts *all = d->alerts;

	if (!all)
		return;
	writer_free(all->writer);
	outputs_free(all->outputs);
	store_free(all->reader);
	free(all->path);
	free(all);
	d->alerts = NULL;
}

void alerts_reopen(struct daemon *d)
{
	outputs_reopen(d->alerts->outputs);
}

struct outputs *alerts_outputs(const struct daemon *d)
{
	return d->alerts->outputs;
}

json_t *alerts_json(const struct daemon *d)
{
	struct outputs *o = d->alerts->outputs;
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

void alerts_put(struct daemon *d, const struct event *e)
{
	writer_put(d->alerts->writer, e);
	control_publish(d, e);
	stream_publish(d, e);
}

void alerts_stats(const struct daemon *d, struct writer_stats *ret)
{
	writer_stats(d->alerts->writer, ret);
}

int alerts_store(struct daemon *d, struct store **ret, struct err *err)
{
	struct alerts *all = d->alerts;
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
