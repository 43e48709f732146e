/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k-means: a k-means++ start, then KMEANS_ITERATIONS times: assign each point to its nearest
 * centroid, move each centroid to the mean of its points.
 *
 *   z (n, 8)        the points
 *   weight (n)      what each counts
 *   centroids (k, 8)
 *   code (n)        the centroid nearest to each point
 *   nearest (n)     the squared distance to the nearest centroid drawn so far
 */
#include "trainer/model/compute/kmeans.h"

#include <errno.h>

#include "lib/base/cleanup.h"
#include "trainer/model/compute/num.h"
#include "trainer/model/compute/pool.h"

#define CHUNK 512 /* points in a piece of work */

struct kmeans_job {
	const struct kmeans_points *points;
	const float *centroids;
	size_t k;
	uint8_t *code;
};

static float squared_distance(const float *x, const float *y)
{
	float sum = 0;

	for (size_t i = 0; i < KMEANS_DIM; i++)
		sum += (x[i] - y[i]) * (x[i] - y[i]);
	return sum;
}

size_t kmeans_nearest(const float *centroids, size_t k, const float *z)
{
	float best_distance = squared_distance(centroids, z);
	size_t best = 0;

	for (size_t i = 1; i < k; i++) {
		float d = squared_distance(centroids + i * KMEANS_DIM, z);

		if (d < best_distance) {
			best_distance = d;
			best = i;
		}
	}
	return best;
}

/* Assigns CHUNK points; each point's code is written by one piece alone. */
static int assign_chunk(void *ctx, size_t chunk, struct err *err)
{
	struct kmeans_job *j = ctx;
	size_t end = (chunk + 1) * CHUNK;

	(void)err;
	for (size_t i = chunk * CHUNK; i < end && i < j->points->n; i++)
		j->code[i] =
			(uint8_t)kmeans_nearest(j->centroids, j->k, j->points->z + i * KMEANS_DIM);
	return 0;
}

/*
 * Draws a point with a probability proportional to weight times score. If rounding takes u past the
 * end, it is the last point that has any.
 */
static size_t draw_point(const struct kmeans_points *p, const double *score, struct rng *g)
{
	double sum = 0, u;
	size_t last = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->weight[i] * score[i];
	u = rng_uniform(g) * sum;
	for (size_t i = 0; i < p->n; i++) {
		double s = p->weight[i] * score[i];

		if (s <= 0)
			continue;
		last = i;
		u -= s;
		if (u < 0)
			break;
	}
	return last;
}

/* k-means++: draws each centroid among the points, by squared distance to those already drawn. */
static void draw_centroids(const struct kmeans_points *p, size_t k, struct rng *g, double *nearest,
			   float *centroids)
{
	for (size_t i = 0; i < p->n; i++)
		nearest[i] = 1;
	for (size_t c = 0; c < k; c++) {
		const float *z = p->z + draw_point(p, nearest, g) * KMEANS_DIM;

		memcpy(centroids + c * KMEANS_DIM, z, KMEANS_DIM * sizeof(*z));
		for (size_t i = 0; i < p->n; i++) {
			double d = squared_distance(p->z + i * KMEANS_DIM, z);

			nearest[i] = c == 0 || d < nearest[i] ? d : nearest[i];
		}
	}
}

/* Moves each centroid to the weighted mean of its points; one without points stays. */
static void move_centroids(const struct kmeans_job *j, float *centroids)
{
	double sum[256][KMEANS_DIM] = {{0}}, weight[256] = {0};

	for (size_t i = 0; i < j->points->n; i++) {
		const float *z = j->points->z + i * KMEANS_DIM;
		size_t c = j->code[i];

		weight[c] += j->points->weight[i];
		for (size_t d = 0; d < KMEANS_DIM; d++)
			sum[c][d] += j->points->weight[i] * z[d];
	}
	for (size_t c = 0; c < j->k; c++)
		for (size_t d = 0; d < KMEANS_DIM && weight[c] > 0; d++)
			centroids[c * KMEANS_DIM + d] = (float)(sum[c][d] / weight[c]);
}

int kmeans_fit(const struct kmeans_points *points, size_t k, uint64_t seed, unsigned threads,
	       float *ret_centroids)
{
	_cleanup_free_ double *nearest = NULL;
	_cleanup_free_ uint8_t *code = NULL;
	struct rng g = rng_stream(seed, 0);
	struct kmeans_job j = {.points = points, .centroids = ret_centroids, .k = k};

	if (points->n <= k) {
		memcpy(ret_centroids, points->z, points->n * KMEANS_DIM * sizeof(*points->z));
		return (int)points->n;
	}
	nearest = calloc(points->n, sizeof(*nearest));
	code = calloc(points->n, sizeof(*code));
	if (!nearest || !code)
		return -ENOMEM;
	j.code = code;
	draw_centroids(points, k, &g, nearest, ret_centroids);
	for (size_t i = 0; i < KMEANS_ITERATIONS; i++) {
		pool_run(threads, assign_chunk, &j, (points->n + CHUNK - 1) / CHUNK, NULL);
		move_centroids(&j, ret_centroids);
	}
	return (int)k;
}
