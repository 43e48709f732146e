/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Training of one layer, and what it expects.
 *
 *   counts (k, k)          n(a, b), how often the pair was seen
 *   z (pairs, 8)           bottleneck of each pair
 *   centroids (codes, 8)   of the k-means that quantises z
 *   code (k, k)            centroid nearest to each pair's z
 *   la, lb (codes, k)      -log p(a | code), -log p(b | code), nat
 *   p_c (codes)            p(c) to a constant factor
 *   q (k)                  one row of q(b | a)
 *
 *   p(c | a)   ~ (count(c) + .5) exp(-la[c][a])
 *   q(b | a)   = .98 sum_c p(c | a) exp(-lb[c][b]) + .02 / k
 *
 *   rec(a, b)  = la[code][a] + lb[code][b]
 *   cond(a, b) = -ln((n(a, b) + (D(a) + 1) q(b | a)) / (n(a) + D(a) + 1))
 *   surprise   = min(12, rec / 2 + cond)
 *
 * n(a): how often a was the first of a pair. D(a): how many distinct b came after a. rec is the
 * reconstruction error. cond is the surprise by Witten-Bell smoothing (1991,
 * https://doi.org/10.1109/18.87000), which backs off to the autoencoder's q.
 */
#include "trainer/model/ae/layer.h"

#include <assert.h>
#include <errno.h>

#include "lutra/abi.h"
#include "trainer/model/compute/kmeans.h"
#include "trainer/model/compute/num.h"
#include "trainer/model/compute/pool.h"

_Static_assert(KMEANS_DIM == AE_Z, "k-means works on the bottleneck");

#define Q_SHARE .98	 /* the autoencoder's share of q; the rest is uniform */
#define CODE_PRIOR .5	 /* added to the count of each code */
#define SURPRISE_MAX 12. /* nat */

static uint32_t count_of(const struct pair_counts *n, uint32_t a, uint32_t b)
{
	return n->count[(size_t)a << n->shift | b];
}

int layer_init(struct layer *l, uint32_t k, uint32_t codes)
{
	*l = (struct layer){.k = k, .codes = codes};
	l->code = calloc((size_t)k * k, sizeof(*l->code));
	l->la = calloc((size_t)codes * k, sizeof(*l->la));
	l->lb = calloc((size_t)codes * k, sizeof(*l->lb));
	return l->code && l->la && l->lb ? 0 : -ENOMEM;
}

void layer_done(struct layer *l)
{
	free(l->code);
	free(l->la);
	free(l->lb);
	memset(l, 0, sizeof(*l));
}

/* Returns the seen pairs in the order of a and b, for the caller to free. NULL: out of memory. */
static struct ae_pair *seen_pairs(const struct pair_counts *counts, uint32_t k, size_t *ret_n)
{
	struct ae_pair *pairs = calloc((size_t)k * k, sizeof(*pairs));
	size_t n = 0;

	if (!pairs)
		return NULL;
	for (uint32_t a = 0; a < k; a++)
		for (uint32_t b = 0; b < k; b++)
			if (count_of(counts, a, b))
				pairs[n++] = (struct ae_pair){a, b, count_of(counts, a, b)};
	*ret_n = n;
	return pairs;
}

/* Coding of all pairs, a piece of work for each a. */
struct code_job {
	const float *z;		/* (k, k, AE_Z) */
	const float *centroids; /* (codes, AE_Z) */
	struct layer *l;
};

/* Sets the codes of all pairs that start with a. */
static int code_row(void *ctx, size_t a, struct err *err)
{
	struct code_job *c = ctx;
	struct layer *l = c->l;

	(void)err;
	for (size_t i = a * l->k; i < (a + 1) * l->k; i++)
		l->code[i] = (uint8_t)kmeans_nearest(c->centroids, l->codes, c->z + i * AE_Z);
	return 0;
}

/* Sets the code of every pair, seen or not. */
static int code_all_pairs(struct layer *l, const struct ae *m, const float *centroids,
			  const struct layer_options *options)
{
	size_t n = (size_t)l->k * l->k;
	_cleanup_free_ struct ae_pair *pairs = calloc(n, sizeof(*pairs));
	_cleanup_free_ float *z = calloc(n * AE_Z, sizeof(*z));
	struct code_job c = {z, centroids, l};
	int r;

	if (!pairs || !z)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		pairs[i] = (struct ae_pair){(uint32_t)i / l->k, (uint32_t)i % l->k, 1};
	r = ae_encode(m, pairs, n, z);
	if (r < 0)
		return r;
	return pool_run(options->threads, code_row, &c, l->k, NULL);
}

/*
 * Quantises the bottleneck: centroids of the seen pairs' z, codes of all pairs, heads of the codes.
 */
static int quantise_layer(struct layer *l, const struct ae *m, const struct ae_pair *pairs,
			  size_t n, const struct layer_options *options)
{
	_cleanup_free_ float *z = calloc(n * AE_Z, sizeof(*z));
	_cleanup_free_ double *weight = calloc(n, sizeof(*weight));
	float centroids[LUTRA_K * AE_Z];
	struct kmeans_points points = {.z = z, .weight = weight, .n = n};
	int r;

	if (!z || !weight)
		return -ENOMEM;
	r = ae_encode(m, pairs, n, z);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		weight[i] = pairs[i].n;
	r = kmeans_fit(&points, LUTRA_K, options->seed + 1, options->threads, centroids);
	if (r < 0)
		return r;
	l->codes = (uint32_t)r;
	r = code_all_pairs(l, m, centroids, options);
	if (r < 0)
		return r;
	return ae_decode(m, centroids, l->codes, l->la, l->lb);
}

/*
 * Draws the codes instead of learning them. la and lb come from the pairs that got each code,
 * CODE_PRIOR added to every count.
 */
static int draw_codes(struct layer *l, const struct ae_pair *pairs, size_t n, uint64_t seed)
{
	_cleanup_free_ double *total = calloc(l->codes, sizeof(*total));
	struct rng g = rng_stream(seed, 2);

	if (!total)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)l->k * l->k; i++)
		l->code[i] = (uint8_t)(rng_u64(&g) % LUTRA_K);
	for (size_t i = 0; i < n; i++) {
		size_t c = l->code[(size_t)pairs[i].a * l->k + pairs[i].b];

		total[c] += pairs[i].n;
		l->la[c * l->k + pairs[i].a] += (float)pairs[i].n;
		l->lb[c * l->k + pairs[i].b] += (float)pairs[i].n;
	}
	for (size_t i = 0; i < (size_t)l->codes * l->k; i++) {
		double all = total[i / l->k] + CODE_PRIOR * l->k;

		l->la[i] = (float)-num_log((l->la[i] + CODE_PRIOR) / all);
		l->lb[i] = (float)-num_log((l->lb[i] + CODE_PRIOR) / all);
	}
	return 0;
}

