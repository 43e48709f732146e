/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events. A follower's connection is suspended while there is nothing to send, and
 * resumed when an alert comes. All of it runs on the main loop.
 */
#include "user/api/stream.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/list.h"
#include "user/api/routes/api.h"
#include "user/pipeline/pipeline.h"
#include "user/sys/clock.h"

#define BEAT_NS 2000000000ull /* a client that is gone is noticed after the second beat */
#define BLOCK 16384

struct stream {
	struct stream *next;
	struct streams *all;
	struct MHD_Connection *connection;
	char *out;
	size_t begin, len, size; /* out[begin..begin+len) was not read yet */
	bool suspended, over;
};

struct streams {
	struct subscriber subscriber;
	struct pipeline *pipeline;
	size_t pending_max; /* bytes */
	void (*on_resumed)(void *ctx);
	void *ctx;
	struct stream *first;
	unsigned n;
	uint64_t beat_ns; /* CLOCK_MONOTONIC, of the last sign of life */
};

static void wake_stream(struct stream *s)
{
	if (s->suspended)
		MHD_resume_connection(s->connection);
	s->suspended = false;
}

static void put_text(struct stream *s, const char *text, size_t len)
{
	size_t need = s->len + len;

	if (s->over)
		return;
	/* This frees more bytes than it moves, so that each byte moves about once. */
	if (s->begin > s->len) {
		memmove(s->out, s->out + s->begin, s->len);
		s->begin = 0;
	}
	if (need > s->all->pending_max || ARRAY_RESERVE(s->out, s->size, s->begin + need) < 0) {
		s->over = true;
		wake_stream(s);
		return;
	}
	memcpy(s->out + s->begin + s->len, text, len);
	s->len = need;
	wake_stream(s);
}

static void put_to_all(struct streams *all, const char *text)
{
	for (struct stream *s = all->first; s; s = s->next)
		put_text(s, text, strlen(text));
}

/* ---- one of them, as libmicrohttpd sees it ---- */

static ssize_t on_follower_read(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = ctx;
	size_t n = s->len < max ? s->len : max;

	(void)pos;
	if (s->over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!n) {
		MHD_suspend_connection(s->connection);
		s->suspended = true;
		return 0;
	}
	memcpy(buf, s->out + s->begin, n);
	s->begin += n;
	s->len -= n;
	return (ssize_t)n;
}

static void on_follower_end(void *ctx)
{
	struct stream *s = ctx;

	LIST_REMOVE(s->all->first, s);
	s->all->n--;
	atomic_store(&s->all->subscriber.active, s->all->n > 0);
	free(s->out);
	free(s);
}

int streams_get(struct streams *all, const struct http_request *q, struct http_reply *ret)
{
	static const char *const none[] = {NULL};
	_cleanup_free_ struct stream *s = calloc(1, sizeof(*s));

	if (http_unknown_query(q, none))
		return http_error(ret, MHD_HTTP_BAD_REQUEST, "a stream takes no parameters");
	if (all->n == STREAMS_MAX)
		return http_error(ret, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "too many clients follow already");
	if (!s)
		return -ENOMEM;
	*ret = (struct http_reply){
		.status = MHD_HTTP_OK,
		.type = "text/event-stream",
		.response = MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, BLOCK, on_follower_read, s, on_follower_end)};
	if (!ret->response)
		return -ENOMEM;
	s->all = all;
	s->connection = q->connection;
	LIST_PUSH(all->first, s);
	all->n++;
	atomic_store(&all->subscriber.active, true);
	put_text(s, ": lutra\n\n", 9);
	TAKE_PTR(s);
	return 0;
}

/* ---- all of them ---- */

static void stream_alert(void *ctx, struct alert_json *a, uint64_t folded)
{
	struct streams *all = ctx;
	_cleanup_free_ char *json = a->is_incident ? strdup(a->text) : api_event_text(a, folded);
	_cleanup_free_ char *text = NULL;

	if (!json || asprintf(&text, "event: %s\ndata: %s\n\n",
			      a->is_incident ? "incident" : "alert", json) < 0)
		return;
	put_to_all(all, text);
	all->on_resumed(all->ctx);
}

void streams_check(struct streams *all)
{
	uint64_t now = clock_now_ns();

	if (now - all->beat_ns < BEAT_NS)
		return;
	all->beat_ns = now;
	put_to_all(all, ": \n\n");
}

void streams_end(struct streams *all)
{
	if (!all)
		return;
	for (struct stream *s = all->first; s; s = s->next) {
		s->over = true;
		wake_stream(s);
	}
}

int streams_new(struct streams **ret, struct pipeline *pipeline,
		const struct streams_limits *limits, void (*on_resumed)(void *ctx), void *ctx)
{
	struct streams *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	all->on_resumed = on_resumed;
	all->ctx = ctx;
	all->pipeline = pipeline;
	all->pending_max = limits->pending_bytes;
	all->subscriber = (struct subscriber){
		.on_alert = stream_alert,
		.ctx = all,
		.incidents = true,
		.rate = {.per_second = limits->per_second, .burst = limits->burst}};
	subscribers_add(pipeline_subscribers(pipeline), &all->subscriber);
	*ret = all;
	return 0;
}

void streams_free(struct streams *all)
{
	if (!all)
		return;
	subscribers_remove(pipeline_subscribers(all->pipeline), &all->subscriber);
	free(all);
}
