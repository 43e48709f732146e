/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds each alert to its finding and its incident, keeps both in the store, and reports incidents.
 * Used on the pipeline's thread.
 *
 * A finding that alerts again and again is written once a batch. What a failed transaction lost is
 * written again with the next.
 */
#ifndef LUTRA_USER_PIPELINE_TRACKER_H
#define LUTRA_USER_PIPELINE_TRACKER_H

#include "user/outputs/outputs.h"
#include "user/pipeline/maintenance.h"
#include "user/pipeline/subscribers.h"
#include "user/store/store_incidents.h"

struct tracker;

/* maintenance is borrowed. log: incidents are written to the log. Returns 0 or -ENOMEM. */
int tracker_new(struct tracker **ret, struct maintenance *maintenance, bool log);
void tracker_free(struct tracker *t);
DEFINE_FREEP(struct tracker, tracker_free);

/*
 * Sets the store, NULL: none, and reads from it the incidents that may still grow. Errors as
 * store_select_incidents().
 */
int tracker_set_store(struct tracker *t, struct store *s, struct err *err);

/* What to do with an alert. */
struct tracked {
	bool keep; /* false: an event of a session that comes again and again */
	bool told; /* the first alert of its finding in a day, or refused or killed */
};

/* Sets ALERT_FINDING and ALERT_INCIDENT. */
struct tracked tracker_add(struct tracker *t, struct alert_fields *f);
/*
 * Writes what has changed, in the open transaction or in one that it opens. Errors as store_add():
 * then it is written again later.
 */
int tracker_write(struct tracker *t, unsigned *ret_lost, struct err *err);
/* Has all of it written again, because the transaction with the last tracker_write() failed. */
void tracker_lost(struct tracker *t);
/* Returns true if tracker_write() has to be called before the next alert. */
bool tracker_is_full(const struct tracker *t);
/*
 * Sends the incidents that are new or have grown to outputs (NULL: none) and subscribers, and logs
 * them. An update waits until a second after the message before. Returns true if an update waits.
 */
bool tracker_send(struct tracker *t, struct outputs *outputs, struct subscribers *subscribers);
/* Changes an incident in memory as store_set_incident() does on disk. */
void tracker_set_incident(struct tracker *t, uint64_t id, const char *state, const char *note);
/*
 * Changes a finding in memory as store_set_finding_state() does on disk. time_ns: when that was asked
 * for. An alert of a later event makes an accepted finding new again.
 */
void tracker_set_finding(struct tracker *t, const char *id, const char *state, const char *accepted,
			 uint64_t time_ns);
/* Returns how many incidents began. Any thread. */
uint64_t tracker_opened(const struct tracker *t);

#endif
