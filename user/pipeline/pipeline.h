/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue and a thread between the kernel's rings and the store, the outputs and the
 * subscribers. Whoever puts an alert never waits. The thread flattens an alert once, puts it to its
 * finding and incident (tracker.h), prints its JSON once if anybody wants it, and adds rows to the
 * store in batches. What does not fit into the queue, and what the store cannot take, is counted
 * and reported; all other receivers get it.
 */
#ifndef LUTRA_USER_PIPELINE_PIPELINE_H
#define LUTRA_USER_PIPELINE_PIPELINE_H

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/outputs/outputs.h"
#include "user/pipeline/maintenance.h"
#include "user/pipeline/subscribers.h"
#include "user/store/store.h"

#define PIPELINE_QUEUE_BYTES (32u << 20)
#define PIPELINE_RESERVE_BYTES (4u << 20) /* beside it, for the first alert of each kind */

struct pipeline;

struct pipeline_config {
	const char *store_path; /* NULL: no store */
	bool log_incidents;	/* write them to the log */
	bool need_store;	/* fail if the store cannot be opened at once */
	/*
	 * How many alerts were put, and how many of these are stored or counted as lost, where numbers
	 * outlive the process; borrowed. NULL: nothing does.
	 */
	uint64_t *taken, *settled;
	const char *maintenance_path; /* file of the maintenances; NULL: they are not saved */
	struct store_limits limits;
	const struct outputs_config *outputs; /* copied; NULL: none */
	struct sink_env env; /* of the outputs; its report() is the pipeline's, too */
};

struct pipeline_stats {
	uint64_t put;	     /* queued + lost_queue */
	uint64_t stored;     /* committed */
	uint64_t lost_queue; /* did not fit */
	uint64_t lost_store; /* the store could not take them */
	uint64_t
		lost_kill; /* of a process before, which was killed before it had stored them; at most */
	uint64_t expired;   /* deleted by the limits */
	uint64_t displaced; /* of these, deleted because the store was full */
	uint64_t store_bytes;
	uint64_t queue_bytes;
	uint64_t incidents;	 /* that began */
	uint64_t incidents_open; /* in the store */
	bool open;		 /* the store is open */
	bool failing;		 /* the last write to it failed, or an event found no room */
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
/* Returns how many alerts are lost, wherever. */
uint64_t pipeline_lost(const struct pipeline_stats *stats);

/*
 * Takes other outputs, as outputs_set(), and limits of the store from here on. After an error the
 * outputs are as they were; the limits are set in each case.
 */
int pipeline_set_config(struct pipeline *p, const struct outputs_config *outputs,
			const struct store_limits *limits, struct err *err);
/* Returns the outputs, of which only the counters and outputs_reopen() may be used. */
struct outputs *pipeline_outputs(const struct pipeline *p);
/* A connection to read from, for one thread. Begins as {}. */
struct pipeline_reader {
	struct store *store; /* NULL: not open yet */
	unsigned generation; /* of the store's file, when it was opened */
};

/* Opens a connection, anew where the store's file was replaced. -EIO: the store is not open. */
int pipeline_reader_open(struct pipeline *p, struct pipeline_reader *r, struct err *err);
void pipeline_reader_close(struct pipeline_reader *r);
/*
 * Returns a store to read from, for the main thread; it belongs to the pipeline. Rows of the last
 * milliseconds may be missing. -EIO: the store is not open.
 */
int pipeline_reader(struct pipeline *p, struct store **ret, struct err *err);
/*
 * Changes an incident: its state ("open", "closed"; NULL: it stays) and its note (NULL: it stays).
 * It is done by the pipeline's thread, soon. -EBUSY: too many changes wait. -ENOMEM.
 */
int pipeline_set_incident(struct pipeline *p, uint64_t id, const char *state, const char *note);
/* Changes state and accepted (NULL: none) of a finding, as pipeline_set_incident(). */
int pipeline_set_finding(struct pipeline *p, const char *id, const char *state,
			 const char *accepted);
/* Returns the images under maintenance. */
struct maintenance *pipeline_maintenance(const struct pipeline *p);

/* Returns the receivers of printed alerts on the main thread. */
struct subscribers *pipeline_subscribers(const struct pipeline *p);

#endif
