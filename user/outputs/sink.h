/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One output: a thread with a bounded queue, so that an output that hangs delays no other. Alerts
 * that do not fit are counted as lost.
 */
#ifndef LUTRA_USER_OUTPUTS_SINK_H
#define LUTRA_USER_OUTPUTS_SINK_H

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/alerts/alert_json.h"
#include "user/config/config_outputs.h"
#include "user/sys/worker.h"

#define SINK_QUEUE_BYTES (16u << 20)

/* A queued alert. */
struct sink_item {
	struct worker_item item;
	struct alert_json *alert; /* a reference */
};

/* The item after i; NULL: none. */
static inline struct sink_item *sink_item_next(const struct sink_item *i)
{
	return (struct sink_item *)i->item.next;
}

struct sink_stats {
	uint64_t sent;
	uint64_t lost;	  /* did not fit, could not be written, or was refused for good */
	uint64_t waiting; /* on disk */
	bool failing;
};

struct sink;

/*
 * One kind of output: either write or handle is set. All functions run on the sink's thread, free()
 * after its end.
 */
struct sink_kind {
	void *impl;
	void (*free)(void *impl);
	/* Sends one alert, which the sink counts. Returns 0 or -errno. */
	int (*write)(void *impl, const struct alert_json *a);
	/*
	 * Handles the alerts, oldest first, and counts them with sink_count(). items may be NULL,
	 * and stay the caller's. Returns in how many ms it wants to be called without alerts; 0:
	 * it does not.
	 */
	unsigned (*handle)(void *impl, const struct sink_item *items);
	void (*reopen)(void *impl); /* NULL: there is no file to reopen */
};

struct sink_env {
	const char *state_dir; /* for queues on disk */
	/* Reports a failure (bad) or its end, on any thread. NULL: not called. */
	void (*report)(void *ctx, bool bad, const char *msg);
	void *ctx;
};

/*
 * Opens an output by a copy of c. sink_put() already queues alerts. Errors as open(2) and
 * socket(2); -EIO of SQLite.
 */
int sink_new(struct sink **ret, const struct output_config *c, const struct sink_env *env,
	     struct err *err);
/*
 * Starts the thread. before: the output in whose place this one is, or NULL. Its alerts come first,
 * its counters go on, and the thread frees it. -EAGAIN: there is no thread; before stays the
 * caller's.
 */
int sink_start(struct sink *s, struct sink *before, struct err *err);
/* Handles what is queued once, then ends the thread. Blocks meanwhile. Reads the last counters. */
void sink_end(struct sink *s, struct sink_stats *ret);
/* Ends the thread as sink_end(), and frees the output. */
void sink_free(struct sink *s);
DEFINE_FREEP(struct sink, sink_free);

/* Queues an alert with a reference of its own. Does not block. Returns false if it is lost. */
bool sink_put(struct sink *s, struct alert_json *a);
/* Blocks until all alerts put before have been handled once. */
void sink_sync(struct sink *s);
/* Requests that the file is opened again. Does not block. */
void sink_reopen(struct sink *s);
void sink_stats(struct sink *s, struct sink_stats *ret);
const struct output_config *sink_config(const struct sink *s);
/* Returns true if no alert waits, in memory or on disk. */
bool sink_is_drained(struct sink *s);

/* ---- for the kinds ---- */

/* Adds to the counters. */
void sink_count(struct sink *s, uint64_t sent, uint64_t lost);
/* Sets how many alerts wait on disk. */
void sink_set_waiting(struct sink *s, uint64_t waiting);
/* Returns true once sink_free() was called. */
bool sink_is_stopping(struct sink *s);
/*
 * Sets why the output fails, NULL: it works. A change between the two is reported, and so is each
 * of the first reasons of a failure. Called on the sink's thread.
 */
void sink_set_failing(struct sink *s, const char *why);
/* Reports something that happened to the output. */
void sink_report(struct sink *s, const char *msg);

/* They open one kind and fill in *ret. They borrow s and c. Errors as sink_new(). */
int sink_file_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   struct err *err);
void sink_syslog_open(struct sink_kind *ret);
int sink_journal_open(struct sink_kind *ret, const struct output_config *c, struct err *err);
int sink_http_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   const char *state_dir, struct err *err);

#endif
