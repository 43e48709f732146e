/* SPDX-License-Identifier: Apache-2.0 */
/* The API over HTTP: requests and answers, and events as they come, to whoever follows. */
#ifndef LUTRA_USER_API_STREAM_H
#define LUTRA_USER_API_STREAM_H

#include "user/alerts/alert.h"
#include "user/http/http.h"

#define STREAMS_MAX 16
#define STREAM_PENDING_MAX (256u << 10) /* bytes that a follower has not read yet */

struct daemon;
struct streams;

/* Handlers of HTTP routes; ctx: the daemon. */
int api_http(void *ctx, const struct http_request *q, struct http_reply *ret);
/* Server-sent events: each an event as api_event_json() has it. 503: STREAMS_MAX follow already. */
int stream_get(void *ctx, const struct http_request *q, struct http_reply *ret);

/*
 * An event to all that follow, at once; of more than a hundred a second the rest is folded into a
 * count. A follower that does not read is let go.
 */
void stream_publish(struct daemon *d, const struct event *e);
/* Every second: shows those who follow that the daemon is there. */
void stream_check(struct daemon *d);
/* Ends all of them; to be called before the HTTP server ends. */
void stream_close(struct daemon *d);

#endif
