/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and incidents as JSON, for the store, the API and the outputs. */
#ifndef LUTRA_USER_INCIDENTS_INCIDENT_JSON_H
#define LUTRA_USER_INCIDENTS_INCIDENT_JSON_H

#include <jansson.h>

#include "lib/base/cleanup.h"
#include "user/alerts/alert_json.h"
#include "user/incidents/finding.h"
#include "user/incidents/incident.h"

/* An incident as a row of the store. NULL: unknown. The last four are JSON text. */
struct incident_row {
	uint64_t id, begin_ns, end_ns, events, refused, killed, findings;
	const char *container, *container_id, *image, *engine, *pod;
	const char *state, *severity, *sentence, *note;
	const char *kinds, *session, *maintenance, *processes;
};

/* A row that owns its JSON text, and borrows the rest from the incident. */
struct incident_made_row {
	struct incident_row row;
	char sentence[INCIDENT_TEXT];
	char *kinds, *session, *maintenance, *processes;
};

/* Makes the row of an incident. findings is 0. -ENOMEM. */
int incident_row_make(struct incident_made_row *ret, const struct incident *i);
void incident_row_done(struct incident_made_row *r);

/* Sets session, maintenance and note of an incident from its row, to go on with it. */
void incident_from_row(struct incident *i, const struct incident_row *row);

/* Returns the object of the API, without its processes and with the number of its findings. */
json_t *incident_row_to_json(const struct incident_row *row);
/* Returns a JSON text as a value; NULL or no JSON: null. */
json_t *incident_json_text(const char *text);

/* Returns the message for outputs, in the shape of an alert. updated: it was sent before. */
struct alert_json *incident_message(const struct incident *i, bool updated);
/* Returns the object of the API as text for the stream. */
struct alert_json *incident_stream_text(const struct incident *i, uint64_t findings);

/* Returns the object of the API. */
json_t *finding_to_json(const struct finding *x);
/* Returns a list of names as JSON text, which the caller frees. NULL: out of memory. */
char *finding_names_text(const struct finding_names *l);
/* Reads such a text; what is no list of names is left out. */
void finding_names_read(struct finding_names *ret, const char *text);

#endif
