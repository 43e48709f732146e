/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of outputs that are open, which a reload changes. One thread changes the list, another
 * one puts alerts.
 */
#ifndef LUTRA_USER_OUTPUTS_SINKS_H
#define LUTRA_USER_OUTPUTS_SINKS_H

#include <pthread.h>
#include <stdatomic.h>

#include "user/outputs/sink.h"

struct retired_sink;

struct sinks {
	struct sink_env env;
	pthread_mutex_t
		lock; /* of sink, n and retired; the thread that changes sink reads it freely */
	struct sink *sink[OUTPUTS_MAX + 1]; /* one more: "events_jsonl" */
	size_t n;
	struct retired_sink *retired; /* removed, and not done yet with what they have */
	atomic_uint_least64_t lost;   /* by outputs that were removed */
};

void sinks_init(struct sinks *s, const struct sink_env *env);
/* Sends what is queued, as sink_free(). */
void sinks_done(struct sinks *s);

/*
 * Makes the list that of the configuration, of which nothing is borrowed. An output that stays the
 * same goes on. One that changes is replaced: the alerts of the old one come first, and those that
 * wait on disk go to the new one. One that is removed gets 10 s more for what waits;
 * sinks_end_retired() then ends it. Errors as sink_new(): then nothing has changed. -EAGAIN: an
 * output got no thread; the old one goes on in its place, and all else has changed.
 */
int sinks_set(struct sinks *s, const struct outputs_config *config, struct err *err);

/* Puts an alert to the outputs of all events, or to those of incidents, that want its level. */
void sinks_put(struct sinks *s, struct alert_json *a, bool is_incident);
/* Returns true if an output wants alerts of this syslog level. */
bool sinks_want(struct sinks *s, int level, bool is_incident);
/*
 * Ends the outputs that were removed and are done, and reports what became of their alerts. Returns
 * true if some are not done yet. On the thread that puts alerts.
 */
bool sinks_end_retired(struct sinks *s);
/* Returns how many alerts were lost so far, also by outputs that were removed. */
uint64_t sinks_lost(struct sinks *s);

#endif
