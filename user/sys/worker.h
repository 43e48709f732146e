/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread with a bounded queue. Whoever puts an item never waits: what does not fit is counted and
 * dropped. The thread takes the items in the order in which they were put.
 */
#ifndef LUTRA_USER_SYS_WORKER_H
#define LUTRA_USER_SYS_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

struct worker;

/* First member of what is queued. */
struct worker_item {
	struct worker_item *next; /* the worker's; to be followed in on_items() */
	size_t bytes;		  /* that it counts for in the queue; set by the caller */
	bool reserved;		  /* it may use reserve_bytes; set by the caller */
};

struct worker_config {
	const char *name;     /* of the thread, up to 15 bytes; a constant */
	size_t max_bytes;     /* of the items that wait or are being handled */
	size_t reserve_bytes; /* beyond max_bytes, for items that are marked so */
	size_t max_items;     /* handed over at a time; 0: all that wait */
	int nice;	      /* of the thread, as of setpriority(2); 0: as the process */
	/*
	 * Handles items in the thread, oldest first; the worker frees them afterwards. items is
	 * NULL after worker_wake(), after the time that was asked for, and for the last call.
	 * Returns in how many ms it wants to be called without items; 0: it does not.
	 */
	unsigned (*on_items)(void *ctx, struct worker_item *items);
	void (*free_item)(struct worker_item *i); /* NULL: free() */
	void *ctx;
};

struct worker_stats {
	uint64_t put;	  /* calls of worker_put() */
	uint64_t dropped; /* of these, what did not fit */
	size_t bytes;	  /* that wait or are being handled */
};

/* Makes a worker that does not run yet. Returns 0 or -ENOMEM. */
int worker_new(struct worker **ret, const struct worker_config *config);
/* Starts the thread, which calls on_items() once at once. Returns 0 or -errno. */
int worker_start(struct worker *w);
/*
 * Has the thread handle what is queued, then call on_items() once more without items, and waits
 * until it has ended. A worker that was never started drops what is queued.
 */
void worker_free(struct worker *w);
DEFINE_FREEP(struct worker, worker_free);

/*
 * Queues an item, which is the worker's from here on. Returns false if the item did not fit (NULL
 * never does): then it is counted as dropped, and freed. Does not wait.
 */
bool worker_put(struct worker *w, struct worker_item *i);
/* Has on_items() called soon, with or without items. Does not wait. */
void worker_wake(struct worker *w);
/* Waits until all that was put before has been handled. */
void worker_sync(struct worker *w);
/* Returns true once worker_free() was called. */
bool worker_is_stopping(struct worker *w);
void worker_stats(struct worker *w, struct worker_stats *ret);

#endif
