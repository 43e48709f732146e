/* SPDX-License-Identifier: Apache-2.0 */
/* The way of printed alerts from the pipeline's thread to subscribers on the main thread. */
#ifndef LUTRA_USER_PIPELINE_SUBSCRIBERS_H
#define LUTRA_USER_PIPELINE_SUBSCRIBERS_H

#include "user/pipeline/pipeline.h"

struct subscribers;

/* Returns 0, -ENOMEM, or -errno as eventfd(2). */
int subscribers_new(struct subscribers **ret);
void subscribers_free(struct subscribers *all);

void subscribers_add(struct subscribers *all, struct pipeline_subscriber *s);
void subscribers_remove(struct subscribers *all, struct pipeline_subscriber *s);
int subscribers_fd(const struct subscribers *all);
void subscribers_dispatch(struct subscribers *all);

/*
 * Pipeline's thread: chooses the active subscribers whose limit an alert passes. Returns true if
 * there are any; then the alert has to be printed and put. allowed: the verdict is allow.
 */
bool subscribers_choose(struct subscribers *all, bool allowed);
/* Pipeline's thread: queues an alert for the subscribers that were chosen. Does not block. */
void subscribers_put(struct subscribers *all, struct alert_json *a);

#endif
