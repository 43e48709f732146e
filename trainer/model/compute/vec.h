/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors of 8 floats, as two of 4 where the processor has no wider ones. Functions marked
 * VEC_CLONES are compiled for both and chosen at start; neither may contract a product and a sum
 * (-ffp-contract=off) nor reorder, so both give the same bits.
 */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_VEC_H
#define LUTRA_TRAINER_MODEL_COMPUTE_VEC_H

#include <string.h>

/* Sanitizers are not up yet when the choice is made. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VEC_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define VEC_CLONES
#endif

typedef float vec8 __attribute__((vector_size(32)));

/* Vectors pass by pointer: by value they would have another ABI in each clone. */
static inline __attribute__((always_inline)) void vec8_load(vec8 *ret, const float *p)
{
	memcpy(ret, p, sizeof(*ret));
}

static inline __attribute__((always_inline)) void vec8_store(float *p, const vec8 *v)
{
	memcpy(p, v, sizeof(*v));
}

/* Sum of the lanes, in a fixed order. */
static inline __attribute__((always_inline)) float vec8_sum(const vec8 *v)
{
	const vec8 x = *v;

	return ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]));
}

#endif
