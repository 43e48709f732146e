/* SPDX-License-Identifier: Apache-2.0 */
/* A policy before recorded runs, beside baselines that were trained on the same runs. */
#ifndef LUTRA_TRAINER_EVALUATE_H
#define LUTRA_TRAINER_EVALUATE_H

#include "trainer/eval/report/summary.h"
#include "lib/base/progress.h"

/* Traces by what they are for. */
struct file_list {
	const char **file; /* not owned */
	size_t n;
};

struct evaluate_files {
	struct file_list train, normal, attack, adaptive;
};

struct evaluate_options {
	const struct policy *policy;
	const struct evaluate_files *files;
	const struct progress *progress;
	void (*warn)(void *ctx, const char *line);
	void *warn_ctx;
	unsigned threads;
	bool timeline; /* keep what a report draws */
};

/*
 * Judge all runs: *ret (all but train, in this order) is the caller's, each to
 * evaluated_run_done(). With runs to train on, baselines are trained first. Errors as corpus_load(),
 * train_policy(), evaluated_run_judge(); -EAGAIN: no threads.
 */
int evaluate_runs(const struct evaluate_options *options, struct evaluated_run **ret, size_t *ret_n,
		  struct err *err);

void evaluate_free(struct evaluated_run *trials, size_t n);

#endif
