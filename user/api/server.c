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
#include "user/config/config.h"
#include "user/containers/containers.h"
#include "user/guard/guard.h"
#include "user/http/http.h"
#include "user/pipeline/pipeline.h"
#include "user/sys/clock.h"
#include "user/sys/log.h"
#include "user/sys/tcp_peer.h"

#define RETRY_NS 30000000000ull
#define TOKEN_NS 5000000000ull
#define TOKEN_FILE "http.token"

/* A browser shows no more than this; a command prints all that it reads in time. */
static const struct streams_limits page_limits = {
	.per_second = 100, .burst = 200, .pending_bytes = 256u << 10};
static const struct streams_limits command_limits = {.pending_bytes = 16u << 20};

/* One of the two ways in. Each has its own followers: those over TCP take no place of a command's. */
struct endpoint {
	struct http *http; /* NULL: TCP is not configured, or does not listen yet */
	struct loop_watch watch;
	struct streams *streams;
};

struct tokens {
	char *token; /* NULL: nothing can be changed */
	char *file;
	char *read_token; /* NULL: there is none */
};

struct server {
	struct server_parts parts;
	struct metrics *metrics;
	struct endpoint tcp, local;
	struct tokens tokens;
	uint64_t retry_ns; /* CLOCK_MONOTONIC */
	uint64_t token_ns; /* CLOCK_MONOTONIC, when to try again to read the token */
};

/* ---- routes ---- */

static int get_metrics(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct server *s = ctx;
	struct metrics_clients clients = {};

	(void)q;
	if (s->tcp.http) {
		http_answered(s->tcp.http, clients.answered);
		clients.timed_out = http_timed_out(s->tcp.http);
	}
	clients.timed_out += http_timed_out(s->local.http);
	ret->type = "text/plain; version=0.0.4; charset=utf-8";
	return metrics_text(s->metrics, &clients, &ret->body, &ret->len);
}

/* Counts what outputs have lost, and those that fail now. */
static void count_outputs(const struct server *s, uint64_t *ret_lost, unsigned *ret_failing)
{
	struct outputs *outputs = pipeline_outputs(s->parts.api_parts.pipeline);

	*ret_lost = 0;
	*ret_failing = 0;
	for (size_t i = 0; i < outputs_count(outputs); i++) {
		struct sink_stats stats;

		outputs_stats(outputs, i, &stats);
		*ret_lost += stats.lost;
		*ret_failing += stats.failing;
	}
}

/*
 * 200 while everything works, 503 while events are not stored: the store is not open, or the last
 * write failed. Guarding goes on in both.
 */
static int get_healthz(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	const struct server *s = ctx;
	struct pipeline_stats stats;
	uint64_t alerts_lost;
	unsigned failing;
	bool ok;

	(void)q;
	pipeline_stats(s->parts.api_parts.pipeline, &stats);
	count_outputs(s, &alerts_lost, &failing);
	ok = stats.open && !stats.failing;
	return http_json(ret, ok ? 200 : 503,
			 json_pack("{s:b, s:s, s:s, s:I, s:I, s:i}", "ok", ok, "guard",
				   guard_has_lsm(s->parts.api_parts.guard) ? "lsm" : "tracepoints",
				   "store",
				   !stats.open	   ? "closed"
				   : stats.failing ? "failing"
						   : "open",
				   "events_lost", (json_int_t)pipeline_lost(&stats), "alerts_lost",
				   (json_int_t)alerts_lost, "outputs_failing", (int)failing));
}

static int get_stream(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct server *s = ctx;

	return streams_get(q->is_local ? s->local.streams : s->tcp.streams, q, ret);
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
	{"GET", "/metrics", 0, get_metrics},
	{"GET", "/healthz", HTTP_OPEN, get_healthz},
	{"GET", "/api/v1/openapi.json", 0, page_get},
	{"GET", "/api/v1/stream", HTTP_READS, get_stream},
	{"GET", "/api/v1/*", HTTP_READS, handle_api},
	{"POST", "/api/v1/*", HTTP_CHANGES, handle_api},
	{"GET", "/*", HTTP_OPEN, page_get},
	{},
};

/* ---- on the loop ---- */

static void run_http(void *ctx)
{
	struct server *s = ctx;

	if (s->tcp.http)
		http_run(s->tcp.http);
	if (s->local.http)
		http_run(s->local.http);
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
		http_add_connection(s->local.http, fd);
}

/* Starts one of the servers on the loop. */
static int serve_http(struct server *s, struct endpoint *e, const struct http_config *config,
		      struct err *err)
{
	int r = http_new(&e->http, config, routes, s, err);

	if (r < 0)
		return r;
	e->watch =
		(struct loop_watch){.fd = http_epoll_fd(e->http), .on_ready = run_http, .ctx = s};
	return loop_watch(s->parts.loop, &e->watch, EPOLLIN, err);
}

static struct http_config make_http_config(const struct server *s)
{
	const struct config *config = s->parts.api_parts.config;

	return (struct http_config){.listen = config->http_listen,
				    .token = s->tokens.token,
				    .read_token = s->tokens.read_token,
				    .read_without_token = config->http_read_without_token,
				    .is_peer_allowed = is_client_allowed,
				    .token_file = s->tokens.file,
				    .hosts = (const char *const *)config->http_hosts};
}

