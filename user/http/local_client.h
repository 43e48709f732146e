/* SPDX-License-Identifier: Apache-2.0 */
/* A client of lutrad's HTTP API over its Unix socket, for commands and the OCI hook. Blocks. */
#ifndef LUTRA_USER_HTTP_LOCAL_CLIENT_H
#define LUTRA_USER_HTTP_LOCAL_CLIENT_H

#include <jansson.h>

#include "lib/base/err.h"

#define LOCAL_CLIENT_PATH 4096
#define LOCAL_GET json_null() /* a body that asks by GET */

/*
 * Asks for a path below /api/v1/ and reads the JSON of the answer. socket: path of the Unix socket.
 * body: an object for POST, whose reference is taken over, or LOCAL_GET. The caller frees *ret.
 * -EINVAL: body is NULL, since json_pack() refused an argument that is not UTF-8.
 * -ECONNREFUSED: lutrad does not run. -EACCES: not root. -EBADMSG: not an answer of this API.
 * -EREMOTEIO: lutrad refused, err is its reason. -ETIMEDOUT: no answer in 60 s, or in the seconds of
 * LUTRA_TIMEOUT.
 */
int local_client_ask(const char *socket, const char *path, json_t *body, json_t **ret,
		     struct err *err);

/* A stream of events, open until local_stream_close(). */
struct local_stream;
/* Opens GET path as server-sent events; returns once lutrad sends. Errors as local_client_ask(). */
int local_stream_open(struct local_stream **ret, const char *socket, const char *path,
		      struct err *err);
/* Waits for the next event that is an alert. Returns its JSON, which the caller frees; NULL: the stream has ended. */
json_t *local_stream_next(struct local_stream *s);
void local_stream_close(struct local_stream *s);

/* Writes "PATH?KEY=VALUE" with VALUE escaped. Returns buf. */
const char *local_client_query(char buf[static LOCAL_CLIENT_PATH], const char *path,
			       const char *key, const char *value);
/* Appends "&KEY=VALUE" with VALUE escaped to what local_client_query() wrote; nothing if value is NULL. */
void local_client_add(char buf[static LOCAL_CLIENT_PATH], const char *key, const char *value);
/* Writes "BEFORE/NAME/AFTER" with NAME escaped for a path. Returns buf. */
const char *local_client_path(char buf[static LOCAL_CLIENT_PATH], const char *before,
			      const char *name, const char *after);

#endif
