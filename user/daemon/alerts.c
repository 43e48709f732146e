/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of events in lutrad. */
#include "user/daemon/alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/clock.h"
#include "user/daemon/daemon.h"
#include "user/events/output_json.h"

#define SAY_NS 60000000000ull

struct alerts {
	struct writer *writer;
	struct store *reader; /* NULL: not yet */
	char *path;
	/* Of the writer's thread: */
	struct output_json *json;
	uint64_t json_failed;
	uint64_t said_ns;
};

/* ---- in the writer's thread ---- */

static void say(void *ctx, bool bad, const char *msg)
{
	daemon_log(ctx, bad ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", msg);
}

static void on_alert(void *ctx, const struct alert *a)
{
	struct daemon *d = ctx;
	struct alerts *all = d->alerts;
	json_auto_t *j = NULL;
	uint64_t now;
	int r;

	if (!all->json)
		return;
	j = alert_json(a);
	r = j ? output_json_write(all->json, j) : -ENOMEM;
	if (r == 0)
		return;
	all->json_failed++;
	now = clock_now_ns();
	if (all->said_ns && now - all->said_ns < SAY_NS)
		return;
	all->said_ns = now;
	daemon_log(d, LOG_LEVEL_ERROR, "%s: %llu alerts could not be written so far: %s",
		   d->config->events_jsonl, (unsigned long long)all->json_failed, strerror(-r));
}

/* ---- in the daemon's ---- */

int alerts_open(struct daemon *d, struct err *err)
{
	struct alerts *all = calloc(1, sizeof(*all));
	struct writer_config w = {
		.limits = {.max_age_ns = d->config->store_max_age_days * 86400000000000ull,
			   .max_bytes = d->config->store_max_mib << 20},
		.alert = on_alert,
		.say = say,
		.ctx = d};
	int r = 0;

	d->alerts = all;
	if (!all || asprintf(&all->path, "%s/events.db", d->config->state_dir) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	mkdir(d->config->state_dir, 0700);
	if (d->config->events_jsonl)
		r = output_json_new(&all->json, d->config->events_jsonl, err);
	w.path = all->path;
	return r < 0 ? r : writer_new(&all->writer, &w, err);
}

void alerts_close(struct daemon *d)
{
	struct alerts *all = d->alerts;

	if (!all)
		return;
	writer_free(all->writer);
	store_free(all->reader);
	output_json_free(all->json);
	free(all->path);
	free(all);
	d->alerts = NULL;
}

void alerts_put(struct daemon *d, const struct event *e)
{
	writer_put(d->alerts->writer, e);
	control_publish(d, e);
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
