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

struct fetch;

struct fetch_answer {
	int r;		  /* 0: there is a status. Else -errno, why says it; -EFBIG: over max */
	long status;	  /* of HTTP */
	const char *body; /* NUL-terminated; of a stream: empty */
	size_t len;
	const char *why;
};

struct fetch_get {
	const char *socket; /* all are copied */
	const char *path;
	size_t max;			      /* bytes of the answer; of a stream: of a line */
	long timeout_ms;		      /* 0: a stream, which lasts */
	void (*head)(void *ctx, bool podman); /* of a stream: it has begun; NULL: who cares */
	void (*line)(void *ctx, const char *text, size_t len); /* a stream's; NULL: none */
	void (*done)(void *ctx, const struct fetch_answer *a); /* always, once; from fetch_run() */
	void *ctx;
};

int fetch_new(struct fetch **ret, struct err *err);
/* Those under way end without a word. */
void fetch_free(struct fetch *h);
DEFINE_FREEP(struct fetch, fetch_free);

/* -ENOMEM; or what libcurl says, as -EIO. */
int fetch_start(struct fetch *h, const struct fetch_get *get);
/* Readable when fetch_run() has something to do. */
int fetch_fd(const struct fetch *h);
void fetch_run(struct fetch *h);

#endif
