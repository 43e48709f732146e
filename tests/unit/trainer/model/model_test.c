/* SPDX-License-Identifier: Apache-2.0 */
/* Autoencoder, k-means and compilation: gradients, small cases by hand, the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lutra/abi.h"
#include "trainer/model/ae/ae_pass.h"
#include "trainer/model/ae/layer.h"
#include "trainer/model/compute/kmeans.h"
#include "trainer/model/compute/num.h"

/* ---- autoencoder ---- */

/* Returns the loss (nat) over n pairs without noise. grad: gets its gradient. */
static double loss_at(struct ae *m, const struct ae_pair *pairs, size_t n, float *grad)
{
	static struct ae_block block;
	double loss = 0;

	memset(grad, 0, m->at.n * sizeof(*grad));
	ae_transpose(m);
	for (size_t i = 0; i < n; i++) {
		struct ae_row row = {.in_a = ae_row_of(m, pairs[i].a),
				     .in_b = ae_row_of(m, pairs[i].b),
				     .a = pairs[i].a,
				     .b = pairs[i].b,
				     .weight = (float)pairs[i].n};

		loss += ae_pass(m, &block, &row, 1, grad);
	}
	return loss;
}

/* A relu that the step crosses makes a few differences wrong, not the gradient. */
static void ae_gradient_equals_finite_differences(void **state)
{
	static const struct ae_pair pairs[] = {{0, 1, .3}, {2, 3, .2}, {4, 0, .4}, {1, 1, .1}};
	static const struct ae_dims dims = {.k = 6, .unk = 1};
	_cleanup_(ae_freep) struct ae *m = NULL;
	_cleanup_free_ float *grad = NULL, *scratch = NULL;
	struct rng g = rng_stream(2, 0);
	size_t n, bad = 0, tried = 0;
	const float h = 2e-3f;

	(void)state;
	assert_int_equal(ae_new(&m, &dims, 1), 0);
	n = m->at.n;
	grad = calloc(n, sizeof(*grad));
	scratch = calloc(n, sizeof(*scratch));
	assert_non_null(grad);
	assert_non_null(scratch);
	loss_at(m, pairs, 4, grad);
	for (int round = 0; round < 3000; round++) {
		size_t i = rng_u64(&g) % n;
		float *p = &m->params[i], was = *p;
		double up, down, slope;

		*p = was + h;
		up = loss_at(m, pairs, 4, scratch);
		*p = was - h;
		down = loss_at(m, pairs, 4, scratch);
		*p = was;
		slope = (up - down) / (2 * h);
		tried += fabs(slope) > 1e-4;
		bad += fabs(slope - grad[i]) > 1e-3 + .03 * fabs(slope);
	}
	assert_true(tried > 1000);
	assert_in_range(bad, 0, tried / 100);
}

static void ae_unknown_code_uses_the_mask_row(void **state)
{
	static const struct ae_dims dims = {.k = 4, .unk = LUTRA_UNK};
	static const struct ae_pair pairs[] = {{LUTRA_UNK, 2, 1}};
	_cleanup_(ae_freep) struct ae *m = NULL;
	_cleanup_free_ float *grad = NULL;

	(void)state;
	assert_int_equal(ae_new(&m, &dims, 1), 0);
	grad = calloc(m->at.n, sizeof(*grad));
	assert_non_null(grad);
	loss_at(m, pairs, 1, grad);
	for (size_t i = 0; i < AE_EMB; i++) {
		assert_true(grad[LUTRA_UNK * AE_EMB + i] == 0);
		assert_true(grad[4 * AE_EMB + i] != 0);
	}
}

/* A cycle of n codes, one of them seen more often. */
static size_t make_cycle(struct ae_pair *pairs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		pairs[i] = (struct ae_pair){i, (i + 1) % n, i == 0 ? 1000 : 10};
	return n;
}

static void ae_train_learns_what_follows_what(void **state)
{
	static const struct ae_dims dims = {.k = 20, .unk = AE_NO_UNK};
	_cleanup_(ae_freep) struct ae *m = NULL;
	struct ae_pair pairs[20];
	float z[20 * AE_Z], la[20 * 20], lb[20 * 20];

	(void)state;
	assert_int_equal(ae_new(&m, &dims, 4), 0);
	assert_int_equal(ae_train(m, pairs, make_cycle(pairs, 20), 1, NULL), 0);
	assert_int_equal(ae_encode(m, pairs, 20, z), 0);
	assert_int_equal(ae_decode(m, z, 20, la, lb), 0);
	for (int i = 0; i < 20; i++) {
		assert_true(la[i * 20 + pairs[i].a] < .7f);
		assert_true(lb[i * 20 + pairs[i].b] < .7f);
	}
}

static void train_some(unsigned threads, uint64_t seed, uint32_t n_pairs, float *ret, size_t size)
{
	static const struct ae_dims dims = {.k = 70, .unk = 1};
	_cleanup_(ae_freep) struct ae *m = NULL;
	_cleanup_free_ struct ae_pair *pairs = calloc(n_pairs, sizeof(*pairs));

	assert_non_null(pairs);
	for (uint32_t i = 0; i < n_pairs; i++)
		pairs[i] = (struct ae_pair){2 + i % 67, 2 + i / 67, 1 + i % 13};
	assert_int_equal(ae_new(&m, &dims, seed), 0);
	assert_true(size <= m->at.n);
	assert_int_equal(ae_train(m, pairs, n_pairs, threads, NULL), 0);
	memcpy(ret, m->params, size * sizeof(*ret));
}

