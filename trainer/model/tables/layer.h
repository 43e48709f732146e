/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer of the model: training from counted pairs, and the table that the scorer loads. A table
 * has a code for every pair of codes and a weight for every pair that training did not see.
 */
#ifndef LUTRA_TRAINER_MODEL_TABLES_LAYER_H
#define LUTRA_TRAINER_MODEL_TABLES_LAYER_H

#include <stdbool.h>

#include "trainer/model/ae/ae.h"

#define LAYER_UNIT 20. /* weights are 1/20 nat */
#define LAYER_CAP 12.  /* nat, the highest weight of a pair */

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
	unsigned flags; /* LAYER_*, MODEL_NO_ROLES */
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
 * Writes the table: ret[a * stride + b] = weight << 8 | code. The weight is 0 if the pair was seen,
 * else 1 to 255 in 1/20 nat. Returns 0 or -ENOMEM.
 */
int layer_table(const struct layer *l, const struct pair_counts *counts, size_t stride,
		uint16_t *ret);

/*
 * Writes the weights before rounding to ret, indexed as the counts, in 1/20 nat. gate: seen pairs
 * weigh 0, as in the table; false: seen pairs have a weight too. Returns 0 or -ENOMEM.
 */
int layer_weights(const struct layer *l, const struct pair_counts *counts, bool gate, float *ret);

/* Writes q(b | a), how much the layer expects b after a, to ret_q (k, k). Returns 0 or -ENOMEM. */
int layer_expectation(const struct layer *l, const struct pair_counts *counts, double *ret_q);

#endif
