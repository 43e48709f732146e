/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All outputs. Those of all events get each alert. The others get the messages of incidents, with a
 * rate limit for each container: messages above the limit are held back and counted, and a message
 * of its own reports the count ("lutra.folded"). One thread puts alerts, another one calls all
 * other functions.
 */
#ifndef LUTRA_USER_OUTPUTS_OUTPUTS_H
#define LUTRA_USER_OUTPUTS_OUTPUTS_H

#include <jansson.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/alerts/alert_json.h"
#include "user/config/config_outputs.h"
#include "user/outputs/sink.h"

struct outputs;

/* Opens all outputs. config is copied; what env points to is borrowed. Errors as sinks_set(). */
int outputs_new(struct outputs **ret, const struct outputs_config *config,
		const struct sink_env *env, struct err *err);
/* Sends what is queued, as sink_free(). */
void outputs_free(struct outputs *o);
DEFINE_FREEP(struct outputs, outputs_free);

/* Returns true if an output of all events wants the alert. Then it has to be printed and put. */
bool outputs_want_event(struct outputs *o, const struct alert_fields *f);
/* Queues an alert for the outputs of all events. Does not block. */
void outputs_put_event(struct outputs *o, struct alert_json *a);
/*
 * Queues the message of an incident for the other outputs, unless its container has had too many.
 * cgroup: tells containers apart; name: of the container. Does not block.
 */
void outputs_put_incident(struct outputs *o, const char *cgroup, const char *name,
			  struct alert_json *message);
/*
 * Reports what was held back of containers that have no further alerts, and ends outputs that were
 * removed. Returns true if it has to be called again in a second. On the thread that puts alerts.
 */
bool outputs_tick(struct outputs *o);
/* Blocks until all alerts put before have been handled once. */
void outputs_sync(struct outputs *o);
/* Takes another configuration, as sinks_set(), and its rate limit of containers. */
int outputs_set(struct outputs *o, const struct outputs_config *config, struct err *err);
/* Requests that files are opened again. */
void outputs_reopen(struct outputs *o);

size_t outputs_count(const struct outputs *o);
/* Reads the counters of the i-th output. Returns its name. */
const char *outputs_stats(struct outputs *o, size_t i, struct sink_stats *ret);
/* Returns how many alerts were lost so far, also by outputs that were removed. */
uint64_t outputs_lost(struct outputs *o);
/* Returns how many messages were held back. */
uint64_t outputs_folded(struct outputs *o);
/* Returns [{"name", "sent", "lost", "waiting", "failing"}] for the status. */
json_t *outputs_to_json(void *outputs);

#endif
