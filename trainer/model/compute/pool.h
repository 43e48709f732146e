/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered pieces of work, shared out to threads. */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_POOL_H
#define LUTRA_TRAINER_MODEL_COMPUTE_POOL_H

#include <stddef.h>

#include "lib/base/err.h"

#define POOL_THREADS_MAX 64

/* Returns how many processors are online, at most POOL_THREADS_MAX: the default for pool_run(). */
unsigned pool_processors(void);

/*
 * Calls fn(ctx, i, err) once for each i < n, on any thread and in any order. Blocks until all calls
 * have returned. Piece i must write only data of its own: then the result does not depend on the
 * order. threads: 1 to POOL_THREADS_MAX, the caller's own included; if the system allows no more
 * threads, those that there are do the work.
 * Returns 0, or the error of the first piece that failed, with its text or that of strerror(3).
 */
int pool_run(unsigned threads, int (*fn)(void *ctx, size_t i, struct err *err), void *ctx, size_t n,
	     struct err *err);

#endif