static int start_http(struct server *s, struct err *err)
{
	const struct http_config http = make_http_config(s);
	int r = serve_http(s, &s->tcp, &http, err);

	s->retry_ns = clock_now_ns() + RETRY_NS;
	if (r == 0)
		log_info("http on %s, port %u", http.listen, http_port(s->tcp.http));
	return r;
}

static void server_tokens_done(struct tokens *t)
{
	if (t->token)
		explicit_bzero(t->token, strlen(t->token));
	if (t->read_token)
		explicit_bzero(t->read_token, strlen(t->read_token));
	free(t->token);
	free(t->read_token);
	free(t->file);
	*t = (struct tokens){};
}

/* Without a token nothing can be changed over HTTP; one that was named must be good. */
static int read_tokens(const struct config *config, struct tokens *ret, struct err *err)
{
	_cleanup_(server_tokens_done) struct tokens t = {};
	const char *path = config->http_token_file, *read_path = config->http_read_token_file;
	struct err why;
	int r;

	if (asprintf(&t.file, "%s%s", path ? path : config->state_dir, path ? "" : "/" TOKEN_FILE) <
	    0) {
		t.file = NULL;
		return err_oom(err);
	}
	r = http_token_read(t.file, !path, &t.token, &why);
	if (r < 0 && path)
		return err_set(err, r, "http.token_file: %s", why.msg);
	if (r < 0)
		log_error("%s: nothing can be changed over http until the file can be read",
			  why.msg);
	r = read_path ? http_token_read(read_path, false, &t.read_token, &why) : 0;
	if (r < 0)
		return err_set(err, r, "http.read_token_file: %s", why.msg);
	*ret = (struct tokens){.token = TAKE_PTR(t.token),
			       .file = TAKE_PTR(t.file),
			       .read_token = TAKE_PTR(t.read_token)};
	return 0;
}

/* Tries again to read or make a token: the disk may have been full. */
static void retry_token(struct server *s)
{
	const struct config *config = s->parts.api_parts.config;
	struct http_config http;

	if (s->tokens.token || !s->tokens.file || clock_now_ns() < s->token_ns)
		return;
	s->token_ns = clock_now_ns() + TOKEN_NS;
	if (http_token_read(s->tokens.file, !config->http_token_file, &s->tokens.token, NULL) < 0)
		return;
	log_info("%s: read: http can change things", s->tokens.file);
	http = make_http_config(s);
	if (s->tcp.http)
		http_set_config(s->tcp.http, &http);
}

void server_reload(struct server *s)
{
	struct tokens tokens = {}, old = s->tokens;
	struct http_config http;
	struct err err;

	if (!s->parts.api_parts.config->http_listen)
		return;
	if (read_tokens(s->parts.api_parts.config, &tokens, &err) < 0) {
		log_error("%s: the tokens stay as they were", err.msg);
		tokens = old;
		old = (struct tokens){};
	}
	s->tokens = tokens;
	http = make_http_config(s);
	if (s->tcp.http && http_set_config(s->tcp.http, &http) < 0) {
		log_error("%s: beyond loopback there must be a token: the tokens stay as they were",
			  http.listen);
		s->tokens = old;
		old = tokens;
	}
	server_tokens_done(&old);
}

static int start_local(struct server *s, struct err *err)
{
	const struct http_config config = {.is_peer_allowed = is_peer_allowed};
	int r = serve_http(s, &s->local, &config, err);

	return r < 0 ? r
		     : local_socket_watch(s->parts.socket, s->parts.loop, on_connection, s, err);
}

static int start_tcp(struct server *s, struct err *err)
{
	int r = read_tokens(s->parts.api_parts.config, &s->tokens, err);

	s->token_ns = clock_now_ns() + TOKEN_NS;
	if (r < 0)
		return r;
	r = start_http(s, err);
	if (r != -EADDRINUSE && r != -EADDRNOTAVAIL)
		return r;
	log_error("%s: no page and no metrics; lutrad tries again every %u s", err->msg,
		  (unsigned)(RETRY_NS / 1000000000));
	return 0;
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
		r = streams_new(&s->tcp.streams, s->parts.api_parts.pipeline, &page_limits,
				run_http, s);
	if (r == 0)
		r = streams_new(&s->local.streams, s->parts.api_parts.pipeline, &command_limits,
				run_http, s);
	if (r < 0)
		return err_oom(err);
	r = api_begin_reads(s->parts.api, s->parts.loop, run_http, s, err);
	if (r < 0)
		return r;
	r = s->parts.api_parts.config->http_listen ? start_tcp(s, err) : 0;
	return r < 0 ? r : start_local(s, err);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	api_end_reads(s->parts.api);
	streams_end(s->tcp.streams);
	streams_end(s->local.streams);
	http_free(s->tcp.http);
	http_free(s->local.http);
	streams_free(s->tcp.streams);
	streams_free(s->local.streams);
	metrics_free(s->metrics);
	server_tokens_done(&s->tokens);
	free(s);
}

void server_check(struct server *s)
{
	struct err err;

	if (!s)
		return;
	streams_check(s->tcp.streams);
	streams_check(s->local.streams);
	if (s->tcp.http)
		http_check(s->tcp.http);
	http_check(s->local.http);
	retry_token(s);
	if (!s->tcp.http && s->parts.api_parts.config->http_listen &&
	    clock_now_ns() > s->retry_ns && start_http(s, &err) < 0)
		log_debug("%s", err.msg);
}
