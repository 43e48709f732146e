/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server: a table of routes over libmicrohttpd. The caller's event loop drives the server,
 * so routes run on the caller's thread. The memory that clients can take is bounded.
 *
 * The server refuses a request, before it calls a route, with
 *   401  no token: for a route that changes something, for HTTP_READS, and for every route but
 *        HTTP_OPEN where the server listens beyond loopback
 *   400  Host is no name and port, a query has a NUL, or the path is not plain
 *   403  Host is neither the address nor a configured name (DNS rebinding), or a route that changes
 *        something is asked with the Origin of another site, or with the token that may only
 *        read; the client may not ask
 *   404  no route has this path
 *   405  no route of this path has this method
 *   413  the body is over HTTP_BODY_MAX
 */
#ifndef LUTRA_USER_HTTP_HTTP_H
#define LUTRA_USER_HTTP_HTTP_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

#define HTTP_BODY_MAX 65536
#define HTTP_CONNECTIONS_MAX 256       /* of a TCP server */
#define HTTP_LOCAL_CONNECTIONS_MAX 512 /* of a Unix socket: a hook for each container that starts */
#define HTTP_TOKEN_MIN 16	       /* bytes of a token */
#define HTTP_TOKEN_MAX 256	       /* bytes of a token */

struct http;
struct http_later;

/* Strings are borrowed until http_free(). */
struct http_config {
	const char *listen;	 /* as address_parse() reads it; NULL: http_add_connection() only */
	const char *token;	 /* NULL: nobody may change anything; loopback only */
	const char *read_token;	 /* for what changes nothing; NULL: there is none */
	bool read_without_token; /* on loopback HTTP_READS needs no token */
	const char *token_file;	 /* where the token is, for those who lack it; NULL: not known */
	const char *const *hosts; /* more names that Host may have; ends with NULL; NULL: none */
	/*
	 * May the peer of this connection ask? Called with the ctx of http_new() before each
	 * request; the server refuses a peer with 403. NULL: each peer may.
	 */
	bool (*is_peer_allowed)(void *ctx, int fd);
};

struct http_request {
	struct MHD_Connection *connection;
	bool is_local;	    /* came by http_add_connection() */
	const char *method; /* "GET" for HEAD too */
	const char *path;   /* decoded, begins with a slash, has no "." or ".." components */
	const char *rest;   /* the path behind the route's prefix; "" for a route without a star */
	const char *body;   /* NUL-terminated, body_len bytes without it */
	size_t body_len;
	struct http_later *own; /* the server's */
};

/*
 * Returns the name of a query parameter of the request that is none of known, which ends with NULL, or
 * that comes twice or has no value. NULL: there is none.
 */
const char *http_unknown_query(const struct http_request *q, const char *const *known);
/* Returns the decoded value of a query parameter, NULL if the request has none of that name. */
const char *http_query(const struct http_request *q, const char *name);

struct http_reply {
	unsigned status;
	const char *type; /* media type of the body; static */
	char *body;	  /* the server frees it; NULL: empty */
	size_t len;
	const char *allow;	       /* the methods that a path has, with status 405; static */
	struct MHD_Response *response; /* a stream in place of a body; the server destroys it */
	const char *csp; /* Content-Security-Policy; static; NULL: the page may load nothing */
};

#define HTTP_LATER 1 /* a route has called http_later() */

#define HTTP_OPEN 0x1	 /* the route never needs the token */
#define HTTP_CHANGES 0x2 /* the route always needs the token */
#define HTTP_READS 0x4	 /* the route needs a token that may read, or read_without_token */
#define HTTP_PLAIN 0x8	 /* the route takes no query parameters */

struct http_route {
	const char *method;
	const char *path; /* a star at the end stands for any rest */
	unsigned flags;	  /* HTTP_* */
	/* Fills in *ret and returns 0, or HTTP_LATER. A negative value becomes status 500. */
	int (*handle)(void *ctx, const struct http_request *q, struct http_reply *ret);
};

/*
 * Listens and answers with the first route that has the path and the method. routes ends with a
 * route without a method; routes and ctx are borrowed. -EINVAL: listen is no address, or lies
 * beyond loopback without a token. Else as bind(2), for example -EADDRINUSE.
 */
int http_new(struct http **ret, const struct http_config *config, const struct http_route *routes,
	     void *ctx, struct err *err);
void http_free(struct http *h);
DEFINE_FREEP(struct http, http_free);

/*
 * Serves a connection that the caller accepted on a Unix socket. The caller has checked the peer: the
 * server asks for no Host, Origin or token, and takes over fd in each case. For a server without
 * listen only. Returns 0 or -errno.
 */
int http_add_connection(struct http *h, int fd);
/*
 * Sets who may ask from here on: all of http_config but listen. Strings are borrowed. -EINVAL: the
 * server listens beyond loopback, and there is no token; then nothing has changed.
 */
int http_set_config(struct http *h, const struct http_config *config);
/*
 * Ends listening, which frees the address, and does not block. A client gets the answer that it waits for,
 * then its connection is closed. An idle connection is closed within 6 s of http_check().
 */
void http_end_listening(struct http *h);
/* Returns true if there is no connection. */
bool http_is_empty(const struct http *h);
/*
 * Has a request wait for http_finish(); the route then returns HTTP_LATER. *ret is a copy of the request
 * that is valid until http_finish(), and that another thread may read. NULL: out of memory, or the
 * request is none of a route.
 */
struct http_later *http_later(const struct http_request *q, const struct http_request **ret);
/*
 * Answers a request that waits, and takes over what the reply owns. On the server's thread, outside its
 * routes; http_run() sends the answer. No request may wait when the server is freed.
 */
void http_finish(struct http_later *l, const struct http_reply *reply);
/* Returns true if the client has closed its connection. */
bool http_is_gone(const struct http_request *q);

/*
 * Returns a descriptor that is readable when http_run() has work. Call http_run() every second,
 * too.
 */
int http_epoll_fd(const struct http *h);
/* Cuts off the clients that are too slow. To be called every second. */
void http_check(struct http *h);
/* Serves what needs no waiting. Call it after resuming a connection. */
void http_run(struct http *h);
/* Returns the port that the server listens on, also where the kernel chose it. */
unsigned http_port(const struct http *h);
/* Counts the answers by hundreds of their status: ret[2] counts 200 to 299. */
void http_answered(const struct http *h, uint64_t ret[static 6]);

/* Returns how many clients were cut off: idle, or too slow with a request or an answer. */
uint64_t http_timed_out(const struct http *h);

/* Fills in an answer with a copy of len bytes of text. -ENOMEM. */
int http_text(struct http_reply *ret, unsigned status, const char *type, const char *text,
	      size_t len);
/* Fills in an answer of JSON and drops the reference to j; NULL: out of memory. -ENOMEM. */
int http_json(struct http_reply *ret, unsigned status, json_t *j);
/* Fills in the answer {"error": why}. -ENOMEM. */
int http_error(struct http_reply *ret, unsigned status, const char *why);

/* ---- token.c ---- */

/*
 * Reads a token: one line of HTTP_TOKEN_MIN to HTTP_TOKEN_MAX visible characters. The file belongs
 * to root or to this process's user, and nobody else may read it. create: where there is no file,
 * writes one with 256 random bits. The caller frees *ret. -ENOENT: no file; -EACCES: others may
 * read it; -EBADMSG: no token; else as open(2).
 */
int http_token_read(const char *path, bool create, char **ret, struct err *err);

#endif
