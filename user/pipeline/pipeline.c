/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline. Owns two threads:
 *
 *   lutrad-events  takes alerts from the queue, sends them to outputs and subscribers, stores them
 *   lutrad-log     the checkpointer: moves the store's write-ahead log into its database
 *
 * In this file, "log" is the write-ahead log of the store, except in log_alert(). Alerts that fit
 * neither the queue nor the store are counted and reported.
 */
#include "user/pipeline/pipeline.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/list.h"
#include "lib/base/text.h"
#include "lutra/types.h"
#include "user/alerts/alert_text.h"
#include "user/alerts/ancestors.h"
#include "user/alerts/expected.h"
#include "user/alerts/process_details.h"
#include "user/alerts/updated_package.h"
#include "user/pipeline/changes.h"
#include "user/pipeline/event_store.h"
#include "user/pipeline/tracker.h"
#include "user/sys/clock.h"
#include "user/sys/log.h"
#include "user/sys/worker.h"

#define BATCH 2048			   /* alerts in a transaction */
#define RETRY_MS 30000			   /* between two tries to open the store */
#define LOOK_MS 5000			   /* between two looks whether its file is still there */
#define REPORT_NS (60 * NSEC_PER_SEC)	   /* between two reports of losses */
#define DISPLACED_NS (3600 * NSEC_PER_SEC) /* between two reports of a full store */
#define QUIET_NS NSEC_PER_SEC		   /* without losses: the store works again */
/* The store's limits are checked after so much time or so many new rows. */
#define RETAIN_MS 60000
#define RETAIN_EVENTS 4096
/* Of the write-ahead log: so much wakes the checkpointer. */
#define LOG_BYTES (16u << 20)
#define NSEC_PER_MSEC 1000000ull

struct pipeline {
	struct pipeline_config config;
	struct event_store events; /* its atomic members are for any thread */
	struct outputs *outputs;   /* NULL: none */
	struct subscribers *subscribers;
	struct maintenance *maintenance;
	struct changes *changes;
	struct worker *worker;
	struct pipeline_reader reader; /* the main thread's */

	struct worker *checkpointer; /* NULL: no store */
	struct pipeline_reader log;  /* the checkpointer's */
	atomic_bool log_is_long;     /* the checkpointer has work */

	/* Only the thread lutrad-events uses these, once it runs. */
	struct alert_fields fields;
	struct throttle ancestors, packages;
	struct throttle details;	 /* of processes that are read */
	struct expected_cache *expected; /* NULL: out of memory at the start */
	struct tracker *tracker;
	atomic_uint_least64_t max_age_ns,
		max_bytes; /* limits of the store: another thread sets them */
	uint64_t reported_ns, lost_ns, retained_ns; /* CLOCK_MONOTONIC; 0: never */
	uint64_t lost_queue;			    /* of the stats, at the last check */
	unsigned batch;				    /* rows of the open transaction */
	uint64_t displaced_ns;	 /* of the last report of a full store, CLOCK_MONOTONIC; 0: never */
	unsigned since_retained; /* rows since the limits were checked */
	bool failing;		 /* the store loses rows */

	/* For any thread, as in struct pipeline_stats. */
	uint64_t lost_kill; /* written before the threads start */
	atomic_uint_least64_t stored, lost_store, expired, displaced, store_bytes, incidents_open;
};

void pipeline_stats(struct pipeline *p, struct pipeline_stats *ret)
{
	struct worker_stats w;

	worker_stats(p->worker, &w);
	*ret = (struct pipeline_stats){.put = w.put,
				       .stored = atomic_load(&p->stored),
				       .lost_queue = w.dropped,
				       .lost_store = atomic_load(&p->lost_store),
				       .lost_kill = p->lost_kill,
				       .expired = atomic_load(&p->expired),
				       .displaced = atomic_load(&p->displaced),
				       .store_bytes = atomic_load(&p->store_bytes),
				       .queue_bytes = w.bytes,
				       .incidents = tracker_opened(p->tracker),
				       .incidents_open = atomic_load(&p->incidents_open),
				       .open = atomic_load(&p->events.open),
				       .failing = atomic_load(&p->events.failing)};
}

uint64_t pipeline_lost(const struct pipeline_stats *stats)
{
	return stats->lost_queue + stats->lost_store + stats->lost_kill;
}

/* ---- reports ---- */

static void pipeline_report(const struct pipeline *p, bool bad, const char *msg)
{
	if (p->config.env.report)
		p->config.env.report(p->config.env.ctx, bad, msg);
}

