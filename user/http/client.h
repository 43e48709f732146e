/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET over Unix sockets, as engines' APIs are asked: many at a time, none of which is waited for.
 * Whoever owns it watches one descriptor. Answers are bounded.
 */
#ifndef LUTRA_USER_HTTP_CLIENT_H
#define LUTRA_USER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

struct http_client;

struct http_client_answer {
	int r;		  /* 0: there is a status. Else -errno, why says it; -EFBIG: over max */
	long status;	  /* of HTTP */
	const char *body; /* NUL-terminated; of a stream: empty */
	size_t len;
	const char *why;
};

struct http_client_get {
	const char *socket; /* all are copied */
	const char *path;
	size_t max;			      /* bytes of the answer; of a stream: of a line */
	long timeout_ms;		      /* 0: a stream, which lasts */
	void (*head)(void *ctx, bool podman); /* of a stream: it has begun; NULL: who cares */
	void (*line)(void *ctx, const char *text, size_t len); /* a stream's; NULL: none */
	void (*done)(void *ctx,
		     const struct http_client_answer *a); /* always, once; from http_client_run() */
	void *ctx;
};

int http_client_new(struct http_client **ret, struct err *err);
/* Those under way end without a word. */
void http_client_free(struct http_client *h);
DEFINE_FREEP(struct http_client, http_client_free);

/* -ENOMEM; or what libcurl says, as -EIO. */
int http_client_start(struct http_client *h, const struct http_client_get *get);
/* Readable when http_client_run() has something to do. */
int http_client_fd(const struct http_client *h);
void http_client_run(struct http_client *h);

#endif
