/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weighted k-means in 8 dimensions: Lloyd's iterations (1982,
 * https://doi.org/10.1109/TIT.1982.1056489) after a k-means++ start (Arthur and Vassilvitskii 2007,
 * https://dl.acm.org/doi/10.5555/1283383.1283494).
 */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_KMEANS_H
#define LUTRA_TRAINER_MODEL_COMPUTE_KMEANS_H

#include <stddef.h>
#include <stdint.h>

#define KMEANS_DIM 8
#define KMEANS_ITERATIONS 30

struct kmeans_points {
	const float *z;	      /* (n, KMEANS_DIM) */
	const double *weight; /* (n), above 0 */
	size_t n;
};

/*
 * Writes at most k <= 256 centroids of n >= 1 points to ret_centroids (k, KMEANS_DIM). With n <= k
 * each point is its own centroid. The result does not depend on the number of threads.
 * Returns the number of centroids, or -ENOMEM.
 */
int kmeans_fit(const struct kmeans_points *points, size_t k, uint64_t seed, unsigned threads,
	       float *ret_centroids);

/* Returns the index of the centroid nearest to z; of equally near ones, the first. */
size_t kmeans_nearest(const float *centroids, size_t k, const float *z);

#endif