static uint64_t count_lost(struct pipeline *p)
{
	struct pipeline_stats s;

	pipeline_stats(p, &s);
	return s.lost_queue + s.lost_store;
}

/* Reports the first loss, then at most one a minute. */
static void report_lost(struct pipeline *p, const char *why)
{
	uint64_t now = clock_now_ns();
	char msg[600];

	p->failing = true;
	atomic_store(&p->events.failing, true);
	p->lost_ns = now;
	if (p->reported_ns && now - p->reported_ns < REPORT_NS)
		return;
	p->reported_ns = now;
	snprintf(msg, sizeof(msg),
		 "%llu events could not be stored so far: %.400s; containers stay guarded",
		 (unsigned long long)count_lost(p), why);
	pipeline_report(p, true, msg);
}

static void check_queue(struct pipeline *p)
{
	struct pipeline_stats s;

	pipeline_stats(p, &s);
	if (s.lost_queue != p->lost_queue)
		report_lost(p, "they come faster than the store can write them");
	p->lost_queue = s.lost_queue;
}

/* ---- numbers that outlive the process ---- */

static void settle_alerts(struct pipeline *p, uint64_t n)
{
	if (p->config.settled)
		__atomic_fetch_add(p->config.settled, n, __ATOMIC_SEQ_CST);
}

/* Counts what a process before had taken and not stored. A batch that it stored last may be among it. */
static void count_killed(struct pipeline *p)
{
	char msg[200];

	if (!p->config.taken || *p->config.taken <= *p->config.settled)
		return;
	p->lost_kill = *p->config.taken - *p->config.settled;
	*p->config.settled = *p->config.taken;
	snprintf(msg, sizeof(msg),
		 "lutrad was killed before it had stored up to %llu events: they are lost",
		 (unsigned long long)p->lost_kill);
	pipeline_report(p, true, msg);
}

/* ---- the store ---- */

static void count_open_incidents(struct pipeline *p)
{
	uint64_t n = 0;

	if (p->events.store && store_count_open(p->events.store, &n, NULL) == 0)
		atomic_store(&p->incidents_open, n);
}

/* Gives a store that was opened, or the lack of one, to those that use it. */
static int use_store(struct pipeline *p, struct err *err)
{
	int r = tracker_set_store(p->tracker, p->events.store, err);

	if (r == 0)
		count_open_incidents(p);
	return r;
}

/* A store that begins anew gets what is known of findings and incidents. */
static void check_store(struct pipeline *p)
{
	struct err err;

	if (!event_store_check(&p->events))
		return;
	tracker_lost(p->tracker);
	if (use_store(p, &err) < 0)
		pipeline_report(p, true, err.msg);
}

static bool may_wait(void *ctx)
{
	struct pipeline *p = ctx;
	struct worker_stats w;

	worker_stats(p->worker, &w);
	return w.bytes < PIPELINE_QUEUE_BYTES / 2 && !worker_is_stopping(p->worker);
}

static void count_failed(struct pipeline *p, unsigned n, const char *why)
{
	atomic_fetch_add(&p->lost_store, n);
	if (n)
		report_lost(p, why);
}

static void count_stored(struct pipeline *p, unsigned n)
{
	char msg[128];

	atomic_fetch_add(&p->stored, n);
	if (n)
		atomic_store(&p->events.failing, false);
	p->since_retained += n;
	if (!p->failing || n == 0 || clock_now_ns() - p->lost_ns < QUIET_NS)
		return;
	p->failing = false;
	snprintf(msg, sizeof(msg), "events are stored again; %llu were lost",
		 (unsigned long long)count_lost(p));
	pipeline_report(p, false, msg);
}

/*
 * Opens a connection to read, also where the store was opened again. Errors as store_new_reader().
 */
static int open_reader(struct pipeline *p, struct pipeline_reader *reader, struct err *err)
{
	unsigned now = atomic_load(&p->events.generation);

	if (reader->store && reader->generation != now)
		store_free(TAKE_PTR(reader->store));
	reader->generation = now;
	return reader->store ? 0 : store_new_reader(&reader->store, p->events.path, err);
}

/*
 * Runs in the checkpointer: moves the write-ahead log into the database, through a connection of
 * its own, so that lutrad-events does not wait for the disk. Errors are ignored: lutrad-events gets
 * the same errors and reports them.
 */