int layer_train(struct layer *ret, const struct ae_dims *dims, const struct pair_counts *counts,
		const struct layer_options *options)
{
	_cleanup_(ae_freep) struct ae *m = NULL;
	_cleanup_free_ struct ae_pair *pairs = NULL;
	size_t n;
	int r = layer_init(ret, dims->k, LUTRA_K);

	pairs = seen_pairs(counts, dims->k, &n);
	if (r < 0 || !pairs)
		return -ENOMEM;
	assert(n > 0);
	if (options->flags & LAYER_RANDOM_CODES)
		return draw_codes(ret, pairs, n, options->seed);
	r = ae_new(&m, dims, options->seed);
	if (r < 0)
		return r;
	r = ae_train(m, pairs, n, options->threads, options->progress);
	if (r < 0)
		return r;
	return quantise_layer(ret, m, pairs, n, options);
}

/* What every row of q needs. */
struct mixture {
	const double *p_c;	     /* (codes) p(c) to a constant factor */
	const double *exp_a, *exp_b; /* (codes, k): exp(-la), exp(-lb) */
};

/* Computes q (k), the row of q(b | a). */
static void q_row(const struct layer *l, const struct mixture *x, uint32_t a, double *q)
{
	double sum = 0;

	/* sum: the constant that makes p(c | a) add up to 1 */
	for (uint32_t c = 0; c < l->codes; c++)
		sum += x->p_c[c] * x->exp_a[(size_t)c * l->k + a];
	/* the uniform share, then each code's p(c | a) p(b | c) */
	for (uint32_t b = 0; b < l->k; b++)
		q[b] = (1 - Q_SHARE) / l->k;
	for (uint32_t c = 0; c < l->codes; c++) {
		double p = Q_SHARE * x->p_c[c] * x->exp_a[(size_t)c * l->k + a] / sum;

		for (uint32_t b = 0; b < l->k; b++)
			q[b] += p * x->exp_b[(size_t)c * l->k + b];
	}
}

