/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server on TCP: its address and tokens, which a reload changes. On the main loop. */
#ifndef LUTRA_USER_API_TCP_SERVER_H
#define LUTRA_USER_API_TCP_SERVER_H

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/api/metrics.h"
#include "user/config/config.h"
#include "user/http/http.h"
#include "user/sys/loop.h"

struct tcp_server;

/* What the server uses; all of it outlives the server. */
struct tcp_server_parts {
	struct loop *loop;
	const struct config *config;
	const struct http_route *routes;
	/* As in struct http_config, and called with ctx, as routes are. */
	bool (*is_peer_allowed)(void *ctx, int fd);
	void (*run)(void *ctx);		/* calls tcp_server_run() */
	void (*end_streams)(void *ctx); /* ends the streams of all clients */
	void *ctx;
};

/*
 * Listens, if the configuration asks for it. An address that is in use is logged and tried again.
 * Errors as http_new() but for bind(2), and http_token_read() of a file that was named. Also after
 * a failure the caller frees *ret.
 */
int tcp_server_new(struct tcp_server **ret, const struct tcp_server_parts *parts, struct err *err);
/* To be called after the streams have ended. */
void tcp_server_free(struct tcp_server *t);
DEFINE_FREEP(struct tcp_server, tcp_server_free);

/*
 * The configuration was read again: takes its address, tokens and hosts. An address that cannot be
 * listened on, and tokens that cannot be read, are logged, and the old ones stay.
 */
void tcp_server_reload(struct tcp_server *t);
/* To be called every second: ends idle connections, and listens if that has failed so far. */
void tcp_server_check(struct tcp_server *t);
/* Serves what needs no waiting, as http_run(). */
void tcp_server_run(struct tcp_server *t);
/* Adds what clients of all addresses so far were answered. */
void tcp_server_count(const struct tcp_server *t, struct metrics_clients *ret);

#endif
