/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET requests over Unix sockets, for the APIs of container engines. Many requests run at a time
 * and nothing blocks: the owner watches one descriptor. Answers have a maximal size.
 */
#ifndef LUTRA_USER_HTTP_CLIENT_H
#define LUTRA_USER_HTTP_CLIENT_H

#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

struct http_client;

struct http_client_answer {
	int r;		  /* 0: status is set; -EFBIG: over max; else -errno, and why says it */
	long status;	  /* HTTP status */
	const char *body; /* NUL-terminated; empty for a stream */
	size_t len;
	const char *why;
};

struct http_client_get {
	const char *socket;		      /* path of the Unix socket; copied */
	const char *path;		      /* copied */
	size_t max;			      /* bytes of an answer, or of a line of a stream */
	long timeout_ms;		      /* 0: a stream without a limit of time */
	void (*head)(void *ctx, bool podman); /* a stream has begun; may be NULL */
	void (*line)(void *ctx, const char *text,
		     size_t len); /* a line of a stream; NULL: no stream */
	void (*done)(void *ctx, const struct http_client_answer
					*a); /* called exactly once, from http_client_run() */
	void *ctx;
};

int http_client_new(struct http_client **ret, struct err *err);
/* Frees the client and its open requests, without calling their done(). */
void http_client_free(struct http_client *h);
DEFINE_FREEP(struct http_client, http_client_free);

/* Starts a request. -ENOMEM; -EIO: libcurl refused it. */
int http_client_start(struct http_client *h, const struct http_client_get *get);
/* Returns a descriptor that is readable when http_client_run() has work. */
int http_client_fd(const struct http_client *h);
/* Serves what needs no waiting and calls the requests' callbacks. */
void http_client_run(struct http_client *h);

#endif
