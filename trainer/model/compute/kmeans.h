/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weighted k-means of points in AE_Z dimensions, started by k-means++ (Arthur and Vassilvitskii
 * 2007, https://dl.acm.org/doi/10.5555/1283383.1283494).
 */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_KMEANS_H
#define LUTRA_TRAINER_MODEL_COMPUTE_KMEANS_H

#include <stddef.h>
#include <stdint.h>

#include "trainer/model/compute/pool.h"

#define KMEANS_DIM 8
#define KMEANS_ITERATIONS 30

struct kmeans_points {
	const float *z;	      /* (n, KMEANS_DIM) */
	const double *weight; /* (n), above 0 */
	size_t n;
};

/*
 * At most k <= 256 centroids of n >= 1 points, written to ret_centroids (k, KMEANS_DIM); with at
 * most k points each is its own. Returns how many there are, or -ENOMEM.
 */
int kmeans_fit(const struct kmeans_points *points, size_t k, uint64_t seed, struct pool *pool,
	       float *ret_centroids);

/* The nearest of k centroids to a point; of equally near ones the first. */
size_t kmeans_nearest(const float *centroids, size_t k, const float *z);

#endif