static unsigned on_checkpoint(void *ctx, struct worker_item *none)
{
	struct pipeline *p = ctx;

	(void)none;
	if (!atomic_exchange(&p->log_is_long, false))
		return 0;
	open_reader(p, &p->log, NULL);
	if (p->log.store)
		store_checkpoint(p->log.store, NULL);
	return 0;
}

static void wake_checkpointer(struct pipeline *p)
{
	atomic_store(&p->log_is_long, true);
	worker_wake(p->checkpointer);
}

static void add_row(struct pipeline *p)
{
	struct err err = {"the event store is not open"};
	unsigned n_lost = 1;

	if (p->events.store && event_store_begin(&p->events, may_wait, p, &n_lost, &err) == 0 &&
	    store_add(p->events.store, &p->fields, &n_lost, &err) == 0) {
		p->batch++;
		return;
	}
	p->batch = 0;
	tracker_lost(p->tracker);
	count_failed(p, n_lost, err.msg);
}

/*
 * Writes findings and incidents that changed. Rows of the transaction that a failure lost are
 * counted.
 */
static void write_tracked(struct pipeline *p)
{
	unsigned n_lost = 0;
	struct err err = {};

	if (tracker_write(p->tracker, &n_lost, &err) == 0)
		return;
	p->batch = 0;
	count_failed(p, n_lost, err.msg);
}

/* Carries out what the main thread wants changed. */
static void apply_changes(struct pipeline *p)
{
	struct change *all = changes_take(p->changes), *c;
	unsigned n_lost = 0;
	struct err err = {};

	while ((c = LIST_POP(all))) {
		int r = 0;

		if (c->is_finding)
			tracker_set_finding(p->tracker, c->finding, c->state, c->text, c->time_ns);
		else
			tracker_set_incident(p->tracker, c->incident, c->state, c->text);
		if (p->events.store)
			event_store_begin(&p->events, may_wait, p, &n_lost, &err);
		if (p->events.store)
			r = c->is_finding
				    ? store_set_finding_state(p->events.store, c->finding, c->state,
							      c->text, &n_lost, &err)
				    : store_set_incident(p->events.store, c->incident, c->state,
							 c->text, &n_lost, &err);
		if (r < 0)
			pipeline_report(p, true, err.msg);
		change_free(c);
	}
}

static void commit_batch(struct pipeline *p)
{
	unsigned n = p->batch, n_lost = 0;
	struct err err = {};

	p->batch = 0;
	if (!p->events.store)
		return;
	if (store_commit(p->events.store, &n_lost, &err) < 0) {
		tracker_lost(p->tracker);
		count_failed(p, n_lost, err.msg);
	} else {
		count_stored(p, n);
	}
	if (store_log_bytes(p->events.store) > LOG_BYTES)
		wake_checkpointer(p);
}

/* Says that a full store loses events, and of which container most: at first, then once an hour. */
static void report_displaced(struct pipeline *p, const struct store_retained *r)
{
	uint64_t now = clock_now_ns(), all = atomic_fetch_add(&p->displaced, r->displaced);
	unsigned long long total = all + r->displaced;
	char msg[600];

	if (!r->displaced || (p->displaced_ns && now - p->displaced_ns < DISPLACED_NS))
		return;
	p->displaced_ns = now;
	snprintf(msg, sizeof(msg),
		 "the event store is full (store.max_mib): %llu events were deleted so far; "
		 "container %.255s has the most and lost %llu of the last %llu",
		 total, *r->container ? r->container : "without a name",
		 (unsigned long long)r->of_container, (unsigned long long)r->displaced);
	pipeline_report(p, true, msg);
}

/*
 * Deletes rows if the store is over its limits of age or size. Does nothing until RETAIN_MS have
 * passed or RETAIN_EVENTS rows were added. No transaction may be open.
 */
static void retain_rows(struct pipeline *p)
{
	const struct store_limits limits = {.max_age_ns = atomic_load(&p->max_age_ns),
					    .max_bytes = atomic_load(&p->max_bytes)};
	uint64_t now = clock_now_ns(), bytes = 0;
	struct store_retained retained;
	struct err err = {};

	if (!p->events.store ||
	    (p->since_retained < RETAIN_EVENTS && now - p->retained_ns < RETAIN_MS * NSEC_PER_MSEC))
		return;
	p->retained_ns = now;
	p->since_retained = 0;
	if (store_retain(p->events.store, &limits, clock_realtime_ns(), &retained, &err) < 0)
		pipeline_report(p, true, err.msg);
	report_displaced(p, &retained);
	store_bytes(p->events.store, &bytes, &err);
	atomic_fetch_add(&p->expired, retained.expired + retained.displaced);
	atomic_store(&p->store_bytes, bytes);
}

