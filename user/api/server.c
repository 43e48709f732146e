/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server in the daemon's loop. A route runs in the daemon's thread, may look at and change
 * everything there, and must not wait: verdicts do not depend on it, but the kernel's evidence
 * does.
 */
#include "user/api/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "user/api/stream.h"
#include "user/sys/clock.h"
#include "user/daemon/daemon.h"
#include "user/api/metrics.h"
#include "user/http/http.h"
#include "user/api/page.h"

#define RETRY_NS (30 * NSEC_PER_SEC)
#define TOKEN_FILE "http.token"

struct web {
	struct source source;
	struct http *http; /* NULL: not yet */
	char *token;
	uint64_t retry_ns; /* CLOCK_MONOTONIC */
};

/* ---- routes ---- */

static int get_metrics(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct daemon *d = ctx;
	uint64_t answered[6] = {};
	int r;

	(void)q;
	http_answered(d->web->http, answered);
	r = metrics_text(d, answered, &ret->body, &ret->len);
	ret->type = "text/plain; version=0.0.4; charset=utf-8";
	return r;
}

/* 200 while everything works, 503 when events are not kept; guarding goes on in both. */
static int get_healthz(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct daemon *d = ctx;
	_cleanup_free_ char *text = NULL;
	struct writer_stats s;
	json_auto_t *j = NULL;

	(void)q;
	alerts_stats(d, &s);
	j = json_pack("{s:b, s:s, s:s}", "ok", s.open, "guard",
		      guard_has_lsm(d->guard) ? "lsm" : "tracepoints", "store",
		      s.open ? "open" : "closed");
	text = json_dumps(j, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	return http_text(ret, s.open ? 200 : 503, "application/json", text, strlen(text));
}

static const struct http_route routes[] = {
	{"GET", "/metrics", 0, get_metrics},
	{"GET", "/healthz", HTTP_OPEN, get_healthz},
	{"GET", "/api/v1/openapi.json", 0, page_get},
	{"GET", "/api/v1/stream", 0, stream_get},
	{"GET", "/api/v1/*", 0, api_http},
	{"POST", "/api/v1/*", HTTP_CHANGES, api_http},
	{"GET", "/*", HTTP_OPEN, page_get},
	{},
};

/* ---- in the loop ---- */

static void on_http(struct daemon *d, struct source *s, uint32_t events)
{
	(void)s;
	(void)events;
	http_run(d->web->http);
}

static int start(struct daemon *d, struct err *err)
{
	const struct http_config config = {.listen = d->config->http_listen,
					   .token = d->web->token,
					   .hosts = (const char *const *)d->config->http_hosts};
	struct web *w = d->web;
	int r = http_new(&w->http, &config, routes, d, err);

	w->retry_ns = clock_now_ns() + RETRY_NS;
	if (r < 0)
		return r;
	w->source.ready = on_http;
	w->source.fd = http_epoll_fd(w->http);
	daemon_log(d, LOG_LEVEL_INFO, "http on %s, port %u", config.listen, http_port(w->http));
	r = daemon_watch(d, &w->source, EPOLLIN);
	return r < 0 ? err_set(err, r, "epoll: %s", strerror(-r)) : 0;
}

static int read_token(struct daemon *d, struct err *err)
{
	const char *path = d->config->http_token_file;
	_cleanup_free_ char *made = NULL;

	if (!path && asprintf(&made, "%s/" TOKEN_FILE, d->config->state_dir) < 0)
		return err_oom(err);
	return http_token_read(path ? path : made, !path, &d->web->token, err);
}

int web_open(struct daemon *d, struct err *err)
{
	struct err why;
	int r;

	if (!d->config->http_listen)
		return 0;
	d->web = calloc(1, sizeof(*d->web));
	if (!d->web)
		return err_oom(err);
	r = read_token(d, &why);
	if (r < 0 && d->config->http_token_file)
		return err_set(err, r, "http.token_file: %s", why.msg);
	if (r < 0)
		daemon_log(d, LOG_LEVEL_ERROR, "%s: nothing can be changed over http", why.msg);
	r = start(d, err);
	if (r != -EADDRINUSE && r != -EADDRNOTAVAIL)
		return r;
	daemon_log(d, LOG_LEVEL_ERROR, "%s: no metrics, which is tried again", err->msg);
	return 0;
}

void web_close(struct daemon *d)
{
	if (!d->web)
		return;
	stream_close(d);
	http_free(d->web->http);
	free(d->web->token);
	free(d->web);
	d->web = NULL;
}

void web_check(struct daemon *d)
{
	struct web *w = d->web;
	struct err err;

	if (!w)
		return;
	stream_check(d);
	if (w->http)
		http_run(w->http);
	else if (clock_now_ns() > w->retry_ns && start(d, &err) < 0)
		daemon_log(d, LOG_LEVEL_DEBUG, "%s", err.msg);
}

void web_run(struct daemon *d)
{
	if (d->web && d->web->http)
		http_run(d->web->http);
}
