/* SPDX-License-Identifier: Apache-2.0 */
/* How far a long computation is: a callback that is told, and a bar on a terminal that shows it. */
#ifndef LUTRA_LIB_BASE_COMMAND_PROGRESS_BAR_H
#define LUTRA_LIB_BASE_COMMAND_PROGRESS_BAR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

/* Who is told. show() may be called by several threads at a time. */
struct progress {
	void (*show)(void *ctx, const char *stage, double done); /* done: 0 to 1 of the stage */
	void *ctx;
};

/* Tells how far a stage is. p may be NULL. */
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

/* Counts one more piece as done and tells how far the stage is. */
static inline void progress_piece(struct progress_pieces *x)
{
	size_t done = atomic_fetch_add(&x->done, 1) + 1;

	progress_show(x->progress, x->stage, (double)done / (double)x->n);
}

/* A line on a terminal, from the second second on. */
struct progress_bar {
	FILE *out;    /* a terminal, or NULL: nothing is shown */
	double start; /* seconds, CLOCK_MONOTONIC */
	double last;  /* when it was drawn last */
	int shown;
	pthread_mutex_t lock;
};

/* Starts a bar on out, which shows nothing if out is not a terminal. */
void progress_bar_init(struct progress_bar *bar, FILE *out);

/* Draws the bar. Fits struct progress, with the bar as ctx; any thread may call it. */
void progress_bar_show(void *ctx, const char *stage, double done);

/* Takes the bar off the terminal. */
void progress_bar_done(struct progress_bar *bar);

#endif
