/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad over HTTP: the routes, and the server on the main loop. */
#ifndef LUTRA_USER_API_SERVER_H
#define LUTRA_USER_API_SERVER_H

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/api/local_socket.h"
#include "user/api/routes/api.h"
#include "user/sys/loop.h"

struct server;

/* What the server uses; all of it outlives the server. */
struct server_parts {
	struct loop *loop;
	struct api_parts api_parts;
	struct api *api;
	struct local_socket *socket;   /* open, and not watched */
	struct saved_list *saved_list; /* NULL: containers are not saved */
};

/*
 * Serves the Unix socket, and TCP if the configuration asks for it. Errors as tcp_server_new(),
 * http_new() and local_socket_watch(). Also after a failure the caller frees *ret.
 */
int server_new(struct server **ret, const struct server_parts *parts, struct err *err);
void server_free(struct server *s);
DEFINE_FREEP(struct server, server_free);
/* The configuration was read again: as tcp_server_reload(). */
void server_reload(struct server *s);
/* To be called every second: ends idle connections, and listens if that has failed so far. */
void server_check(struct server *s);

#endif
