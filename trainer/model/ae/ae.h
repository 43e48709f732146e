/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The denoising autoencoder of one level: a pair of codes (a, b) to 8 numbers and back. Float32.
 *
 *   x (32) = emb_a[a] (16), emb_b[b] (16)      one more row each, MASK, stands for a hidden code
 *   h1 (64) = relu(x w1 + b1)    z (8) = tanh(h1 w2 + b2)
 *   h2 (64) = relu(z w3 + b3)    logits (ka | kb) = h2 wh + bh, a softmax each
 */
#ifndef LUTRA_TRAINER_MODEL_AE_AE_H
#define LUTRA_TRAINER_MODEL_AE_AE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "trainer/model/compute/pool.h"
#include "lib/base/progress.h"

#define AE_EMB 16
#define AE_HIDDEN 64
#define AE_Z 8
#define AE_BATCH 2048
#define AE_STEPS 150
#define AE_NO_UNK UINT32_MAX

/* A distinct pair and how often it was seen. */
struct ae_pair {
	uint32_t a, b;
	double n;
};

struct ae_dims {
	uint32_t ka, kb; /* alphabet sizes, 1 to 256 */
	uint32_t unk;	 /* code that uses the MASK rows, or AE_NO_UNK */
};

struct ae;

/* Freshly drawn parameters. -ENOMEM. */
int ae_new(struct ae **ret, const struct ae_dims *dims, uint64_t seed);
void ae_free(struct ae *m);
DEFINE_FREEP(struct ae, ae_free);

/*
 * Train on n >= 1 pairs, each with n > 0: AE_STEPS steps of Adam on minibatches drawn by n^0.75
 * (all pairs, so weighted, if they fit one). The result does not depend on the threads. -ENOMEM.
 */
int ae_train(struct ae *m, const struct ae_pair *pairs, size_t n, struct pool *pool,
	     const struct progress *progress);

/* z (n, AE_Z) of pairs, without noise. -ENOMEM. */
int ae_encode(const struct ae *m, const struct ae_pair *pairs, size_t n, float *ret_z);

/* -log softmax at each z (n, AE_Z): ret_la (n, ka), ret_lb (n, kb), in nat. -ENOMEM. */
int ae_decode(const struct ae *m, const float *z, size_t n, float *ret_la, float *ret_lb);

/* For the gradient test: n_params, the parameters, and loss and gradient of pairs, no noise. */
size_t ae_n_params(const struct ae *m);
float *ae_params(struct ae *m);
int ae_gradient(struct ae *m, const struct ae_pair *pairs, size_t n, double *ret_loss,
		float *ret_grad);

#endif
