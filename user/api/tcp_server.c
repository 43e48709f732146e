/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server on TCP. Owns one endpoint, an address with its tokens, and those endpoints before
 * it whose clients still get an answer. An address that is in use is tried again: guarding does not
 * depend on it.
 */
#include "user/api/tcp_server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/base/list.h"
#include "user/sys/clock.h"
#include "user/sys/log.h"

#define RETRY_NS (30 * NSEC_PER_SEC)
#define TOKEN_NS (5 * NSEC_PER_SEC)
#define TOKEN_FILE "http.token"

struct tokens {
	char *token; /* NULL: nothing can be changed */
	char *file;
	char *read_token; /* NULL: there is none */
};

struct tcp_endpoint {
	struct tcp_endpoint *next;
	char *listen;
	struct tokens tokens;
	struct http *http; /* borrows the strings above; NULL: does not listen yet */
	struct loop_watch watch;
	uint64_t retry_ns; /* CLOCK_MONOTONIC, when to try again to listen */
	uint64_t token_ns; /* the same to read the token */
};

struct tcp_server {
	struct tcp_server_parts parts;
	struct tcp_endpoint *now;    /* NULL: there is no server */
	struct tcp_endpoint *ending; /* do not listen any more */
	struct metrics_clients past; /* of endpoints that have ended */
};

/* ---- tokens ---- */

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

/* ---- an endpoint ---- */

static void tcp_endpoint_free(struct tcp_endpoint *e)
{
	if (!e)
		return;
	http_free(e->http);
	server_tokens_done(&e->tokens);
	free(e->listen);
	free(e);
}

DEFINE_FREEP(struct tcp_endpoint, tcp_endpoint_free);

/* Reads the tokens for an address, and does not listen yet. Errors as read_tokens(). */
static int tcp_endpoint_new(const struct tcp_server *t, const char *listen,
			    struct tcp_endpoint **ret, struct err *err)
{
	_cleanup_(tcp_endpoint_freep) struct tcp_endpoint *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return err_oom(err);
	e->listen = strdup(listen);
	r = e->listen ? read_tokens(t->parts.config, &e->tokens, err) : err_oom(err);
	if (r < 0)
		return r;
	e->token_ns = clock_now_ns() + TOKEN_NS;
	*ret = TAKE_PTR(e);
	return 0;
}

static struct http_config make_http_config(const struct tcp_server *t, const struct tcp_endpoint *e,
					   const struct tokens *tokens)
{
	const struct config *config = t->parts.config;

	return (struct http_config){.listen = e->listen,
				    .token = tokens->token,
				    .read_token = tokens->read_token,
				    .read_without_token = config->http_read_without_token,
				    .is_peer_allowed = t->parts.is_peer_allowed,
				    .token_file = tokens->file,
				    .hosts = (const char *const *)config->http_hosts};
}

/* Errors as http_new(). */
static int listen_at(struct tcp_server *t, struct tcp_endpoint *e, struct err *err)
{
	const struct http_config config = make_http_config(t, e, &e->tokens);
	int r = http_new(&e->http, &config, t->parts.routes, t->parts.ctx, err);

	e->retry_ns = clock_now_ns() + RETRY_NS;
	if (r < 0)
		return r;
	e->watch = (struct loop_watch){
		.fd = http_epoll_fd(e->http), .on_ready = t->parts.run, .ctx = t->parts.ctx};
	r = loop_watch(t->parts.loop, &e->watch, EPOLLIN, err);
	if (r < 0) {
		http_free(TAKE_PTR(e->http));
		return r;
	}
	log_info("http on %s, port %u", e->listen, http_port(e->http));
	return 0;
}

static void add_counts(const struct http *h, struct metrics_clients *ret)
{
	uint64_t answered[6];

	http_answered(h, answered);
	for (size_t i = 0; i < 6; i++)
		ret->answered[i] += answered[i];
	ret->timed_out += http_timed_out(h);
}

/* ---- a change of the address ---- */

/* Ends an endpoint once its clients have their answers. Streams end at once. */
static void end_endpoint(struct tcp_server *t, struct tcp_endpoint *e)
{
	if (!e || !e->http) {
		tcp_endpoint_free(e);
		return;
	}
	http_end_listening(e->http);
	t->parts.end_streams(t->parts.ctx);
	LIST_PUSH(t->ending, e);
	http_run(e->http);
}

static void check_ending(struct tcp_server *t)
{
	for (struct tcp_endpoint **at = &t->ending, *e; (e = *at);) {
		http_check(e->http);
		if (!http_is_empty(e->http)) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		add_counts(e->http, &t->past);
		loop_forget(t->parts.loop, &e->watch);
		tcp_endpoint_free(e);
	}
}

/* Takes the tokens and hosts of the configuration at the address of now. */
static void reload_access(struct tcp_server *t)
{
	struct tcp_endpoint *e = t->now;
	struct tokens tokens = {}, old = e->tokens;
	struct http_config http;
	struct err err;

	if (read_tokens(t->parts.config, &tokens, &err) < 0) {
		log_error("%s: the tokens stay as they were", err.msg);
		tokens = old;
		old = (struct tokens){};
	}
	e->tokens = tokens;
	http = make_http_config(t, e, &e->tokens);
	if (e->http && http_set_config(e->http, &http) < 0) {
		log_error("%s: beyond loopback there must be a token: the tokens stay as they were",
			  e->listen);
		e->tokens = old;
		old = tokens;
	}
	server_tokens_done(&old);
}

