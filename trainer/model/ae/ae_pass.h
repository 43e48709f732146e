/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The autoencoder's parameters, and the passes of one block of rows through it: forward and
 * backward. Only ae.c, ae_pass.c, their test and the benchmark include this.
 */
#ifndef LUTRA_TRAINER_MODEL_AE_AE_PASS_H
#define LUTRA_TRAINER_MODEL_AE_AE_PASS_H

#include "trainer/model/ae/ae.h"

#define AE_X (2 * AE_EMB)
#define AE_BLOCK 64 /* rows that pass through the network together and stay in the L2 cache */

/* Offsets of the parameters in one flat array; weights are (in, out). */
struct ae_layout {
	size_t emb_a; /* (k + 1, AE_EMB) */
	size_t emb_b; /* (k + 1, AE_EMB) */
	size_t w1;    /* (AE_X, AE_HIDDEN) */
	size_t b1;    /* (AE_HIDDEN) */
	size_t w2;    /* (AE_HIDDEN, AE_Z) */
	size_t b2;    /* (AE_Z) */
	size_t w3;    /* (AE_Z, AE_HIDDEN) */
	size_t b3;    /* (AE_HIDDEN) */
	size_t wh;    /* (AE_HIDDEN, 2 * out) */
	size_t bh;    /* (2 * out) */
	size_t n;     /* parameters in all */
};

struct ae {
	struct ae_dims dims;
	struct ae_layout at;
	size_t out; /* of one head: k rounded up to 8; the padding's bias is -1e9: probability 0 */
	uint64_t seed;
	float *params;	   /* (at.n) */
	float *transposed; /* (at.n) w1, w2, w3, wh transposed, at the offsets of the originals */
};

/* A row of a batch. */
struct ae_row {
	uint32_t in_a, in_b; /* rows of emb_a, emb_b that go in */
	uint32_t a, b;	     /* codes that should come out */
	float weight;	     /* of the row in the loss */
	float noise[AE_Z];   /* added to z */
};

/* Activations of a block of n rows, and the loss's gradients with respect to them. */
struct ae_block {
	float x[AE_BLOCK * AE_X];
	float h1[AE_BLOCK * AE_HIDDEN];
	float z[AE_BLOCK * AE_Z];  /* without noise */
	float zn[AE_BLOCK * AE_Z]; /* with noise */
	float h2[AE_BLOCK * AE_HIDDEN];
	float out[AE_BLOCK * 2 * 256];	/* logits, then probabilities, then their gradient */
	float dh[AE_BLOCK * AE_HIDDEN]; /* of h2, then of h1 */
	float dz[AE_BLOCK * AE_Z];
	float dx[AE_BLOCK * AE_X];
};

/* Returns the row of emb_a and emb_b for a code: MASK for the unknown code. */
static inline uint32_t ae_row_of(const struct ae *m, uint32_t code)
{
	return code == m->dims.unk ? m->dims.k : code;
}

/* Encodes n <= AE_BLOCK rows: in_a, in_b to x, h1 and z. */
void ae_encode_block(const struct ae *m, struct ae_block *k, const struct ae_row *rows, size_t n);

/* Decodes n rows: zn to h2 and the logits in out. */
void ae_decode_block(const struct ae *m, struct ae_block *k, size_t n);

/* Turns the logits of n rows in out into probabilities, each head by itself. */
void ae_softmax_block(const struct ae *m, struct ae_block *k, size_t n);

/*
 * Passes n rows forward and backward, and adds their gradient to grad (at.n). ae_transpose() must
 * have been called since the parameters changed. Returns the weighted loss in nat.
 */
double ae_pass(const struct ae *m, struct ae_block *k, const struct ae_row *rows, size_t n,
	       float *grad);

/* Brings the transposed weights up to date with the parameters. */
void ae_transpose(struct ae *m);

#endif
