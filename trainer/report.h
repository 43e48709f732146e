/* SPDX-License-Identifier: Apache-2.0 */
/* What a person at the terminal sees: progress while it runs, a summary at the end. */
#ifndef LUTRA_TRAINER_REPORT_H
#define LUTRA_TRAINER_REPORT_H

#include <pthread.h>
#include <stdio.h>

#include "lib/policy/policy.h"
#include "trainer/progress.h"

struct report_bar {
	FILE *out; /* a terminal, or NULL: no bar */
	double start;
	double last;
	int shown;
	pthread_mutex_t lock;
};

/* A bar on out, if that is a terminal, for what takes longer than a second. */
void report_bar_init(struct report_bar *bar, FILE *out);
void report_bar_show(void *bar, const char *stage, double done);
void report_bar_done(struct report_bar *bar);

/* What an updated policy knows that the old one did not, in words. -ENOMEM. */
int report_news(const struct policy *old, const struct policy *p, FILE *out);

/* Processors that are online: how many threads to use by default; at most REPORT_THREADS_MAX. */
#define REPORT_THREADS_MAX 64
unsigned report_processors(void);

/* A policy in a few readable lines. */
void report_policy(const struct policy *p, FILE *out);

#endif
