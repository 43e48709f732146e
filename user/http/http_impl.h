/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share. */
#ifndef LUTRA_USER_HTTP_HTTP_IMPL_H
#define LUTRA_USER_HTTP_HTTP_IMPL_H

#include <jansson.h>

#include "lib/base/text.h"
#include "user/http/http.h"

#define HTTP_HOSTS 20

/* Who may ask. */
struct http_access {
	char *token;		/* NULL: nobody may change anything */
	char *host[HTTP_HOSTS]; /* names without a port; "[::1]" in brackets */
	unsigned n_hosts;
	unsigned port;
	bool loopback;
};

/* Copies token and hosts of the configuration. -EINVAL: too many hosts. -ENOMEM. */
int http_access_init(struct http_access *a, const struct http_config *config, struct err *err);
void http_access_done(struct http_access *a);

/* Both return 0, or the HTTP status of the refusal; *ret_why is its static reason. */
unsigned http_access_host(const struct http_access *a, struct MHD_Connection *c,
			  const char **ret_why);
unsigned http_access_route(const struct http_access *a, struct MHD_Connection *c, unsigned flags,
			   const char **ret_why);

/*
 * Returns true if the path begins with a slash and has no ".", "..", control character or
 * backslash.
 */
bool http_path_is_plain(const char *path);

#endif
