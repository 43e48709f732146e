/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model in floating point, where the product has integers:
 *
 *   reconstruction  the baseline: -log p(a, b | z) of the three levels' autoencoders, without codes
 *                   between z and the decoder, without gate; the mean of a lineage's last 512 calls
 *   float A         rule A with weights and levels that are not rounded
 */
#ifndef LUTRA_TRAINER_EVAL_FLOATS_H
#define LUTRA_TRAINER_EVAL_FLOATS_H

#include "trainer/eval/rules.h"
#include "trainer/model/model.h"

#define FLOATS_MEAN 512 /* calls */

/* A lineage, copied by fork. */
struct float_state {
	struct lutra_state state;
	uint32_t n; /* calls so far */
	double a;   /* in 1/20 nat */
	double sum; /* of error[] */
	float error[FLOATS_MEAN];
};

struct floats {
	struct lutra_policy *image; /* tables and steady calls only */
	float *error[MODEL_LEVELS], *weight[MODEL_LEVELS];
	double th_a, th_error;
};

void floats_done(struct floats *f);

/* What the floats are made from: a model with LEVEL_KEEP_ERROR, its counts and its traces. */
struct floats_source {
	const struct model *model;
	const struct run_counts *counts; /* (n) */
	const char *const *files;	 /* (n), in the order of the counts */
	size_t n;
};

/*
 * Weights, errors and thresholds. That of A: 1.25 times the highest level of the runs, each by the
 * others' counts, not below the product's floor. That of the error: 1.25 times the highest of the
 * runs, on which the autoencoders were trained. ret is the caller's to floats_done(), also on
 * failure. -ENOMEM, or as trace_reader_new().
 */
int floats_train(struct floats *ret, const struct floats_source *src, struct pool *pool,
		 struct err *err);

void floats_init(const struct floats *f, struct float_state *s);

/* The next call; seen: of this reader alone. Levels: s->a, and the mean error, which is returned. */
double floats_step(const struct floats *f, struct float_state *s, struct lutra_seen *seen,
		   uint32_t nr);

#endif
