/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels in floating point, where the product has integers. Two kinds:
 *
 *   gated    rule A with weights and levels that are not rounded, to see what rounding does
 *   mean     the baseline `reconstruction`: the same error without the gate, of call numbers alone
 *            without roles; the running mean over at most 512 calls of a lineage, from the 512th on
 */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_FLOAT_LEVELS_H
#define LUTRA_TRAINER_EVAL_DETECTORS_FLOAT_LEVELS_H

#include "trainer/eval/detectors/detectors.h"
#include "trainer/model/tables/model.h"

#define FLOAT_LEVELS_MEAN 512 /* calls */

/* A lineage, copied by fork. */
struct float_state {
	struct lutra_state state;
	uint32_t n;   /* calls so far */
	double level; /* in 1/20 nat */
};

struct float_levels {
	struct lutra_policy *image; /* tables and steady calls only */
	float *weight[MODEL_LAYERS];
	bool gated;
	double threshold;
};

void float_levels_done(struct float_levels *f);

/* What the floats are made from: a model, its counts and its traces. */
struct float_levels_source {
	const struct model *model;
	const struct run_counts *counts; /* (n) */
	const char *const *files;	 /* (n), in the order of the counts */
	size_t n;
	bool gated;
};

/*
 * Weights and threshold: 1.25 times the highest level of the runs, each by the others' counts; of
 * gated ones not below the product's floor. ret is the caller's to float_levels_done(), also on failure.
 * -ENOMEM, or as trace_reader_new().
 */
int float_levels_train(struct float_levels *ret, const struct float_levels_source *src,
		       struct pool *pool, struct err *err);

void float_levels_init(const struct float_levels *f, struct float_state *s);

/* The next call moves s->level on. seen: of this reader alone; of a mean NULL. */
void float_levels_score(const struct float_levels *f, struct float_state *s,
			struct lutra_seen *seen, uint32_t nr);

/* Is the level above the threshold? Not before enough calls were made. */
bool float_levels_is_alarm(const struct float_levels *f, const struct float_state *s);

#endif
