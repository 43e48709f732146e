/* SPDX-License-Identifier: Apache-2.0 */
/* The way of printed alerts from the pipeline's thread to subscribers on the main thread. */
#ifndef LUTRA_USER_PIPELINE_SUBSCRIBERS_H
#define LUTRA_USER_PIPELINE_SUBSCRIBERS_H

#include "user/alerts/alert_json.h"
#include "user/sys/rate_limit.h"

struct subscribers;

/*
 * Gets printed alerts on the main thread while active is set. Nothing is printed for a subscriber
 * that is not active.
 */
struct subscriber {
	/*
	 * Called from subscribers_dispatch(). folded: alerts before this one that it did not get,
	 * because of its limit or because it did not keep up. Keep a with alert_json_ref().
	 */
	void (*on_alert)(void *ctx, struct alert_json *a, uint64_t folded);
	void *ctx;
	struct throttle_rate rate; /* for alerts, and again for allowed events; 0: no limit */
	atomic_bool active;
	bool incidents; /* it gets incidents too: struct alert_json.is_incident */

	/* The pipeline's thread writes the rest. */
	struct throttle limits[2]; /* of allowed events, of alerts */
	bool chosen;		   /* it gets the present alert */
	uint64_t folded;	   /* for on_alert() */
	struct subscriber *next;
};

/* Returns 0, -ENOMEM, or -errno as eventfd(2). */
int subscribers_new(struct subscribers **ret);
void subscribers_free(struct subscribers *all);

/* Adds a subscriber, which must stay until subscribers_remove(). */
void subscribers_add(struct subscribers *all, struct subscriber *s);
void subscribers_remove(struct subscribers *all, struct subscriber *s);
/* Returns a descriptor that is readable when subscribers_dispatch() has work. */
int subscribers_fd(const struct subscribers *all);
/*
 * Calls the subscribers for alerts that were printed, up to 256 deliveries. Returns true if more
 * wait; the descriptor stays readable then. Main thread. Does not block.
 */
bool subscribers_dispatch(struct subscribers *all);

/*
 * Pipeline's thread: chooses the active subscribers whose limit an alert passes. Returns true if
 * there are any; then the alert has to be printed and put. allowed: the verdict is allow. is_incident: it
 * is an incident, which only some want. No limit holds back incidents and the first alert of a kind.
 */
bool subscribers_choose(struct subscribers *all, bool allowed, bool is_incident,
			bool is_first_of_kind);
/* Pipeline's thread: queues an alert for the subscribers that were chosen. Does not block. */
void subscribers_put(struct subscribers *all, struct alert_json *a);

#endif
