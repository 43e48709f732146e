/* SPDX-License-Identifier: Apache-2.0 */
/* How far a long computation is, told to whoever wants to know. */
#ifndef LUTRA_LIB_BASE_PROGRESS_H
#define LUTRA_LIB_BASE_PROGRESS_H

#include <stdatomic.h>
#include <stddef.h>

/* show: may be called by several threads at a time. */
struct progress {
	void (*show)(void *ctx, const char *stage, double done); /* done: 0 to 1 of the stage */
	void *ctx;
};

/* p may be NULL. */
static inline void progress_show(const struct progress *p, const char *stage, double done)
{
	if (p && p->show)
		p->show(p->ctx, stage, done);
}

/* A stage of n pieces that end in any order. */
struct progress_pieces {
	const struct progress *progress; /* or NULL */
	const char *stage;
	size_t n;
	atomic_size_t done;
};

/* One more of them is done. */
static inline void progress_piece(struct progress_pieces *x)
{
	size_t done = atomic_fetch_add(&x->done, 1) + 1;

	progress_show(x->progress, x->stage, (double)done / (double)x->n);
}

#endif
