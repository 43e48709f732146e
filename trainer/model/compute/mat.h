/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix product of float32, row-major. Each element is summed over k in ascending order, one
 * accumulator an element, so the result is the same bits whatever the vector width.
 *
 *   out (m, n)  =  a (m, k)  x  b (k, n)
 */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_MAT_H
#define LUTRA_TRAINER_MODEL_COMPUTE_MAT_H

#include <stdbool.h>
#include <stddef.h>

struct mat_dims {
	size_t m, n, k; /* n: a multiple of 8 */
	size_t a_row; /* a's element (i, j) is a[i * a_row + j * a_col]: also reads a transposed */
	size_t a_col;
	bool add; /* out += instead of out = */
};

void mat_mul(float *out, const float *a, const float *b, const struct mat_dims *d);

/* The same, plainly; for the tests. */
void mat_mul_ref(float *out, const float *a, const float *b, const struct mat_dims *d);

/* out (n, m) = transposed in (m, n) */
void mat_transpose(float *out, const float *in, size_t m, size_t n);

#endif
