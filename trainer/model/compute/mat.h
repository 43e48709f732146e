/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of row-major float32 matrices.
 *
 *   out (m, n)  =  a (m, k)  x  b (k, n)
 *
 * Each element has one accumulator and is summed over k in ascending order, so the bits of the
 * result do not depend on the width of the processor's vectors.
 */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_MAT_H
#define LUTRA_TRAINER_MODEL_COMPUTE_MAT_H

#include <stdbool.h>
#include <stddef.h>

struct mat_dims {
	size_t m, n, k; /* n: a multiple of 8 */
	/* Element (i, j) of a is a[i * a_row + j * a_col]; a_row = 1 reads a transposed matrix. */
	size_t a_row;
	size_t a_col;
	bool add; /* add the product to out; false: overwrite out */
};

/* Computes out = a b, or out += a b. */
void mat_mul(float *out, const float *a, const float *b, const struct mat_dims *d);

/* Computes what mat_mul() computes, in three plain loops. The tests compare the two bit by bit. */
void mat_mul_ref(float *out, const float *a, const float *b, const struct mat_dims *d);

/* Writes the transpose of in (m, n) to out (n, m). */
void mat_transpose(float *out, const float *in, size_t m, size_t n);

#endif
