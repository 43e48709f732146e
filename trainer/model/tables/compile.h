/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a trained level to its table: a code for every pair of codes, and a weight for every pair
 * that was not seen.
 */
#ifndef LUTRA_TRAINER_MODEL_TABLES_COMPILE_H
#define LUTRA_TRAINER_MODEL_TABLES_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trainer/model/ae/ae.h"

#define COMPILE_UNIT 20. /* weights are 1/20 nat */
#define COMPILE_CAP 12.	 /* nat: no pair weighs more */

/* How often each pair was seen: count[a << shift | b]. */
struct pair_counts {
	const uint32_t *count;
	unsigned shift;
};

/* A level without its counts: what stays the same when runs are left out. */
struct level {
	uint32_t ka, kb;
	uint32_t codes; /* at most LUTRA_K */
	uint8_t *code;	/* (ka, kb) */
	float *la, *lb; /* (codes, ka), (codes, kb): -log p(a | code), -log p(b | code), nat */
};

#define LEVEL_RANDOM_CODES 1u /* codes drawn instead of learned: the baseline of evaluations */

void level_done(struct level *l);

/* How to train a level. flags: LEVEL_*. */
struct level_options {
	uint64_t seed;
	unsigned flags;
	struct pool *pool;
	const struct progress *progress;
};

/*
 * Train, quantise: dims as for ae_new(), counts of at least one pair. -ENOMEM. ret is the
 * caller's to level_done(), also on failure.
 */
int level_train(struct level *ret, const struct ae_dims *dims, const struct pair_counts *counts,
		const struct level_options *options);

/*
 * The table: ret[a * kb + b] = weight << 8 | code; the weight is 0 where the pair was seen, else
 * 1 to 255. -ENOMEM.
 */
int level_table(const struct level *l, const struct pair_counts *counts, uint16_t *ret);

/*
 * The same weights before they are rounded, in 1/20 nat: ret (ka, kb). gate: of pairs that were not
 * seen, 0 of the others; without it of all. -ENOMEM.
 */
int level_weights(const struct level *l, const struct pair_counts *counts, bool gate, float *ret);

#endif