/* A mixture that owns its arrays. */
struct owned_mixture {
	double *p_c, *exp_a, *exp_b;
};

static void owned_mixture_done(struct owned_mixture *x)
{
	free(x->p_c);
	free(x->exp_a);
	free(x->exp_b);
}

static int owned_mixture_init(struct owned_mixture *x, const struct layer *l,
			      const struct pair_counts *counts)
{
	size_t n = (size_t)l->codes * l->k;

	x->p_c = calloc(l->codes, sizeof(*x->p_c));
	x->exp_a = calloc(n, sizeof(*x->exp_a));
	x->exp_b = calloc(n, sizeof(*x->exp_b));
	if (!x->p_c || !x->exp_a || !x->exp_b)
		return -ENOMEM;
	for (uint32_t c = 0; c < l->codes; c++)
		x->p_c[c] = CODE_PRIOR;
	for (uint32_t a = 0; a < l->k; a++)
		for (uint32_t b = 0; b < l->k; b++)
			x->p_c[l->code[a * l->k + b]] += count_of(counts, a, b);
	for (size_t i = 0; i < n; i++) {
		x->exp_a[i] = num_exp(-(double)l->la[i]);
		x->exp_b[i] = num_exp(-(double)l->lb[i]);
	}
	return 0;
}

int layer_expectation(const struct layer *l, const struct pair_counts *counts, double *ret_q)
{
	_cleanup_(owned_mixture_done) struct owned_mixture own = {0};
	int r = owned_mixture_init(&own, l, counts);
	const struct mixture x = {own.p_c, own.exp_a, own.exp_b};

	for (uint32_t a = 0; r == 0 && a < l->k; a++)
		q_row(l, &x, a, ret_q + (size_t)a * l->k);
	return r;
}

/* Computes row a of the surprise, ret (k), from q(b | a). */
static void surprise_row(const struct layer *l, const struct pair_counts *counts, uint32_t a,
			 const double *q, float *ret)
{
	double n_a = 0, distinct = 0;

	/* n(a), D(a) */
	for (uint32_t b = 0; b < l->k; b++) {
		n_a += count_of(counts, a, b);
		distinct += count_of(counts, a, b) > 0;
	}
	for (uint32_t b = 0; b < l->k; b++) {
		size_t c = l->code[(size_t)a * l->k + b];
		double n = count_of(counts, a, b);
		double rec = l->la[c * l->k + a] + l->lb[c * l->k + b];
		double cond = -num_log((n + (distinct + 1) * q[b]) / (n_a + distinct + 1));
		double nat = .5 * rec + cond;

		ret[b] = (float)(nat < SURPRISE_MAX ? nat : SURPRISE_MAX);
	}
}

int layer_surprise(const struct layer *l, const struct pair_counts *counts, float *ret)
{
	_cleanup_free_ double *q = calloc((size_t)l->k * l->k, sizeof(*q));
	int r = q ? layer_expectation(l, counts, q) : -ENOMEM;

	for (uint32_t a = 0; r == 0 && a < l->k; a++)
		surprise_row(l, counts, a, q + (size_t)a * l->k,
			     ret + ((size_t)a << counts->shift));
	return r;
}
