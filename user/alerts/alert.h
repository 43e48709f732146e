/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of the kernel's evidence with the names that userspace adds, in words and as JSON. */
#ifndef LUTRA_USER_ALERTS_ALERT_H
#define LUTRA_USER_ALERTS_ALERT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"
#include "user/identity/identity.h"

/* Borrowed; strings may hold anything. NULL: unknown. */
struct event {
	const struct lutra_evidence *ev;
	const char *str; /* path or socket name, str_len bytes */
	size_t str_len;
	uint64_t realtime_ns;
	const char *name; /* of the container */
	const char *id;
	const char *image;
	const char *cgroup;
	const char *policy;	    /* directory */
	const char *lineage;	    /* "sh[12] < python3[10]" */
	const struct identity *who; /* engine, digest and pod */
};

#define EVENT_TEXT 2048
#define EVENT_SUBJECT 1536 /* leaves room for the words around it */

/* What was touched: "open w file /etc/passwd", "connect 10.1.2.3:4444"; "" for a call. */
void event_object(const struct event *e, char buf[static EVENT_TEXT]);

/* Path, address, capability, hook or call: what the operation is about. */
void event_subject(const struct event *e, char buf[static EVENT_SUBJECT]);

/* One sentence in words, valid UTF-8 without control characters. */
void event_sentence(const struct event *e, char buf[static EVENT_TEXT]);

/* The whole of it in the shape of Falco's alerts. NULL: out of memory. */
json_t *event_json(const struct event *e);

#endif
