/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts as they come, as server-sent events, to every client that follows one of the servers. */
#ifndef LUTRA_USER_API_STREAM_H
#define LUTRA_USER_API_STREAM_H

#include "user/http/http.h"

#define STREAMS_MAX 16

/* What the followers of one server may take. */
struct streams_limits {
	unsigned per_second, burst; /* alerts, and again allowed events; 0: no limit */
	size_t pending_bytes;	    /* that a client has not read yet */
};

struct pipeline;
struct streams;

/*
 * Sends all alerts from here on. on_resumed is called after connections were resumed: the HTTP
 * server is to run then. Returns 0 or -ENOMEM.
 */
int streams_new(struct streams **ret, struct pipeline *pipeline,
		const struct streams_limits *limits, void (*on_resumed)(void *ctx), void *ctx);
/* To be called after the HTTP server has ended, for the streams refer to it. */
void streams_free(struct streams *all);
/*
 * Begins a stream: each event is the text of api_event_text(). A client that does not read is let go.
 * 503: STREAMS_MAX clients follow already.
 */
int streams_get(struct streams *all, const struct http_request *q, struct http_reply *ret);
/* To be called every second: sends clients a sign of life. */
void streams_check(struct streams *all);
/* Ends all streams; to be called before the HTTP server ends. */
void streams_end(struct streams *all);

#endif
