/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread between the rings and the disk: who handles the kernel's evidence puts events into a
 * bounded queue and never waits; the thread flattens them, hands them to the outputs, and stores
 * them in batches. What does not fit, and what the store cannot take, is counted exactly and said.
 */
#ifndef LUTRA_USER_PIPELINE_PIPELINE_H
#define LUTRA_USER_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/store/store.h"

#define WRITER_QUEUE_BYTES (32u << 20)

struct writer;

struct writer_config {
	const char *path; /* of the store */
	struct store_limits limits;
	/* All in the thread; NULL: not called. bad: something failed; else it is over. */
	void (*alert)(void *ctx, const struct alert *a);
	bool (*tick)(void *ctx); /* after some alerts, and each second while it returns true */
	void (*say)(void *ctx, bool bad, const char *msg);
	void *ctx;
};

struct writer_stats {
	uint64_t put;	     /* queued + lost_queue */
	uint64_t stored;     /* committed */
	uint64_t lost_queue; /* did not fit */
	uint64_t lost_store; /* the store could not take */
	uint64_t expired;    /* deleted by the limits */
	uint64_t store_bytes;
	uint64_t queue_bytes;
	bool open; /* the store is */
};

/*
 * Open the store and start. A store that cannot be opened is said, and tried again every half
 * minute; its events are lost meanwhile, not those of the outputs. -ENOMEM, -EAGAIN.
 */
int writer_new(struct writer **ret, const struct writer_config *config, struct err *err);
/* Writes what is queued, then ends. */
void writer_free(struct writer *w);
DEFINE_FREEP(struct writer, writer_free);

/* Queue a copy of the event. False: it did not fit. */
bool writer_put(struct writer *w, const struct event *e);
/* Wait until all that was put before has been written or lost. */
void writer_sync(struct writer *w);
void writer_stats(struct writer *w, struct writer_stats *ret);

#endif
