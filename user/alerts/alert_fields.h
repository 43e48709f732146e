/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event made flat: what a row of the store holds, and what every output says. All text is valid
 * UTF-8 without control characters.
 */
#ifndef LUTRA_USER_ALERTS_ALERT_FIELDS_H
#define LUTRA_USER_ALERTS_ALERT_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/alerts/alert.h"

/* In the order of the store's columns. */
enum alert_field {
	ALERT_TIME, /* CLOCK_REALTIME, ns */
	ALERT_CONTAINER_ID,
	ALERT_CONTAINER,
	ALERT_IMAGE,
	ALERT_CGROUP,
	ALERT_VERDICT,
	ALERT_MODE,
	ALERT_GROUP,
	ALERT_KIND,
	ALERT_ROLE,
	ALERT_CALL,
	ALERT_OBJECT, /* "open w file /etc/passwd"; "": a call */
	ALERT_PATH,   /* path, address, capability or hook; NULL: a call */
	ALERT_COMM,
	ALERT_PID,
	ALERT_TID,
	ALERT_PPID,
	ALERT_REFUSED,
	ALERT_STANDIN,
	ALERT_A, /* levels and thresholds: 1/4096 of a weight */
	ALERT_B,
	ALERT_TH_A,
	ALERT_TH_B,
	ALERT_WEIGHT0,
	ALERT_WEIGHT1,
	ALERT_WEIGHT2,
	ALERT_CALLS,
	ALERT_SINCE_NS,
	ALERT_SINCE_CALLS,
	ALERT_POLICY,
	ALERT_POLICY_VERSION,
	ALERT_LINEAGE, /* ancestors as far as known: "sh[12] < python3[10]"; NULL: unknown */
	ALERT_SESSION, /* of an exec session */
	ALERT_ENGINE,
	ALERT_DIGEST,
	ALERT_POD,
	ALERT_POD_NAMESPACE,
	ALERT_HISTORY, /* the last calls, oldest first: "openat steady 12,execve steady 240 novel"
			*/
	ALERT_FIELDS
};

#define ALERT_TEXT 24576

struct alert {
	const char *text[ALERT_FIELDS]; /* of text fields; NULL: unknown */
	int64_t n[ALERT_FIELDS];	/* of the others */
	size_t used;			/* of buf */
	char buf[ALERT_TEXT];
};

/* Column of the store, and whether it is text. */
const char *alert_column(enum alert_field f);
bool alert_is_text(enum alert_field f);

/* Flatten; a is written whole, but for what of buf is not used. */
void alert_set(struct alert *a, const struct event *e);
/* Copy a text into a; what does not fit is cut. s NULL: unknown. */
void alert_put(struct alert *a, enum alert_field f, const char *s);

/* "Warning" …, as Falco names them; and as a syslog level (4 …). */
const char *alert_priority(const struct alert *a);
int alert_level(const struct alert *a);
/* The rule's name, of its group. */
const char *alert_rule(const struct alert *a);
/* One sentence in words. */
void alert_sentence(const struct alert *a, char buf[static EVENT_TEXT]);
/* The whole of it in the shape of Falco's alerts. NULL: out of memory. */
json_t *alert_json(const struct alert *a);

#endif