/* Returns true if the address has the port that is in use now, on another address of the host. */
static bool is_own_port(const struct tcp_server *t, const char *listen)
{
	const char *colon = strrchr(listen, ':');

	return t->now->http && colon && strtoul(colon + 1, NULL, 10) == http_port(t->now->http);
}

/*
 * Listens at an address that overlaps with the present one, which cannot be held meanwhile. After a
 * failure lutrad listens at the present one again.
 */
static int replace_own_port(struct tcp_server *t, struct tcp_endpoint *next, struct err *err)
{
	struct tcp_endpoint *again = NULL;
	struct err why;
	int r = tcp_endpoint_new(t, t->now->listen, &again, err);

	if (r < 0 || !again)
		return r;
	http_end_listening(t->now->http);
	r = listen_at(t, next, err);
	if (r < 0) {
		if (listen_at(t, again, &why) < 0)
			log_error("%s: lutrad tries again every 30 s", why.msg);
		end_endpoint(t, t->now);
		t->now = TAKE_PTR(again);
	}
	tcp_endpoint_free(again);
	return r;
}

/* Listens at the new address first; the old one stays if that fails. */
static void move_address(struct tcp_server *t, const char *listen)
{
	_cleanup_(tcp_endpoint_freep) struct tcp_endpoint *next = NULL;
	struct err err;
	int r = tcp_endpoint_new(t, listen, &next, &err);

	if (r == 0) {
		r = listen_at(t, next, &err);
		if (r == -EADDRINUSE && is_own_port(t, listen))
			r = replace_own_port(t, next, &err);
	}
	if (r < 0 && t->now->http) {
		log_error("%s: http stays on %s", err.msg, t->now->listen);
		reload_access(t);
		return;
	}
	if (r < 0)
		log_error("%s: lutrad tries again every 30 s", err.msg);
	if (next) {
		end_endpoint(t, t->now);
		t->now = TAKE_PTR(next);
	}
}

static int start_listening(struct tcp_server *t, struct err *err)
{
	int r = tcp_endpoint_new(t, t->parts.config->http_listen, &t->now, err);

	if (r < 0 || !t->now)
		return r;
	r = listen_at(t, t->now, err);
	if (r != -EADDRINUSE && r != -EADDRNOTAVAIL)
		return r;
	log_error("%s: no page and no metrics; lutrad tries again every %u s", err->msg,
		  (unsigned)(RETRY_NS / NSEC_PER_SEC));
	return 0;
}

static void turn_on(struct tcp_server *t)
{
	struct err err;

	if (start_listening(t, &err) == 0)
		return;
	log_error("%s: http stays off", err.msg);
	tcp_endpoint_free(TAKE_PTR(t->now));
}

static void turn_off(struct tcp_server *t)
{
	if (t->now)
		log_info("http is off");
	end_endpoint(t, TAKE_PTR(t->now));
}

void tcp_server_reload(struct tcp_server *t)
{
	const char *listen = t->parts.config->http_listen;

	if (!listen) {
		turn_off(t);
	} else if (!t->now) {
		turn_on(t);
	} else if (strcmp(t->now->listen, listen) == 0) {
		reload_access(t);
	} else {
		move_address(t, listen);
	}
}

/* ---- each second ---- */

/* Tries again to read or make a token: the disk may have been full. */
static void retry_token(struct tcp_server *t)
{
	const struct config *config = t->parts.config;
	struct tcp_endpoint *e = t->now;
	struct http_config http;

	if (e->tokens.token || clock_now_ns() < e->token_ns)
		return;
	e->token_ns = clock_now_ns() + TOKEN_NS;
	if (http_token_read(e->tokens.file, !config->http_token_file, &e->tokens.token, NULL) < 0)
		return;
	log_info("%s: read: http can change things", e->tokens.file);
	http = make_http_config(t, e, &e->tokens);
	if (e->http)
		http_set_config(e->http, &http);
}

void tcp_server_check(struct tcp_server *t)
{
	struct err err;

	check_ending(t);
	if (!t->now)
		return;
	retry_token(t);
	if (t->now->http)
		http_check(t->now->http);
	else if (clock_now_ns() > t->now->retry_ns && listen_at(t, t->now, &err) < 0)
		log_debug("%s", err.msg);
}

void tcp_server_run(struct tcp_server *t)
{
	if (t->now && t->now->http)
		http_run(t->now->http);
	for (struct tcp_endpoint *e = t->ending; e; e = e->next)
		http_run(e->http);
}

void tcp_server_count(const struct tcp_server *t, struct metrics_clients *ret)
{
	for (size_t i = 0; i < 6; i++)
		ret->answered[i] += t->past.answered[i];
	ret->timed_out += t->past.timed_out;
	if (t->now && t->now->http)
		add_counts(t->now->http, ret);
	for (const struct tcp_endpoint *e = t->ending; e; e = e->next)
		add_counts(e->http, ret);
}

/* ---- life ---- */

int tcp_server_new(struct tcp_server **ret, const struct tcp_server_parts *parts, struct err *err)
{
	struct tcp_server *t = calloc(1, sizeof(*t));

	*ret = t;
	if (!t)
		return err_oom(err);
	t->parts = *parts;
	return parts->config->http_listen ? start_listening(t, err) : 0;
}

void tcp_server_free(struct tcp_server *t)
{
	if (!t)
		return;
	tcp_endpoint_free(t->now);
	while (t->ending)
		tcp_endpoint_free(LIST_POP(t->ending));
	free(t);
}
