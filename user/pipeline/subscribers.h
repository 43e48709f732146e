/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of events in lutrad: the store, the outputs, those who follow. */
#ifndef LUTRA_USER_PIPELINE_SUBSCRIBERS_H
#define LUTRA_USER_PIPELINE_SUBSCRIBERS_H

#include <jansson.h>

#include "lib/base/err.h"
#include "user/store/store.h"
#include "user/pipeline/pipeline.h"
#include "user/outputs/outputs.h"

struct alerts;

/* A function that gets every alert, on the main loop. */
struct alerts_subscriber {
	void (*on_event)(void *ctx, const struct event *e);
	void *ctx;
	struct alerts_subscriber *next; /* the pipeline's */
};

struct alerts_config {
	const char *state_dir; /* of the store and of what waits for outputs */
	struct store_limits limits;
	const struct outputs_config *outputs;
};

/* Opens the store and the outputs. Errors as writer_new(), outputs_new(). */
int alerts_open(struct alerts **ret, const struct alerts_config *config, struct err *err);
/* Stores and sends what is queued, then frees all. */
void alerts_close(struct alerts *all);
/* Has the subscriber called; it must outlive the last alerts_put(). */
void alerts_subscribe(struct alerts *all, struct alerts_subscriber *s);
/* Hands an alert to store, outputs and subscribers. Does not wait for any of them. */
void alerts_put(struct alerts *all, const struct event *e);
/* Has the outputs open their files again. */
void alerts_reopen(struct alerts *all);
struct outputs *alerts_outputs(const struct alerts *all);
/* For the status: [{"name", "sent", "lost", "waiting", "failing"}]. */
json_t *alerts_outputs_to_json(void *alerts);
void alerts_stats(const struct alerts *all, struct writer_stats *ret);
/*
 * Returns the store to read from, which stays the pipeline's; events of the last milliseconds may
 * not be in it yet. -EIO: it is not open.
 */
int alerts_store(struct alerts *all, struct store **ret, struct err *err);

#endif