/* ---- the thread ---- */

/* Writes an alert to lutrad's log. folded: how many alerts before it were not logged. */
static void log_alert(const struct alert_fields *f, uint64_t folded)
{
	char sentence[ALERT_TEXT], before[64] = "";

	if (folded)
		snprintf(before, sizeof(before), " (and %llu earlier alerts, not logged)",
			 (unsigned long long)folded);
	alert_sentence(f, sentence);
	log_warning("%s%s", sentence, before);
}

/* Sends an alert to the outputs of all events and to the subscribers. */
static void send_alert(struct pipeline *p, bool allowed, bool is_first_of_kind)
{
	bool to_outputs = p->outputs && outputs_want_event(p->outputs, &p->fields);
	bool to_subscribers = subscribers_choose(p->subscribers, allowed, false, is_first_of_kind);
	_cleanup_(alert_json_unrefp) struct alert_json *json =
		to_outputs || to_subscribers ? alert_json_new(&p->fields, 0) : NULL;

	if (json && to_outputs)
		outputs_put_event(p->outputs, json);
	if (json && to_subscribers)
		subscribers_put(p->subscribers, json);
}

static void handle_alert(struct pipeline *p, const struct alert *a)
{
	char ancestors[ANCESTORS_TEXT], package[UPDATED_PACKAGE_TEXT];
	_cleanup_free_ char *expected = NULL;
	struct tracked tracked;

	alert_fields_set(&p->fields, a, expected_policy(p->expected, a));
	alert_fields_put(&p->fields, ALERT_PACKAGE,
			 updated_package_describe(&p->packages, &a->evidence, a->evidence.str,
						  a->evidence.str_len, package));
	alert_fields_put(&p->fields, ALERT_ANCESTORS,
			 ancestors_describe(&p->ancestors, &a->evidence, ancestors));
	process_details_put(&p->details, &a->evidence, &p->fields);
	tracked = tracker_add(p->tracker, &p->fields);
	if (a->logged && (tracked.told || a->log_folded))
		log_alert(&p->fields, a->log_folded);
	if (!tracked.keep)
		return;
	send_alert(p, a->evidence.verdict == LUTRA_VERDICT_ALLOW, a->first_of_kind);
	if (p->events.path) {
		expected = expected_describe(p->expected, a);
		alert_fields_put_json(&p->fields, ALERT_EXPECTED, expected);
		add_row(p);
	}
	if (tracker_is_full(p->tracker))
		write_tracked(p);
}

/* Handles a batch of alerts and commits it. Returns in how many ms to call again without alerts. */
static unsigned on_items(void *ctx, struct worker_item *items)
{
	struct pipeline *p = ctx;
	uint64_t n = 0;
	bool waits;

	check_store(p);
	/* What a person changed comes before alerts that were put later. */
	apply_changes(p);
	commit_batch(p);
	for (const struct worker_item *i = items; i; i = i->next, n++)
		handle_alert(p, (const struct alert *)i);
	write_tracked(p);
	commit_batch(p);
	settle_alerts(p, n);
	waits = tracker_send(p->tracker, p->outputs, p->subscribers);
	check_queue(p);
	retain_rows(p);
	event_store_probe(&p->events);
	count_open_incidents(p);
	if ((p->outputs && outputs_tick(p->outputs)) || waits || atomic_load(&p->events.failing))
		return 1000;
	if (p->events.store)
		return LOOK_MS;
	return RETRY_MS;
}

/* ---- the main thread ---- */

static void set_store_limits(struct pipeline *p, const struct store_limits *limits)
{
	atomic_store(&p->max_age_ns, limits->max_age_ns);
	atomic_store(&p->max_bytes, limits->max_bytes);
}

int pipeline_set_config(struct pipeline *p, const struct outputs_config *outputs,
			const struct store_limits *limits, struct err *err)
{
	int r = outputs_set(p->outputs, outputs, err);

	set_store_limits(p, limits);
	/* Outputs that were removed are ended by the pipeline's thread. */
	worker_wake(p->worker);
	return r;
}

