/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event loop over epoll, for one thread. A watch is a descriptor and the function that handles
 * it; the loop calls one handler at a time, so a handler may free any other watch.
 */
#ifndef LUTRA_USER_SYS_LOOP_H
#define LUTRA_USER_SYS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

struct loop;

/* A descriptor that the loop waits for. Its owner keeps the watch until loop_unwatch(). */
struct loop_watch {
	int fd;
	void (*on_ready)(void *ctx);
	void *ctx;
};

/* Work that waits until no descriptor is ready, or until delay_ns have passed. */
struct loop_idle {
	void (*on_idle)(void *ctx);
	void *ctx;
	uint64_t delay_ns;
	uint64_t since_ns;	/* CLOCK_MONOTONIC, of the request; 0: nothing was requested */
	struct loop_idle *next; /* the loop's */
};

/* Returns 0, -ENOMEM or -errno as epoll_create1(2). The caller frees the loop. */
int loop_new(struct loop **ret);
/* Closes the loop's own descriptor only. */
void loop_free(struct loop *l);
DEFINE_FREEP(struct loop, loop_free);

/*
 * Calls w->on_ready when one of the events (EPOLL*) happens, until loop_unwatch(). Returns 0 or
 * -errno as epoll_ctl(2).
 */
int loop_watch(struct loop *l, struct loop_watch *w, uint32_t events, struct err *err);
/* Ends a watch and closes its descriptor; a descriptor below 0 is ignored. */
void loop_unwatch(struct loop *l, struct loop_watch *w);

/* Ends a watch and leaves its descriptor open. */
void loop_forget(struct loop *l, struct loop_watch *w);

/* Requests one call of i->on_idle. A request that is already open stays as it is. */
void loop_when_idle(struct loop *l, struct loop_idle *i);
/* Withdraws the request. Returns true if there was one. */
bool loop_cancel_idle(struct loop *l, struct loop_idle *i);

/* Handles events until loop_stop() is called. Returns 0 or -errno as epoll_wait(2). */
int loop_run(struct loop *l);
/* Ends loop_run() after the present handler. */
void loop_stop(struct loop *l);

#endif
