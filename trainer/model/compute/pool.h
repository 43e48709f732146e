/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads that share out numbered pieces of work. */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_POOL_H
#define LUTRA_TRAINER_MODEL_COMPUTE_POOL_H

#include <stddef.h>

#include "lib/base/cleanup.h"

#define POOL_THREADS_MAX 64

struct pool;

/* Returns how many processors are online, at most POOL_THREADS_MAX: the default for pool_new(). */
unsigned pool_processors(void);

/*
 * Starts a pool. threads: 1 to POOL_THREADS_MAX, including the caller's own.
 * Returns 0, -ENOMEM, or -EAGAIN if the system allows no more threads.
 */
int pool_new(struct pool **ret, unsigned threads);

/* Ends the threads and frees the pool. NULL is allowed. */
void pool_free(struct pool *p);
DEFINE_FREEP(struct pool, pool_free);

/*
 * Calls fn(ctx, i) once for each i < n, on any thread and in any order. Blocks until all calls have
 * returned. Piece i must write only data of its own: then the result does not depend on the order.
 */
void pool_run(struct pool *p, void (*fn)(void *ctx, size_t i), void *ctx, size_t n);

#endif
