/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert as JSON text, in the shape of Falco's alerts. It is printed once and shared by all that
 * send it: immutable, reference counted, for any thread.
 */
#ifndef LUTRA_USER_ALERTS_ALERT_JSON_H
#define LUTRA_USER_ALERTS_ALERT_JSON_H

#include <jansson.h>
#include <stdatomic.h>

#include "lib/base/cleanup.h"
#include "user/alerts/alert_fields.h"

struct alert_json {
	atomic_uint references;
	int level;	  /* of syslog */
	uint64_t time_ns; /* CLOCK_REALTIME, of the event */
	uint32_t tid;	  /* thread of the event */
	char *rule;	  /* title of the rule */
	char *sentence;	  /* the alert in words */
	char *container;  /* name; NULL: unknown */
	bool is_incident; /* an incident of the API, for the stream; else an alert or a message */
	char *text;	  /* one line without its end */
	size_t len;	  /* of text */
};

/* Returns the JSON of a row as an object for the caller to change. NULL: out of memory. */
json_t *alert_fields_to_json(const struct alert_fields *f);

/*
 * Prints a row. folded: how many more alerts it stands for ("lutra.folded"); 0: none. The caller
 * holds one reference. NULL: out of memory.
 */
struct alert_json *alert_json_new(const struct alert_fields *f, uint64_t folded);
/*
 * Prints an object that has "rule" and "output". The caller holds one reference. NULL: out of memory.
 */
struct alert_json *alert_json_print(const json_t *j, int level, const char *container);
/* Prints an object of another shape. The caller holds one reference. NULL: out of memory. */
struct alert_json *alert_json_of_object(const json_t *j, int level, const char *rule,
					const char *sentence, const char *container);
/* Adds a reference and returns a. */
struct alert_json *alert_json_ref(struct alert_json *a);
/* Drops a reference; frees with the last. */
void alert_json_unref(struct alert_json *a);
DEFINE_FREEP(struct alert_json, alert_json_unref);

#endif
