/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one HTTP server: a table of routes over libmicrohttpd, driven by the caller's event loop, so
 * that routes run in the caller's thread. Everything a client can make it hold is bounded.
 *
 * Refused before a route is asked: a Host that is neither the address nor a name it is configured
 * to have (403: a name that somebody pointed here is not ours), a body over HTTP_BODY_MAX (413), a
 * path that no route has (404), another method (405); without the bearer token (401), what changes
 * something, and everything but HTTP_OPEN where the server listens beyond loopback; and what
 * changes something with an Origin that is not this server (403).
 */
#ifndef LUTRA_USER_HTTP_HTTP_H
#define LUTRA_USER_HTTP_HTTP_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

#define HTTP_BODY_MAX 65536
#define HTTP_CONNECTIONS_MAX 64
#define HTTP_TOKEN_MIN 16  /* bytes of a token */
#define HTTP_TOKEN_MAX 256 /* the same */

struct http;

struct http_config {
	const char *listen;	  /* "127.0.0.1:9477", "[::1]:9477": numbers only */
	const char *token;	  /* NULL: nothing can be changed, nor listened beyond loopback */
	const char *const *hosts; /* names that Host may have too; NULL: none; ends with NULL */
};

struct http_request {
	struct MHD_Connection *connection;
	const char *method; /* "GET" for HEAD too */
	const char *path;   /* decoded, begins with a slash, has no "." or ".." components */
	const char *rest;   /* of path, behind the route's prefix; "" for whole paths */
	const char *body;   /* NUL-terminated, body_len bytes without it */
	size_t body_len;
};

/* Value of a query parameter, decoded; NULL: not there. */
const char *http_query(const struct http_request *q, const char *name);

struct http_reply {
	unsigned status;
	const char *type; /* of the body; static */
	char *body;	  /* taken over, free(3)d; NULL: none */
	size_t len;
	struct MHD_Response *response; /* instead of body, taken over: for streams */
	const char *csp; /* Content-Security-Policy; static; NULL: nothing may be loaded */
};

#define HTTP_OPEN 0x1	 /* needs no token, wherever it is asked from */
#define HTTP_CHANGES 0x2 /* needs the token always */

struct http_route {
	const char *method;
	const char *path; /* ends in "*": whatever begins so */
	unsigned flags;	  /* HTTP_* */
	/* Fills *ret. Negative: 500. */
	int (*handle)(void *ctx, const struct http_request *q, struct http_reply *ret);
};

/*
 * Listen. routes: ends with one without method; the first whose path and method fit is taken;
 * borrowed, as is ctx. -EINVAL: listen is no address, or needs a token. Else as bind(2):
 * -EADDRINUSE.
 */
int http_new(struct http **ret, const struct http_config *config, const struct http_route *routes,
	     void *ctx, struct err *err);
void http_free(struct http *h);
DEFINE_FREEP(struct http, http_free);

/* Readable when http_run() has something to do; it is to be called about every second too. */
int http_epoll_fd(const struct http *h);
/* Serve what can be served without waiting; again after a connection was resumed. */
void http_run(struct http *h);
/* The port that it listens on, which the kernel chose for port 0. */
unsigned http_port(const struct http *h);
/* Requests answered so far, with status codes of each hundred: ret[2] for 200 to 299. */
void http_answered(const struct http *h, uint64_t ret[static 6]);

/* A body of that text. len bytes are copied. -ENOMEM. */
int http_text(struct http_reply *ret, unsigned status, const char *type, const char *text,
	      size_t len);
/* {"error": "…"}. */
int http_error(struct http_reply *ret, unsigned status, const char *why);

/* ---- token.c ---- */

/*
 * Read a token: one line of HTTP_TOKEN_MIN to HTTP_TOKEN_MAX visible characters, in a regular file
 * that its owner alone, who is this process's user or root, may read. *ret is the caller's. create:
 * make one of 256 random bits where there is no file. -ENOENT, -EACCES: others may read it,
 * -EBADMSG, or as open(2).
 */
int http_token_read(const char *path, bool create, char **ret, struct err *err);

#endif
