/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer of the model: training from counted pairs. A layer has a code for every pair of codes
 * of the layer below, seen or not.
 */
#ifndef LUTRA_TRAINER_MODEL_AE_LAYER_H
#define LUTRA_TRAINER_MODEL_AE_LAYER_H

#include "trainer/model/ae/ae.h"

/* How often each pair was seen: count[a << shift | b]. */
struct pair_counts {
	const uint32_t *count;
	unsigned shift;
};

/*
 * A trained layer without its counts. It stays the same when runs are left out of the counts. The
 * layer owns its arrays.
 */
struct layer {
	uint32_t k;	/* codes of the layer below; of layer 0: tokens */
	uint32_t codes; /* codes in use, at most LUTRA_K */
	uint8_t *code;	/* (k, k) */
	float *la, *lb; /* (codes, k): -log p(a | code), -log p(b | code), nat */
};

#define LAYER_RANDOM_CODES 1u /* draw the codes instead of learning them: a baseline */

/*
 * Makes a layer of zeroes with room for `codes` codes. The caller calls layer_done(), also after a
 * failure. Returns 0 or -ENOMEM.
 */
int layer_init(struct layer *l, uint32_t k, uint32_t codes);

/* Frees what the layer owns and zeroes it. */
void layer_done(struct layer *l);

/* How to train a layer. */
struct layer_options {
	uint64_t seed;
	unsigned flags; /* LAYER_* */
	unsigned threads;
	const struct progress *progress; /* or NULL */
};

/*
 * Trains the autoencoder on at least one counted pair and quantises its bottleneck to codes. dims:
 * as for ae_new(). The caller calls layer_done(ret), also after a failure. Returns 0 or -ENOMEM.
 */
int layer_train(struct layer *ret, const struct ae_dims *dims, const struct pair_counts *counts,
		const struct layer_options *options);

/*
 * Writes how surprising each pair is, seen or not, to ret, indexed as the counts, in nat: half the
 * reconstruction error, and what is unexpected of b after a. Returns 0 or -ENOMEM.
 */
int layer_surprise(const struct layer *l, const struct pair_counts *counts, float *ret);

/* Writes q(b | a), how much the layer expects b after a, to ret_q (k, k). Returns 0 or -ENOMEM. */
int layer_expectation(const struct layer *l, const struct pair_counts *counts, double *ret_q);

#endif
