/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP servers on the main loop, one for TCP and one for the Unix socket, with the same routes.
 * A route may look at and change everything, and must not block: verdicts do not depend on it, but
 * the kernel's evidence waits meanwhile.
 */
#include "user/api/server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/base/text.h"
#include "user/api/metrics.h"
#include "user/api/page.h"
#include "user/api/stream.h"
#include "user/api/tcp_server.h"
#include "user/config/config.h"
#include "user/containers/containers.h"
#include "user/guard/guard.h"
#include "user/http/http.h"
#include "user/pipeline/pipeline.h"
#include "user/sys/log.h"
#include "user/sys/tcp_peer.h"

/* A browser shows no more than this; a command prints all that it reads in time. */
static const struct streams_limits page_limits = {
	.per_second = 100, .burst = 200, .pending_bytes = 256u << 10};
static const struct streams_limits command_limits = {.pending_bytes = 16u << 20};

struct server {
	struct server_parts parts;
	struct metrics *metrics;
	struct tcp_server *tcp;
	struct http *local;
	struct loop_watch watch; /* of local */
	/* Each way in has its own followers: those over TCP take no place of a command's. */
	struct streams *tcp_streams, *local_streams;
};

/* ---- routes ---- */

static int get_metrics(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct server *s = ctx;
	struct metrics_clients clients = {};

	(void)q;
	tcp_server_count(s->tcp, &clients);
	clients.timed_out += http_timed_out(s->local);
	ret->type = "text/plain; version=0.0.4; charset=utf-8";
	return metrics_text(s->metrics, &clients, &ret->body, &ret->len);
}

/* Counts the outputs that fail now. */
static unsigned count_failing(struct outputs *outputs)
{
	unsigned failing = 0;

	for (size_t i = 0; i < outputs_count(outputs); i++) {
		struct sink_stats stats;

		outputs_stats(outputs, i, &stats);
		failing += stats.failing;
	}
	return failing;
}

/*
 * 200 while everything works, 503 while events are not stored: the store is not open, or the last
 * write failed. Guarding goes on in both.
 */
static int get_healthz(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	const struct server *s = ctx;
	struct outputs *outputs = pipeline_outputs(s->parts.api_parts.pipeline);
	struct pipeline_stats stats;
	bool ok;

	(void)q;
	pipeline_stats(s->parts.api_parts.pipeline, &stats);
	ok = stats.open && !stats.failing;
	return http_json(ret, ok ? 200 : 503,
			 json_pack("{s:b, s:s, s:s, s:I, s:I, s:i}", "ok", ok, "guard",
				   guard_has_lsm(s->parts.api_parts.guard) ? "lsm" : "tracepoints",
				   "store",
				   !stats.open	   ? "closed"
				   : stats.failing ? "failing"
						   : "open",
				   "events_lost", (json_int_t)pipeline_lost(&stats), "alerts_lost",
				   (json_int_t)outputs_lost(outputs), "outputs_failing",
				   (int)count_failing(outputs)));
}

static int get_stream(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct server *s = ctx;

	return streams_get(q->is_local ? s->local_streams : s->tcp_streams, q, ret);
}

