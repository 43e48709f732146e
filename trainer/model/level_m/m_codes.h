/* SPDX-License-Identifier: Apache-2.0 */
/* The codes of level M: three layers as in ae/layer.h, trained on histories. */
#ifndef LUTRA_TRAINER_MODEL_LEVEL_M_M_CODES_H
#define LUTRA_TRAINER_MODEL_LEVEL_M_M_CODES_H

#include "trainer/model/level_m/histories.h"
#include "trainer/model/ae/layer.h"

#define M_LAYERS 3
#define M_SHIFT(layer) ((layer) == 0 ? 8u : 7u) /* pair (a, b) has the index a << shift | b */
#define M_PAIRS(layer) ((size_t)1 << 2 * M_SHIFT(layer))

struct m_codes {
	struct layer layer[M_LAYERS];
};

/* How often the pairs of one layer occurred in the runs. */
struct m_pairs {
	uint32_t *count;  /* (M_PAIRS) occurrences in all runs */
	uint32_t *runs;	  /* (M_PAIRS) runs that had the pair */
	uint32_t *firsts; /* (1 << M_SHIFT), by a: runs that had a as the first of a pair */
};

/*
 * Counts the pairs of a layer in all runs except `without`, by the codes of the layers below. At
 * layer 0, pairs with UNK do not count. The caller calls m_pairs_done(), also after a failure.
 * Returns 0 or -ENOMEM.
 */
int m_pairs_count(struct m_pairs *ret, const struct histories *h, const struct m_codes *codes,
		  unsigned layer, size_t without);
void m_pairs_done(struct m_pairs *p);

/* Returns the index of the pair with which a history ends in a layer. */
uint32_t m_codes_pair(const struct m_codes *codes, unsigned layer, uint64_t history);

/* Returns the code with which a new task starts in a layer: PAD, p1 or p2. */
uint8_t m_codes_start(const struct m_codes *codes, unsigned layer);

/*
 * Trains codes on all runs except `without`. v: tokens of the alphabet. options: as for
 * layer_train(). The caller calls m_codes_done(ret), also after a failure. Returns 0 or -ENOMEM.
 */
int m_codes_train(struct m_codes *ret, const struct histories *h, uint32_t v, size_t without,
		  const struct layer_options *options);
void m_codes_done(struct m_codes *codes);

#endif
