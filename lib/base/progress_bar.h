/* SPDX-License-Identifier: Apache-2.0 */
/* A progress bar, for what takes longer than a second. */
#ifndef LUTRA_LIB_BASE_PROGRESS_BAR_H
#define LUTRA_LIB_BASE_PROGRESS_BAR_H

#include <pthread.h>
#include <stdio.h>

#include "lib/base/progress.h"

struct bar {
	FILE *out; /* a terminal, or NULL: nothing is shown */
	double start;
	double last;
	int shown;
	pthread_mutex_t lock;
};

void bar_init(struct bar *bar, FILE *out);

/* As struct progress wants it, ctx the bar; of any thread. */
void bar_show(void *ctx, const char *stage, double done);

/* Take it off the terminal. */
void bar_done(struct bar *bar);

#endif
