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
struct daemon;

/* d->alerts is set. Errors as writer_new(), outputs_new(). */
int alerts_open(struct daemon *d, struct err *err);
void alerts_close(struct daemon *d);
/* Does not wait for any of them. */
void alerts_put(struct daemon *d, const struct event *e);
/* Have the outputs' files opened anew. */
void alerts_reopen(struct daemon *d);
struct outputs *alerts_outputs(const struct daemon *d);
/* For the status: [{"name", "sent", "lost", "waiting", "failing"}]. */
json_t *alerts_json(const struct daemon *d);
void alerts_stats(const struct daemon *d, struct writer_stats *ret);
/*
 * The store to read from, the daemon's; events of the last milliseconds may not be in it yet. -EIO:
 * it is not open.
 */
int alerts_store(struct daemon *d, struct store **ret, struct err *err);

#endif
