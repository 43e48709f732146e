/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP API below /api/v1, as web/openapi.json describes it: from a request's parts to a status
 * and a JSON body. It runs in the daemon's thread; who may ask is decided before.
 */
#ifndef LUTRA_USER_API_API_H
#define LUTRA_USER_API_API_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lutra/abi.h"
#include "user/alerts/alert_fields.h"

#define API_PREFIX "/api/v1/"
#define API_MINUTES 1440 /* of verdicts, that are counted minute by minute */
#define API_BODY_MAX 4096

struct daemon;

/* Verdicts by minute since the daemon started, at most a day. All zero: none yet. */
struct api_tally {
	uint64_t first_minute, last_minute; /* since the epoch; 0: none yet */
	uint32_t n[API_MINUTES][LUTRA_VERDICT_KILL + 1];
};

/* now_ns: CLOCK_REALTIME. */
void api_tally_add(struct api_tally *t, uint64_t now_ns, unsigned verdict);
/* {"first", "allow": [N…], "alert", "deny", "kill"}: the last minutes up to now, oldest first. */
json_t *api_tally_json(const struct api_tally *t, uint64_t now_ns, unsigned minutes);

struct api_request {
	const char *method;
	const char *path;				 /* behind API_PREFIX, unescaped */
	const char *(*arg)(void *ctx, const char *name); /* a query's; NULL: not there */
	void *ctx;
	const char *body;
	size_t body_len;
};

/* The HTTP status, and the body: an object, {"error": LINE} where it went wrong. NULL: no memory.
 */
unsigned api_handle(struct daemon *d, const struct api_request *q, json_t **ret);

/*
 * What an overview shows: {"status", "verdicts" of the last hour, "containers": the 200 that
 * alerted last}. NULL: no memory.
 */
json_t *api_overview(struct daemon *d);

/* An event as the API shows it: an alert with "key", by which it is found again, and "at", in ns.
 */
json_t *api_event_json(const struct alert *a);

#endif
