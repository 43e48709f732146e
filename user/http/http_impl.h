/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the HTTP server. */
#ifndef LUTRA_USER_HTTP_HTTP_IMPL_H
#define LUTRA_USER_HTTP_HTTP_IMPL_H

#include <jansson.h>

#include "lib/base/text.h"
#include "user/http/http.h"

#define HTTP_HOSTS 20

/* Who may ask. */
struct http_access {
	char *token;		/* NULL: nobody can change anything */
	char *host[HTTP_HOSTS]; /* lower case, without port; "[::1]" in brackets */
	unsigned n_hosts;
	unsigned port;
	bool loopback;
};

/* Listen on "ADDRESS:PORT"; access gets port and loopback. -EINVAL, or as bind(2). */
int http_listen(const char *where, int *ret_fd, struct http_access *access, struct err *err);
/* Token and hosts. -EINVAL: too many hosts. -ENOMEM. */
int http_access_init(struct http_access *a, const struct http_config *config, struct err *err);
void http_access_done(struct http_access *a);

/* 0, or the status that refuses, and why. */
unsigned http_access_host(const struct http_access *a, struct MHD_Connection *c,
			  const char **ret_why);
unsigned http_access_route(const struct http_access *a, struct MHD_Connection *c, unsigned flags,
			   const char **ret_why);

/* Begins with a slash, has no component "." or "..", no control character, no backslash. */
bool http_path_is_plain(const char *path);

#endif
