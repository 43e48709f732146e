/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP API below /api/v1, as web/openapi.json describes it: from a request to its answer.
 * It runs on the main loop. Whether the client may ask is decided before.
 */
#ifndef LUTRA_USER_API_ROUTES_API_H
#define LUTRA_USER_API_ROUTES_API_H

#include <jansson.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lutra/abi.h"
#include "user/alerts/alert_json.h"
#include "user/http/http.h"
#include "user/sys/loop.h"

struct api;

/* What the API shows and changes; all of it outlives the API. */
struct api_parts {
	const struct config *config;
	struct guard *guard;
	struct containers *containers;
	struct pipeline *pipeline;
	struct discovery *discovery;
	struct learn *learn;
	const struct lifecycle *lifecycle;
	uint64_t start_ns; /* CLOCK_REALTIME, of lutrad */
};

/* Counts verdicts from here on. Returns 0 or -ENOMEM. */
int api_new(struct api **ret, const struct api_parts *parts);
void api_free(struct api *a);
DEFINE_FREEP(struct api, api_free);

/*
 * Adds a member to the status, which get_json(ctx) makes. name: a constant. At most
 * API_SECTIONS_MAX.
 */
#define API_SECTIONS_MAX 8
void api_add_section(struct api *a, const char *name, json_t *(*get_json)(void *ctx), void *ctx);

/*
 * Begins a thread that reads the store and policies for requests. on_sent: called on the loop once
 * answers wait to be written. Errors as worker_start().
 */
int api_begin_reads(struct api *a, struct loop *loop, void (*on_sent)(void *ctx), void *ctx,
		    struct err *err);
/* Ends the thread and answers all that waits for it. To be called before the servers are freed. */
void api_end_reads(struct api *a);

/*
 * Answers a request for q->rest, the path behind /api/v1/, with a JSON object, which is
 * {"error": LINE} after a failure. Returns 0, HTTP_LATER or -ENOMEM.
 */
int api_handle(struct api *a, const struct http_request *q, struct http_reply *ret);

/*
 * Returns the text of an alert with "key", by which it is found again, "at", in ns, and "folded", how
 * many alerts were left out before it; the caller frees it. NULL: out of memory.
 */
char *api_event_text(const struct alert_json *a, uint64_t folded);

#endif