static int start_threads(struct pipeline *p, struct err *err)
{
	const struct worker_config log = {
		.name = "lutrad-log", .on_items = on_checkpoint, .ctx = p};
	int r = p->events.path ? worker_new(&p->checkpointer, &log) : 0;

	if (r == 0 && p->checkpointer)
		r = worker_start(p->checkpointer);
	if (r == 0)
		r = worker_start(p->worker);
	return r < 0 ? err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

/* A list that is damaged is reported, and begins anew. */
static int open_maintenance(struct pipeline *p, struct err *err)
{
	int r = maintenance_new(&p->maintenance, p->config.maintenance_path, err);

	if (r != -EBADMSG)
		return r;
	pipeline_report(p, true, err->msg);
	return 0;
}

int pipeline_new(struct pipeline **ret, const struct pipeline_config *config, struct err *err)
{
	_cleanup_(pipeline_freep) struct pipeline *p = calloc(1, sizeof(*p));
	const struct worker_config worker = {.name = "lutrad-events",
					     .max_bytes = PIPELINE_QUEUE_BYTES,
					     .reserve_bytes = PIPELINE_RESERVE_BYTES,
					     .max_items = BATCH,
					     .on_items = on_items,
					     .ctx = p};
	int r = 0;

	if (!p)
		return err_oom(err);
	p->config = *config;
	set_store_limits(p, &config->limits);
	p->expected = expected_cache_new();
	p->events.path = config->store_path ? strdup(config->store_path) : NULL;
	p->events.report = config->env.report;
	p->events.ctx = config->env.ctx;
	if ((config->store_path && !p->events.path) || subscribers_new(&p->subscribers) < 0 ||
	    worker_new(&p->worker, &worker) < 0 || changes_new(&p->changes) < 0)
		return err_oom(err);
	count_killed(p);
	r = open_maintenance(p, err);
	if (r == 0 && tracker_new(&p->tracker, p->maintenance, config->log_incidents) < 0)
		r = err_oom(err);
	if (r < 0)
		return r;
	if (config->outputs)
		r = outputs_new(&p->outputs, config->outputs, &config->env, err);
	if (r == 0 && config->need_store)
		r = event_store_open(&p->events, err);
	if (r == 0 && config->need_store)
		r = use_store(p, err);
	else if (r == 0)
		check_store(p);
	if (r == 0)
		r = start_threads(p, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	/* lutrad-events ends first: it uses all that is freed below. */
	worker_free(p->worker);
	outputs_free(p->outputs);
	worker_free(p->checkpointer);
	store_free(p->log.store);
	store_free(p->reader.store);
	event_store_done(&p->events);
	subscribers_free(p->subscribers);
	expected_cache_free(p->expected);
	tracker_free(p->tracker);
	changes_free(p->changes);
	maintenance_free(p->maintenance);
	free(p);
}

bool pipeline_put(struct pipeline *p, struct alert *a)
{
	bool fits;

	if (p->config.taken)
		__atomic_fetch_add(p->config.taken, 1, __ATOMIC_SEQ_CST);
	fits = worker_put(p->worker, a ? &a->item : NULL);
	if (!fits)
		settle_alerts(p, 1);
	return fits;
}

void pipeline_sync(struct pipeline *p)
{
	worker_sync(p->worker);
	if (p->outputs)
		outputs_sync(p->outputs);
}

struct outputs *pipeline_outputs(const struct pipeline *p)
{
	return p->outputs;
}

int pipeline_reader_open(struct pipeline *p, struct pipeline_reader *r, struct err *err)
{
	if (!atomic_load(&p->events.open))
		return err_set(err, -EIO, "the event store is not open: see the log of lutrad");
	return open_reader(p, r, err);
}

void pipeline_reader_close(struct pipeline_reader *r)
{
	store_free(TAKE_PTR(r->store));
}

int pipeline_reader(struct pipeline *p, struct store **ret, struct err *err)
{
	int r = pipeline_reader_open(p, &p->reader, err);

	if (r == 0)
		*ret = p->reader.store;
	return r;
}

struct subscribers *pipeline_subscribers(const struct pipeline *p)
{
	return p->subscribers;
}

struct maintenance *pipeline_maintenance(const struct pipeline *p)
{
	return p->maintenance;
}

int pipeline_set_incident(struct pipeline *p, uint64_t id, const char *state, const char *note)
{
	const struct change c = {.incident = id};
	int r = changes_put(p->changes, &c, state, note);

	if (r == 0)
		worker_wake(p->worker);
	return r;
}

int pipeline_set_finding(struct pipeline *p, const char *id, const char *state,
			 const char *accepted)
{
	struct change c = {.is_finding = true, .time_ns = clock_realtime_ns()};
	int r;

	text_copy(c.finding, sizeof(c.finding), id);
	r = changes_put(p->changes, &c, state, accepted);
	if (r == 0)
		worker_wake(p->worker);
	return r;
}
