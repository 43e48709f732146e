/* SPDX-License-Identifier: Apache-2.0 */
/* The API over HTTP. */
#ifndef LUTRA_USER_API_API_HTTP_H
#define LUTRA_USER_API_API_HTTP_H

#include "user/api/routes/api.h"
#include "user/http/http.h"

/* Answers a request below API_PREFIX. Returns 0 or -ENOMEM. */
int api_http(struct api *a, const struct http_request *q, struct http_reply *ret);

#endif
