/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix product by tiles of 4 rows x 16 columns whose sums stay in registers.
 *
 *   acc[4][2]   a tile's sums, vectors of 8 floats
 *   each k      4 scalars of a times 2 vectors of b
 *
 * Columns that are left over, 8 of them, take a tile of one vector; rows that are left over take
 * tiles of one row.
 */
#include "trainer/model/compute/mat.h"

#include "trainer/model/compute/vec.h"

#define TILE_ROWS 4

/*
 * Computes out[0..rows)[0..8 * vecs). Both are constants after inlining, so the compiler keeps acc
 * in registers.
 */
static inline __attribute__((always_inline)) void multiply_tile(float *out, const float *a,
								const float *b,
								const struct mat_dims *d, int rows,
								int vecs)
{
	vec8 acc[TILE_ROWS][2] = {{{0}}};

	for (int r = 0; r < rows && d->add; r++)
		for (int v = 0; v < vecs; v++)
			vec8_load(&acc[r][v], out + r * d->n + 8 * v);
	for (size_t k = 0; k < d->k; k++) {
		const float *ak = a + k * d->a_col;
		vec8 bk[2];

		for (int v = 0; v < vecs; v++)
			vec8_load(&bk[v], b + k * d->n + 8 * v);
		for (int r = 0; r < rows; r++)
			for (int v = 0; v < vecs; v++)
				acc[r][v] += ak[r * d->a_row] * bk[v];
	}
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vecs; v++)
			vec8_store(out + r * d->n + 8 * v, &acc[r][v]);
}

/* Computes n_rows rows of out, tile by tile from left to right. */
static inline __attribute__((always_inline)) void
multiply_rows(float *out, const float *a, const float *b, const struct mat_dims *d, int n_rows)
{
	size_t j = 0;

	for (; j + 16 <= d->n; j += 16)
		multiply_tile(out + j, a, b + j, d, n_rows, 2);
	for (; j + 8 <= d->n; j += 8)
		multiply_tile(out + j, a, b + j, d, n_rows, 1);
}

VEC_CLONES void mat_mul(float *out, const float *a, const float *b, const struct mat_dims *d)
{
	size_t i = 0;

	for (; i + TILE_ROWS <= d->m; i += TILE_ROWS)
		multiply_rows(out + i * d->n, a + i * d->a_row, b, d, TILE_ROWS);
	for (; i < d->m; i++)
		multiply_rows(out + i * d->n, a + i * d->a_row, b, d, 1);
}

void mat_mul_ref(float *out, const float *a, const float *b, const struct mat_dims *d)
{
	for (size_t i = 0; i < d->m; i++) {
		for (size_t j = 0; j < d->n; j++) {
			float sum = d->add ? out[i * d->n + j] : 0;

			for (size_t k = 0; k < d->k; k++)
				sum += a[i * d->a_row + k * d->a_col] * b[k * d->n + j];
			out[i * d->n + j] = sum;
		}
	}
}

void mat_transpose(float *out, const float *in, size_t m, size_t n)
{
	for (size_t i = 0; i < m; i++)
		for (size_t j = 0; j < n; j++)
			out[j * m + i] = in[i * n + j];
}
