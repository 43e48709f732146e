/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates a policy on recorded runs, beside baselines that are trained on the same runs. */
#ifndef LUTRA_TRAINER_EVALUATE_H
#define LUTRA_TRAINER_EVALUATE_H

#include "trainer/adapt.h"
#include "trainer/eval/report/summary.h"

/* Traces that are used for the same thing. */
struct file_list {
	const char **file; /* (n), not owned */
	size_t n;
};

/* The traces of an evaluation, by what they are for. */
struct evaluate_files {
	struct file_list train;
	struct file_list judged[RUN_KINDS]; /* by enum run_kind */
	struct file_list starts;	    /* in which adaptive attacks start; train is needed */
};

struct evaluate_options {
	const struct policy *policy;
	const struct evaluate_files *files;
	const struct progress *progress;	   /* or NULL */
	void (*warn)(void *ctx, const char *line); /* or NULL */
	void *warn_ctx;
	unsigned threads;
	bool timeline;		     /* keep the timelines that a report draws */
	uint64_t adapt_seed;	     /* of the adaptive attacks */
	struct adapt_results *adapt; /* gets them if there are starts */
};

/*
 * Judges all runs: *ret (*ret_n of them: normal, attack, adaptive) is the caller's to
 * evaluate_free(). If there are runs to train on, baselines are trained first. Blocks; uses
 * options->threads threads.
 * Returns 0, -ENOEXEC if the training runs have another architecture than the policy, or an error
 * of corpus_load(), train_policy() or evaluated_run_judge().
 */
int evaluate_runs(const struct evaluate_options *options, struct evaluated_run **ret, size_t *ret_n,
		  struct err *err);

/* Frees the runs. NULL is allowed. */
void evaluate_free(struct evaluated_run *runs, size_t n);

#endif
