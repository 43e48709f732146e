/* SPDX-License-Identifier: Apache-2.0 */
/* A few threads that share out numbered pieces of work. */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_POOL_H
#define LUTRA_TRAINER_MODEL_COMPUTE_POOL_H

#include <stddef.h>

#include "lib/base/cleanup.h"

#define POOL_THREADS_MAX 64

struct pool;

/* Returns how many processors are online, at most POOL_THREADS_MAX: the default for pool_new(). */
unsigned pool_processors(void);

/* threads: 1 to 64, the caller's own included. 0, -ENOMEM, -EAGAIN (no thread can be made). */
int pool_new(struct pool **ret, unsigned threads);
void pool_free(struct pool *p);
DEFINE_FREEP(struct pool, pool_free);

/*
 * Call fn(ctx, i) once for each i < n, on any thread, in any order; returns when all are done.
 * Results must not depend on the order: each i writes what is its own.
 */
void pool_run(struct pool *p, void (*fn)(void *ctx, size_t i), void *ctx, size_t n);

#endif
