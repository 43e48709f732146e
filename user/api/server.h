/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad over HTTP: the routes, and the server on the main loop. */
#ifndef LUTRA_USER_API_SERVER_H
#define LUTRA_USER_API_SERVER_H

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/api/routes/api.h"
#include "user/sys/loop.h"

struct server;

/*
 * Serves, if the configuration asks for it; else *ret is NULL. An address that is in use is logged
 * and tried again: containers are guarded all the same. Errors as http_new() but for bind(2), and
 * http_token_read() of a file that was named. Also after a failure the caller frees *ret.
 */
int server_new(struct server **ret, struct loop *loop, const struct api_parts *parts,
	       struct api *api, struct err *err);
void server_free(struct server *s);
DEFINE_FREEP(struct server, server_free);
/* To be called every second: ends idle connections, and listens if that has failed so far. */
void server_check(struct server *s);

#endif
