/* SPDX-License-Identifier: Apache-2.0 */
/* The client of lutrad's control socket. */
#ifndef LUTRA_USER_HTTP_CONTROL_CLIENT_H
#define LUTRA_USER_HTTP_CONTROL_CLIENT_H

#include <jansson.h>

#include "lib/base/err.h"

/*
 * Sends a request to lutrad's socket, the path of a Unix socket, and takes over its reference.
 * Blocks until lutrad answers; the caller frees *ret_answer. on_line is called for each further
 * line until lutrad closes the connection or on_line returns not 0; it may be NULL. -ECONNREFUSED:
 * lutrad does not run. -EACCES: not root. -EBADMSG: not an answer. -EREMOTEIO: lutrad refused, err
 * is its reason.
 */
int control_ask(const char *socket_path, json_t *request, json_t **ret_answer,
		int (*on_line)(void *ctx, const char *line), void *ctx, struct err *err);

#endif
