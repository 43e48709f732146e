/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The denoising autoencoder of one layer (Vincent et al. 2008,
 * https://doi.org/10.1145/1390156.1390294): it maps a pair of codes (a, b) to 8 numbers and back.
 * All in float32.
 *
 *   x (32)           emb_a[a] (16), emb_b[b] (16); the last row, MASK, stands for a hidden code
 *   h1 (64)          relu(x w1 + b1)
 *   z (8)            tanh(h1 w2 + b2), the bottleneck
 *   h2 (64)          relu(z w3 + b3)
 *   logits (k | k)   h2 wh + bh: two heads, each with a softmax of its own
 */
#ifndef LUTRA_TRAINER_MODEL_AE_AE_H
#define LUTRA_TRAINER_MODEL_AE_AE_H

#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/command/progress_bar.h"

#define AE_EMB 16
#define AE_HIDDEN 64
#define AE_Z 8
#define AE_BATCH 2048
#define AE_STEPS 150
#define AE_NO_UNK UINT32_MAX

/* A distinct pair of codes. */
struct ae_pair {
	uint32_t a, b;
	double n; /* how often the pair was seen */
};

struct ae_dims {
	uint32_t k;   /* alphabet size, 1 to 256 */
	uint32_t unk; /* the code that uses the MASK rows, or AE_NO_UNK */
};

struct ae;

/*
 * Makes an autoencoder and draws its parameters; equal seeds give equal bits. Returns 0 or -ENOMEM.
 */
int ae_new(struct ae **ret, const struct ae_dims *dims, uint64_t seed);
void ae_free(struct ae *m);
DEFINE_FREEP(struct ae, ae_free);

/*
 * Trains on n >= 1 pairs, each seen at least once: AE_STEPS steps of Adam. A minibatch draws pairs
 * with a probability proportional to n; if all pairs fit into one batch, each step takes all
 * of them with that weight. The result does not depend on the number of threads.
 * Returns 0 or -ENOMEM.
 */
int ae_train(struct ae *m, const struct ae_pair *pairs, size_t n, unsigned threads,
	     const struct progress *progress);

/* Writes the z of n pairs to ret_z (n, AE_Z), without noise. Returns 0 or -ENOMEM. */
int ae_encode(const struct ae *m, const struct ae_pair *pairs, size_t n, float *ret_z);

/*
 * Decodes z (n, AE_Z): writes -log softmax of both heads to ret_la (n, k) and ret_lb (n, k), in
 * nat. Returns 0 or -ENOMEM.
 */
int ae_decode(const struct ae *m, const float *z, size_t n, float *ret_la, float *ret_lb);

#endif
