/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events. A follower's connection is suspended while there is nothing for it, and
 * resumed by what is published; all in the daemon's thread.
 */
#include "user/api/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "user/api/api.h"
#include "user/sys/clock.h"
#include "user/daemon/daemon.h"

#define BEAT_NS (2 * NSEC_PER_SEC) /* one that is gone is known after the second beat */
#define BLOCK 16384

struct stream {
	struct stream *next;
	struct streams *all;
	struct MHD_Connection *connection;
	char *out;
	size_t len, size;
	bool suspended, over;
};

struct streams {
	struct stream *first;
	unsigned n;
	struct throttle said, noted; /* verdicts, and what was allowed */
	uint64_t beat_ns;	     /* CLOCK_MONOTONIC */
};

static void wake(struct stream *s)
{
	if (s->suspended)
		MHD_resume_connection(s->connection);
	s->suspended = false;
}

static void put(struct stream *s, const char *text, size_t len)
{
	size_t need = s->len + len;

	if (s->over)
		return;
	if (need > s->size) {
		size_t size = need * 2;
		char *p = need > STREAM_PENDING_MAX ? NULL : realloc(s->out, size);

		if (!p) {
			s->over = true;
			wake(s);
			return;
		}
		s->out = p;
		s->size = size;
	}
	memcpy(s->out + s->len, text, len);
	s->len = need;
	wake(s);
}

static void put_all(struct streams *all, const char *text)
{
	for (struct stream *s = all->first; s; s = s->next)
		put(s, text, strlen(text));
}

/* ---- one of them, as libmicrohttpd sees it ---- */

static ssize_t on_read(void *ctx, uint64_t pos, char *buf, size_t max)
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
	memcpy(buf, s->out, n);
	memmove(s->out, s->out + n, s->len - n);
	s->len -= n;
	return (ssize_t)n;
}

static void on_end(void *ctx)
{
	struct stream *s = ctx, **at = &s->all->first;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->all->n--;
	free(s->out);
	free(s);
}

static struct streams *streams_of(struct daemon *d)
{
	if (!d->streams)
		d->streams = calloc(1, sizeof(*d->streams));
	return d->streams;
}

int stream_get(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct streams *all = streams_of(ctx);
	struct stream *s;

	if (!all)
		return -ENOMEM;
	if (all->n == STREAMS_MAX)
		return http_error(ret, MHD_HTTP_SERVICE_UNAVAILABLE, "too many follow already");
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*ret = (struct http_reply){.status = MHD_HTTP_OK,
				   .type = "text/event-stream",
				   .response = MHD_create_response_from_callback(
					   MHD_SIZE_UNKNOWN, BLOCK, on_read, s, on_end)};
	if (!ret->response) {
		free(s);
		return -ENOMEM;
	}
	s->all = all;
	s->connection = q->connection;
	s->next = all->first;
	all->first = s;
	all->n++;
	put(s, ": lutra\n\n", 9);
	return 0;
}

/* ---- in the daemon ---- */

static char *message(const struct event *e, uint64_t folded)
{
	_cleanup_free_ struct alert *a = malloc(sizeof(*a));
	_cleanup_free_ char *text = NULL;
	json_auto_t *j = NULL;
	char *out;

	if (!a)
		return NULL;
	alert_set(a, e);
	j = api_event_json(a);
	json_object_set_new(j, "folded", json_integer((json_int_t)folded));
	text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(12));
	return text && asprintf(&out, "event: alert\ndata: %s\n\n", text) > 0 ? out : NULL;
}

void stream_publish(struct daemon *d, const struct event *e)
{
	static const struct throttle_rate rate = {.per_second = 100, .burst = 200};
	struct streams *all = d->streams;
	_cleanup_free_ char *text = NULL;
	uint64_t folded;

	if (!all || !all->n)
		return;
	if (!throttle_pass(e->ev->verdict == LUTRA_VERDICT_ALLOW ? &all->noted : &all->said, &rate,
			   clock_now_ns(), &folded))
		return;
	text = message(e, folded);
	if (!text)
		return;
	put_all(all, text);
	web_run(d);
}

void stream_check(struct daemon *d)
{
	struct streams *all = d->streams;
	uint64_t now = clock_now_ns();

	if (!all || now - all->beat_ns < BEAT_NS)
		return;
	all->beat_ns = now;
	put_all(all, ": \n\n");
}

void stream_close(struct daemon *d)
{
	for (struct stream *s = d->streams ? d->streams->first : NULL; s; s = s->next) {
		s->over = true;
		wake(s);
	}
}
