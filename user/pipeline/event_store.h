/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event store as the pipeline's thread keeps it: opened, begun anew when its file was removed or is
 * damaged, tried again when it cannot be opened. What happens is reported.
 */
#ifndef LUTRA_USER_PIPELINE_EVENT_STORE_H
#define LUTRA_USER_PIPELINE_EVENT_STORE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "user/store/store.h"

struct event_store {
	char *path;	     /* NULL: no store is kept */
	struct store *store; /* NULL: not open */
	uint64_t retry_ns;   /* CLOCK_MONOTONIC, when to try to open it again */
	uint64_t locked_ns;  /* CLOCK_MONOTONIC, of the last report that it is locked; 0: none */
	void (*report)(void *ctx, bool bad, const char *msg); /* NULL: not called */
	void *ctx;
	/* For any thread. */
	atomic_uint generation; /* raised with each opening: other connections open again */
	atomic_bool open;
	atomic_bool failing; /* the last write failed */
};

/*
 * Opens the store. A file that is damaged is renamed first, and a new one begins. Errors as
 * store_new().
 */
int event_store_open(struct event_store *e, struct err *err);

/*
 * To be called before a batch: closes a store whose file is gone or damaged, and opens it if it is not
 * open and was not tried in the last half minute. Returns true if e->store has changed.
 */
bool event_store_check(struct event_store *e);

/*
 * Opens a transaction. Waits while another program has the store locked and may_wait() returns true;
 * at most a minute. Errors as store_begin(); -EBUSY: it is still locked.
 */
int event_store_begin(struct event_store *e, bool (*may_wait)(void *ctx), void *ctx,
		      unsigned *ret_lost, struct err *err);

/* Writes something if the last write failed, to see whether the store takes rows again. */
void event_store_probe(struct event_store *e);

void event_store_done(struct event_store *e);

#endif