static void ae_train_depends_on_the_seed_and_not_on_threads(void **state)
{
	static float one[6000], two[6000], other[6000];
	static const uint32_t n_pairs[] = {300, 2500}; /* full batch, drawn */

	(void)state;
	for (int i = 0; i < 2; i++) {
		train_some(1, 7, n_pairs[i], one, 6000);
		train_some(2, 7, n_pairs[i], two, 6000);
		train_some(2, 8, n_pairs[i], other, 6000);
		assert_memory_equal(one, two, sizeof(one));
		assert_memory_not_equal(one, other, sizeof(one));
	}
}

/* ---- k-means ---- */

static void kmeans_of_few_points_keeps_each(void **state)
{
	float z[3 * KMEANS_DIM] = {0}, centroids[128 * KMEANS_DIM];
	const double weight[3] = {1, 1, 1};
	const struct kmeans_points p = {z, weight, 3};

	(void)state;
	z[0] = 1;
	z[KMEANS_DIM] = 2;
	assert_int_equal(kmeans_fit(&p, 128, 1, 1, centroids), 3);
	assert_memory_equal(z, centroids, sizeof(z));
}

static void kmeans_finds_weighted_means_of_clusters(void **state)
{
	float z[6 * KMEANS_DIM] = {0}, centroids[2 * KMEANS_DIM];
	const double weight[6] = {1, 1, 2, 1, 3, 0.5};
	const float x[6] = {0, 1, 2, 100, 104, 102};
	const struct kmeans_points p = {z, weight, 6};
	float lo, hi;

	(void)state;
	for (int i = 0; i < 6; i++)
		z[i * KMEANS_DIM] = x[i];
	assert_int_equal(kmeans_fit(&p, 2, 5, 2, centroids), 2);
	lo = fminf(centroids[0], centroids[KMEANS_DIM]);
	hi = fmaxf(centroids[0], centroids[KMEANS_DIM]);
	assert_true(fabsf(lo - 1.25f) < 1e-5f);
	assert_true(fabsf(hi - 463.f / 4.5f) < 1e-4f);
}

static void kmeans_of_equal_points_ends(void **state)
{
	float z[5 * KMEANS_DIM] = {0}, centroids[3 * KMEANS_DIM];
	const double weight[5] = {1, 1, 1, 1, 1};
	const struct kmeans_points p = {z, weight, 5};

	(void)state;
	assert_int_equal(kmeans_fit(&p, 3, 5, 1, centroids), 3);
	assert_int_equal(kmeans_nearest(centroids, 3, z), 0);
}

/* ---- tables ---- */

/*
 * Two symbols, two codes. Pairs (0,0) twice and (0,1) once have code 0; (1,0) and (1,1) were never
 * seen and have code 1.
 */
static void layer_expectation_follows_the_formula(void **state)
{
	uint8_t code[4] = {0, 0, 1, 1};
	float la[4] = {.1f, 2.4f, 1.6f, .2f}; /* -log p(a | code) */
	float lb[4] = {.5f, .9f, .3f, 1.4f};
	uint32_t count[4] = {2, 1, 0, 0};
	const struct layer l = {.k = 2, .codes = 2, .code = code, .la = la, .lb = lb};
	const struct pair_counts counts = {.count = count, .shift = 1};
	double got[4];
	/* p(c) ~ 3.5, .5; p(c | a = 1) ~ 3.5 e^-2.4, .5 e^-.2 */
	double p0 = 3.5 * exp(-2.4), p1 = .5 * exp(-.2), sum = p0 + p1;
	double q = .98 * (p0 * exp(-.5) + p1 * exp(-.3)) / sum + .02 / 2;

	(void)state;
	assert_int_equal(layer_expectation(&l, &counts, got), 0);
	assert_true(fabs(got[2] - q) < 1e-6);
	/* Now leave (0,1) out. */
	count[1] = 0;
	p0 = 2.5 * exp(-.1), p1 = .5 * exp(-1.6), sum = p0 + p1;
	q = .98 * (p0 * exp(-.9) + p1 * exp(-1.4)) / sum + .02 / 2;
	assert_int_equal(layer_expectation(&l, &counts, got), 0);
	assert_true(fabs(got[1] - q) < 1e-6);
}

static void layer_codes_every_pair(void **state)
{
	struct layer_options options = {.seed = 3, .threads = 2};
	static const struct ae_dims dims = {.k = 12, .unk = 1};
	uint32_t count[16 * 16] = {0};
	struct pair_counts counts = {.count = count, .shift = 4};
	double q[12 * 12];
	struct layer l;

	(void)state;
	for (uint32_t i = 2; i < 12; i++)
		count[i << 4 | (i + 1 < 12 ? i + 1 : 2)] = i;
	assert_int_equal(layer_train(&l, &dims, &counts, &options), 0);
	assert_int_equal(l.codes, 10); /* each pair is a code of its own */
	for (uint32_t i = 0; i < 12 * 12; i++)
		assert_in_range(l.code[i], 0, 9);
	/* What was seen is expected more than all else together. */
	assert_int_equal(layer_expectation(&l, &counts, q), 0);
	for (uint32_t i = 0; i < 12 * 12; i++)
		if (count[(i / 12) << 4 | i % 12])
			assert_true(q[i] > .5);
	layer_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ae_gradient_equals_finite_differences),
		cmocka_unit_test(ae_unknown_code_uses_the_mask_row),
		cmocka_unit_test(ae_train_learns_what_follows_what),
		cmocka_unit_test(ae_train_depends_on_the_seed_and_not_on_threads),
		cmocka_unit_test(kmeans_of_few_points_keeps_each),
		cmocka_unit_test(kmeans_finds_weighted_means_of_clusters),
		cmocka_unit_test(kmeans_of_equal_points_ends),
		cmocka_unit_test(layer_expectation_follows_the_formula),
		cmocka_unit_test(layer_codes_every_pair),
	};

	return cmocka_run_group_tests_name("train_model", tests, NULL, NULL);
}
