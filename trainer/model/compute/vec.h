/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors of 8 floats. The compiler makes two vectors of 4 where the processor has no wider ones.
 *
 * A function marked VEC_CLONES is compiled for AVX2 and for plain x86-64; the loader chooses one at
 * start. Both give the same bits: the compiler may neither contract a product and a sum
 * (-ffp-contract=off) nor reorder sums.
 */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_VEC_H
#define LUTRA_TRAINER_MODEL_COMPUTE_VEC_H

#include <string.h>

/* No clones with sanitizers: the loader chooses before their runtime is ready. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VEC_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define VEC_CLONES
#endif

typedef float vec8 __attribute__((vector_size(32)));

/* Vectors are passed by pointer: by value, their calling convention differs between clones. */
static inline __attribute__((always_inline)) void vec8_load(vec8 *ret, const float *p)
{
	memcpy(ret, p, sizeof(*ret));
}

static inline __attribute__((always_inline)) void vec8_store(float *p, const vec8 *v)
{
	memcpy(p, v, sizeof(*v));
}

/* Returns the sum of the lanes, added in a fixed order. */
static inline __attribute__((always_inline)) float vec8_sum(const vec8 *v)
{
	const vec8 x = *v;

	return ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]));
}

#endif
