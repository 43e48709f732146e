/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's other end. */
#ifndef LUTRA_USER_HTTP_CONTROL_CLIENT_H
#define LUTRA_USER_HTTP_CONTROL_CLIENT_H

#include <jansson.h>

#include "lib/base/err.h"

/*
 * Send a request (reference stolen) to the daemon that config (NULL: the default file) names.
 * *ret_answer: the answer, the caller's. each: called for every further line until the daemon ends
 * it, or it returns other than 0; may be NULL. -ECONNREFUSED: no daemon. -EBADMSG: not an answer.
 * -EREMOTEIO: the daemon said no; err is what it said.
 */
int client_ask(const char *config, json_t *request, json_t **ret_answer,
	       int (*each)(void *ctx, const char *line), void *ctx, struct err *err);

#endif
