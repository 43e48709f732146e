/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that read the store or policies, off the main loop. */
#ifndef LUTRA_USER_API_ROUTES_READ_THREAD_H
#define LUTRA_USER_API_ROUTES_READ_THREAD_H

#include "user/api/routes/api_impl.h"
#include "user/sys/log.h"
#include "user/sys/loop.h"
#include "user/sys/worker.h"

struct read_thread_parts {
	struct loop *loop;
	/* Makes the answer of a handler. Called in the thread. Returns 0 or -ENOMEM. */
	int (*answer)(struct api_call *call, api_handler *run, struct http_reply *ret);
	void (*on_sent)(void *ctx); /* answers wait to be written; NULL: nobody is told */
	void *ctx;
};

struct read_job {
	struct worker_item item;
	struct read_thread *thread;
	struct read_job *next_done;
	struct api_call call;
	api_handler *run;
	struct config config; /* as it was when the request came */
	char *name;
	struct http_later *later;
	struct http_reply reply;
	bool answered;
};

int read_thread_new(struct read_thread **ret, const struct read_thread_parts *parts,
		    struct err *err);
/* Waits for the handler that runs, and answers all others with 503. */
void read_thread_free(struct read_thread *t);
DEFINE_FREEP(struct read_thread, read_thread_free);
/*
 * Has the thread run a handler and answer the request of the call. Takes a reference to call->prepared;
 * copies the rest. Does not block. -ENOMEM.
 */
int read_thread_put(struct read_thread *t, const struct api_call *call, api_handler *run);

#endif