/* Browsers name the site that a request comes from. Those of another site's page are refused. */
static bool is_cross_site(const struct http_request *q)
{
	const char *site =
		MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Sec-Fetch-Site");

	return site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

/* Adds to an answer that what was done is not saved. */
static int add_warning(struct http_reply *ret, const char *why)
{
	json_auto_t *j = ret->body ? json_loadb(ret->body, ret->len, 0, NULL) : NULL;
	unsigned status = ret->status;
	char text[700];

	if (!json_is_object(j) || status / 100 != 2)
		return 0;
	snprintf(text, sizeof(text), "done, and not saved yet: %.500s; lutrad tries again", why);
	json_object_set_new(j, "warning", text_json_keep(text));
	free(TAKE_PTR(ret->body));
	return http_json(ret, status, json_incref(j));
}

static int handle_api(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct server *s = ctx;
	struct err err;
	int r;

	if (strcmp(q->method, "GET") != 0 && is_cross_site(q))
		return http_error(ret, MHD_HTTP_FORBIDDEN, "not from a page of another site");
	r = api_handle(s->parts.api, q, ret);
	/* What a command is told is on disk then. A hook's container waits: it is saved later. */
	if (q->is_local && strcmp(q->method, "POST") == 0 && strcmp(q->rest, "hook") != 0 &&
	    saved_list_flush(s->parts.saved_list, &err) < 0 && r == 0)
		r = add_warning(ret, err.msg);
	return r;
}

static const struct http_route routes[] = {
	{"GET", "/metrics", HTTP_PLAIN, get_metrics},
	{"GET", "/healthz", HTTP_OPEN | HTTP_PLAIN, get_healthz},
	{"GET", "/api/v1/openapi.json", HTTP_PLAIN, page_get},
	{"GET", "/api/v1/stream", HTTP_READS, get_stream},
	{"GET", "/api/v1/*", HTTP_READS, handle_api},
	{"POST", "/api/v1/*", HTTP_CHANGES, handle_api},
	{"GET", "/*", HTTP_OPEN | HTTP_PLAIN, page_get},
	{},
};

/* ---- on the loop ---- */

static void run_http(void *ctx)
{
	struct server *s = ctx;

	if (s->tcp)
		tcp_server_run(s->tcp);
	if (s->local)
		http_run(s->local);
}

/* A connection may be older than the guard of its process: each request asks again. */
static bool is_peer_allowed(void *ctx, int fd)
{
	const struct server *s = ctx;

	return local_socket_is_allowed(fd, s->parts.api_parts.guard);
}

/*
 * A process of a guarded container must not learn what its policy has. A client that is not on this host
 * needs the token.
 */
static bool is_client_allowed(void *ctx, int fd)
{
	const struct server *s = ctx;
	const struct container *c;
	uint64_t cgroup;

	if (tcp_peer_cgroup(fd, &cgroup) < 0)
		return true;
	c = containers_of_cgroup(s->parts.api_parts.containers, cgroup);
	if (c)
		log_warning("%s: refused a request over http: it comes from the container",
			    c->name);
	return !c;
}

static void on_connection(void *ctx)
{
	struct server *s = ctx;
	int fd = local_socket_accept(s->parts.socket, s->parts.api_parts.guard);

	if (fd >= 0)
		http_add_connection(s->local, fd);
}

static void end_streams(void *ctx)
{
	struct server *s = ctx;

	streams_end(s->tcp_streams);
}

void server_reload(struct server *s)
{
	tcp_server_reload(s->tcp);
}

static int start_local(struct server *s, struct err *err)
{
	const struct http_config config = {.is_peer_allowed = is_peer_allowed};
	int r = http_new(&s->local, &config, routes, s, err);

	if (r < 0)
		return r;
	s->watch =
		(struct loop_watch){.fd = http_epoll_fd(s->local), .on_ready = run_http, .ctx = s};
	r = loop_watch(s->parts.loop, &s->watch, EPOLLIN, err);
	return r < 0 ? r
		     : local_socket_watch(s->parts.socket, s->parts.loop, on_connection, s, err);
}

static int start_tcp(struct server *s, struct err *err)
{
	const struct tcp_server_parts parts = {.loop = s->parts.loop,
					       .config = s->parts.api_parts.config,
					       .routes = routes,
					       .is_peer_allowed = is_client_allowed,
					       .run = run_http,
					       .end_streams = end_streams,
					       .ctx = s};

	return tcp_server_new(&s->tcp, &parts, err);
}

int server_new(struct server **ret, const struct server_parts *parts, struct err *err)
{
	struct server *s = calloc(1, sizeof(*s));
	int r;

	*ret = s;
	if (!s)
		return err_oom(err);
	s->parts = *parts;
	r = metrics_new(&s->metrics, &s->parts.api_parts);
	if (r == 0)
		r = streams_new(&s->tcp_streams, s->parts.api_parts.pipeline, &page_limits,
				run_http, s);
	if (r == 0)
		r = streams_new(&s->local_streams, s->parts.api_parts.pipeline, &command_limits,
				run_http, s);
	if (r < 0)
		return err_oom(err);
	r = api_begin_reads(s->parts.api, s->parts.loop, run_http, s, err);
	if (r < 0)
		return r;
	r = start_tcp(s, err);
	return r < 0 ? r : start_local(s, err);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	api_end_reads(s->parts.api);
	streams_end(s->tcp_streams);
	streams_end(s->local_streams);
	tcp_server_free(s->tcp);
	http_free(s->local);
	streams_free(s->tcp_streams);
	streams_free(s->local_streams);
	metrics_free(s->metrics);
	free(s);
}

void server_check(struct server *s)
{
	if (!s)
		return;
	streams_check(s->tcp_streams);
	streams_check(s->local_streams);
	tcp_server_check(s->tcp);
	http_check(s->local);
}
