/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of level M: how unusual a pair is that no training run had.
 *
 *   R(a)       training runs that had a as the first of a pair
 *   D1(a)      how many b came after a in exactly one run
 *   g          (sum D1 + .5) / (sum R + 1), sums over all a
 *   e(a)       (D1(a) + 2 g) / (R(a) + 2): how many new pairs with a first the next run brings
 *   q(b | a)   what the layer's autoencoder expects after a
 *   k          codes of the layer below
 *
 *   w(a, b)    0 if a run had the pair, else
 *              clip(clip(-ln e(a), .2, 8) + (-ln q(b | a) - ln k) / 2, .2, 12)
 *
 * e is Good and Turing's estimate (Good 1953, https://doi.org/10.1093/biomet/40.3-4.237) with runs
 * as the samples: what is new is new to a run, however often the run repeats it.
 */
#ifndef LUTRA_TRAINER_MODEL_LEVEL_M_M_WEIGHTS_H
#define LUTRA_TRAINER_MODEL_LEVEL_M_M_WEIGHTS_H

#include "lutra/score_m.h"
#include "trainer/model/level_m/m_codes.h"

#define M_WEIGHTS_RUNS 9 /* with fewer runs the weights say little, and level M only logs */

/* How level N moves, and how often a pair is new to it. docs/model.md says why. */
#define M_NOVELTY_SHIFT 4
#define M_NOVELTY_COUNTS 1

/* Computes e of a layer. ret_e: (k), by a. */
void m_weights_news(const struct m_pairs *pairs, uint32_t k, unsigned shift, double *ret_e);

/*
 * Makes the tables from the counts of all runs except `without`. The codes stay as they are. An
 * entry is round(16 w) << 8 | code. Returns 0 or -ENOMEM.
 */
int m_weights_tables(struct lutra_m_tables *ret, const struct m_codes *codes,
		     const struct histories *h, size_t without);

#endif
