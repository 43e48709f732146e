/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver of alerts over HTTP, in a thread: keeps what is posted, and answers as it is told. */
#ifndef LUTRA_TESTS_SUPPORT_RECEIVER_H
#define LUTRA_TESTS_SUPPORT_RECEIVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/http/http.h"

#define BODIES 4096

struct receiver {
	struct http *http;
	unsigned port;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint status;   /* of the answer */
	atomic_uint failures; /* so many answers are 503 first */
	const char *answer;   /* body */
	const char *disliked; /* text of a body that is answered 400 with a page; NULL: none */
	bool bulk;	      /* answers as Elasticsearch does, one item a document */
	json_t *index;	  /* of bulk: elastic_index.h, which refuses documents; NULL: takes all */
	const char *item; /* of each document in the first item_requests requests, then 201 */
	atomic_uint item_requests;
	atomic_uint n; /* requests, of which the last BODIES are kept */
	char *body[BODIES];
	uint64_t at_ns[BODIES]; /* CLOCK_MONOTONIC */
};

/* Listens on a port of loopback and answers. port 0: one that is free. */
void receiver_start(struct receiver *r, unsigned port);
void receiver_stop(struct receiver *r);
/* Frees what was kept. */
void receiver_done(struct receiver *r);
/* Waits for n requests. Returns false if there are fewer after a minute, or more. */
bool receiver_has(const struct receiver *r, unsigned n);

#endif
