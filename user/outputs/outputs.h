/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All outputs, with a rate limit for each container. Alerts above the limit are held back and
 * counted; the next alert of the container that passes reports the count ("lutra.folded"), or a
 * line of its own a little later. Used on one thread, except outputs_reopen() and the counters.
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

/* Opens all outputs. config is borrowed until outputs_free(). Errors as sink_new(). */
int outputs_new(struct outputs **ret, const struct outputs_config *config,
		const struct sink_env *env, struct err *err);
/* Sends what is queued, as sink_free(). */
void outputs_free(struct outputs *o);
DEFINE_FREEP(struct outputs, outputs_free);

/* What outputs_choose() decided about one alert. */
struct outputs_choice {
	bool passed;	 /* it passes the container's limit */
	uint64_t folded; /* alerts held back before, which it reports */
};

/* Returns true if an output wants the alert. Then it has to be printed and put. */
bool outputs_choose(struct outputs *o, const struct alert_fields *f, struct outputs_choice *ret);
/*
 * Queues an alert for the outputs that want it. f: its row, which is printed again where it reports
 * alerts that were held back. Does not block.
 */
void outputs_put(struct outputs *o, const struct alert_fields *f, struct alert_json *a,
		 const struct outputs_choice *choice);
/*
 * Reports what was held back of containers that have no further alerts. Returns true if it has to
 * be called again in a second.
 */
bool outputs_tick(struct outputs *o);
/* Blocks until all alerts put before have been handled once. */
void outputs_sync(struct outputs *o);
/* Requests that files are opened again. */
void outputs_reopen(struct outputs *o);

size_t outputs_count(const struct outputs *o);
/* Reads the counters of the i-th output. Returns its name. */
const char *outputs_stats(struct outputs *o, size_t i, struct sink_stats *ret);
/* Returns how many alerts were held back. */
uint64_t outputs_folded(struct outputs *o);
/* Returns [{"name", "sent", "lost", "waiting", "failing"}] for the status. */
json_t *outputs_to_json(void *outputs);

#endif
