/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue and a thread between the kernel's rings and the store, the outputs and the
 * subscribers. Whoever puts an alert never waits. The thread flattens an alert once, prints its
 * JSON once if anybody wants it, and adds rows to the store in batches. What does not fit into the
 * queue, and what the store cannot take, is counted and reported; all other receivers get it.
 */
#ifndef LUTRA_USER_PIPELINE_PIPELINE_H
#define LUTRA_USER_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/alerts/alert_json.h"
#include "user/outputs/outputs.h"
#include "user/store/store.h"
#include "user/sys/rate_limit.h"

#define PIPELINE_QUEUE_BYTES (32u << 20)

struct pipeline;

struct pipeline_config {
	const char *store_path; /* NULL: no store */
	bool need_store;	/* fail if the store cannot be opened at once */
	struct store_limits limits;
	const struct outputs_config *outputs; /* borrowed; NULL: none */
	const char *state_dir;		      /* for the outputs' queues on disk */
	/* Reports a failure (bad) or its end, on any thread. NULL: not called. */
	void (*report)(void *ctx, bool bad, const char *msg);
	void *ctx;
};

struct pipeline_stats {
	uint64_t put;	     /* queued + lost_queue */
	uint64_t stored;     /* committed */
	uint64_t lost_queue; /* did not fit */
	uint64_t lost_store; /* the store could not take them */
	uint64_t expired;    /* deleted by the limits */
	uint64_t store_bytes;
	uint64_t queue_bytes;
	bool open; /* the store is open */
};

/*
 * Opens store and outputs and starts the thread. A store that cannot be opened is reported and
 * tried again every half minute, unless need_store is set. Errors as outputs_new(), store_new();
 * -ENOMEM, -EAGAIN.
 */
int pipeline_new(struct pipeline **ret, const struct pipeline_config *config, struct err *err);
/* Handles what is queued, then ends. Blocks meanwhile. Subscribers are not called. */
void pipeline_free(struct pipeline *p);
DEFINE_FREEP(struct pipeline, pipeline_free);

/* Queues an alert, which belongs to the pipeline from here on; NULL counts as lost. Does not block.
 * Returns false if the alert did not fit. */
bool pipeline_put(struct pipeline *p, struct alert *a);
/* Blocks until all alerts put before are stored or lost, and all outputs have handled them once. */
void pipeline_sync(struct pipeline *p);
void pipeline_stats(struct pipeline *p, struct pipeline_stats *ret);

/* Returns the outputs, of which only the counters and outputs_reopen() may be used. */
struct outputs *pipeline_outputs(const struct pipeline *p);
/*
 * Returns a store to read from, for the main thread; it belongs to the pipeline. Rows of the last
 * milliseconds may be missing. -EIO: the store is not open.
 */
int pipeline_reader(struct pipeline *p, struct store **ret, struct err *err);

/* ---- subscribers.c ---- */

/*
 * Gets printed alerts on the main thread while active is set. Nothing is printed for a subscriber
 * that is not active.
 */
struct pipeline_subscriber {
	/*
	 * Called from pipeline_dispatch(). folded: alerts before this one that it did not get, because
	 * of its limit or because it did not keep up. Keep a with alert_json_ref().
	 */
	void (*on_alert)(void *ctx, struct alert_json *a, uint64_t folded);
	void *ctx;
	struct throttle_rate rate; /* for alerts, and again for allowed events; 0: no limit */
	atomic_bool active;

	/* The pipeline's thread writes the rest. */
	struct throttle limits[2]; /* of allowed events, of alerts */
	bool chosen;		   /* it gets the present alert */
	uint64_t folded;	   /* for on_alert() */
	struct pipeline_subscriber *next;
};

/* Adds a subscriber, which must stay until pipeline_unsubscribe(). */
void pipeline_subscribe(struct pipeline *p, struct pipeline_subscriber *s);
void pipeline_unsubscribe(struct pipeline *p, struct pipeline_subscriber *s);
/* Returns a descriptor that is readable when pipeline_dispatch() has work. */
int pipeline_fd(const struct pipeline *p);
/* Calls the subscribers for the alerts printed since the last call. Main thread. Does not block. */
void pipeline_dispatch(struct pipeline *p);

#endif
