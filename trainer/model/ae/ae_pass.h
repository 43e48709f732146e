/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the autoencoder: its parameters, and one block of rows forward and backward. */
#ifndef LUTRA_TRAINER_MODEL_AE_AE_PASS_H
#define LUTRA_TRAINER_MODEL_AE_AE_PASS_H

#include "trainer/model/ae/ae.h"

#define AE_X (2 * AE_EMB)
#define AE_BLOCK 64 /* rows that go through the network at a time: they stay in the cache */

/* Offsets of the parameters in one flat array. */
struct ae_layout {
	size_t emb_a; /* (ka + 1, AE_EMB) */
	size_t emb_b; /* (kb + 1, AE_EMB) */
	size_t w1;    /* (AE_X, AE_HIDDEN) */
	size_t b1;    /* (AE_HIDDEN) */
	size_t w2;    /* (AE_HIDDEN, AE_Z) */
	size_t b2;    /* (AE_Z) */
	size_t w3;    /* (AE_Z, AE_HIDDEN) */
	size_t b3;    /* (AE_HIDDEN) */
	size_t wh;    /* (AE_HIDDEN, out_a + out_b) */
	size_t bh;    /* (out_a + out_b) */
	size_t n;
};

struct ae {
	struct ae_dims dims;
	struct ae_layout at;
	size_t out_a, out_b; /* ka, kb rounded up to 8; the rest has a bias that no softmax sees */
	uint64_t seed;
	float *params;	   /* (at.n) */
	float *transposed; /* w1, w2, w3, wh transposed, at their own offsets */
};

/* A row of a batch: what goes in, what should come out, how much it counts. */
struct ae_row {
	uint32_t in_a, in_b; /* embedding rows */
	uint32_t a, b;
	float weight;
	float noise[AE_Z];
};

/* Activations of a block, and the gradients with respect to them. */
struct ae_block {
	float x[AE_BLOCK * AE_X];
	float h1[AE_BLOCK * AE_HIDDEN];
	float z[AE_BLOCK * AE_Z]; /* without noise */
	float zn[AE_BLOCK * AE_Z];
	float h2[AE_BLOCK * AE_HIDDEN];
	float out[AE_BLOCK * 2 * 256]; /* logits, then probabilities, then their gradient */
	float dh[AE_BLOCK * AE_HIDDEN];
	float dz[AE_BLOCK * AE_Z];
	float dx[AE_BLOCK * AE_X];
};

static inline uint32_t ae_row_a(const struct ae *m, uint32_t a)
{
	return a == m->dims.unk ? m->dims.ka : a;
}

static inline uint32_t ae_row_b(const struct ae *m, uint32_t b)
{
	return b == m->dims.unk ? m->dims.kb : b;
}

/* n <= AE_BLOCK rows to z; then from zn to logits. */
void ae_encode_block(const struct ae *m, struct ae_block *k, const struct ae_row *rows, size_t n);
void ae_decode_block(const struct ae *m, struct ae_block *k, size_t n);

/* Logits of n rows to probabilities, each head by itself. */
void ae_softmax_block(const struct ae *m, struct ae_block *k, size_t n);

/* Add the gradient of n rows to grad (at.n); returns their weighted loss in nat. */
double ae_pass(const struct ae *m, struct ae_block *k, const struct ae_row *rows, size_t n,
	       float *grad);

/* To be called when params have changed, before ae_pass(). */
void ae_transpose(struct ae *m);

#endif
