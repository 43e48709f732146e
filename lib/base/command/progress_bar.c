/* SPDX-License-Identifier: Apache-2.0 */
/* One line on a terminal that is written again and again. */
#include "lib/base/command/progress_bar.h"

#include <time.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define BAR_AFTER_S 1.
#define BAR_EVERY_S .1

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_bar_init(struct progress_bar *bar, FILE *out)
{
	*bar = (struct progress_bar){
		.out = isatty(fileno(out)) ? out : NULL,
		.start = now_s(),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
}

void progress_bar_show(void *ctx, const char *stage, double done)
{
	static const char full[BAR_WIDTH + 1] = "##############################";
	struct progress_bar *bar = ctx;
	double now = now_s();

	if (!bar->out)
		return;
	pthread_mutex_lock(&bar->lock);
	if (now - bar->start >= BAR_AFTER_S && now - bar->last >= BAR_EVERY_S) {
		bar->last = now;
		bar->shown = 1;
		fprintf(bar->out, "\r%-14s [%-*.*s] %3.0f %%", stage, BAR_WIDTH,
			(int)(done * BAR_WIDTH), full, done * 100);
		fflush(bar->out);
	}
	pthread_mutex_unlock(&bar->lock);
}

void progress_bar_done(struct progress_bar *bar)
{
	if (bar->shown)
		fputs("\r\033[K", bar->out);
	bar->shown = 0;
}
