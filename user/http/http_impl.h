/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share. */
#ifndef LUTRA_USER_HTTP_HTTP_IMPL_H
#define LUTRA_USER_HTTP_HTTP_IMPL_H

#include "user/http/http.h"

/* Who may ask. */
struct http_access {
	struct http_config config;
	unsigned port;
	bool loopback;
};

/* Returns 0, or the HTTP status of the refusal; *ret_why is its static reason. */
unsigned http_access_host(const struct http_access *a, struct MHD_Connection *c,
			  const char **ret_why);
/* Returns 0, or the HTTP status of the refusal; why then holds its reason. */
unsigned http_access_route(const struct http_access *a, struct MHD_Connection *c, unsigned flags,
			   struct err *why);

/*
 * Returns true if the path begins with a slash and has no ".", "..", control character or
 * backslash.
 */
bool http_path_is_plain(const char *path);

#endif
