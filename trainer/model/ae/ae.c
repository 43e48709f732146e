/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Training of one layer's autoencoder.
 *
 *   params, moment1, moment2 (at.n)   parameters and Adam's moments
 *   rows (n_rows)                     one step's batch
 *   grad (AE_GROUPS, at.n)            one gradient for each group of rows
 *
 * A step splits its rows into AE_GROUPS groups. Each group has its own random generator and its own
 * gradient, and the gradients are added in the order of the groups. So the bytes that come out
 * depend on the seed and not on the number of threads.
 */
#include "trainer/model/ae/ae.h"

#include <errno.h>
#include <stdbool.h>

#include "trainer/model/ae/ae_pass.h"
#include "trainer/model/compute/num.h"
#include "trainer/model/compute/pool.h"
#include "trainer/model/compute/vec.h"

#define AE_GROUPS 8
#define MASK_P .07 /* probability that a is hidden, and that b is */
#define NOISE .15f /* standard deviation of the noise added to z */
#define LR_PEAK 2e-2
#define LR_WARM .3	  /* share of the steps in which the rate rises */
#define LR_START 25.	  /* peak rate / first rate */
#define LR_END 2.5e5	  /* peak rate / last rate */
#define UNSEEN_BIAS -1e9f /* bias of outputs that only pad a head to a multiple of 8 */

/* One training under way. */
struct ae_trainer {
	struct ae *m;
	const struct ae_pair *pairs;
	double *cumulative; /* (n_pairs) running sum of n, scaled to end at 1 */
	size_t n_pairs;
	bool full; /* one batch holds all pairs */
	size_t n_rows;
	size_t step;
	struct ae_row *rows;	  /* (n_rows) */
	struct ae_block *blocks;  /* (AE_GROUPS) */
	float *grad;		  /* (AE_GROUPS, at.n) */
	float *moment1, *moment2; /* (at.n) */
};

static size_t round_up_8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static void layout_params(struct ae *m)
{
	struct ae_layout *at = &m->at;
	size_t n = 0;

	m->out = round_up_8(m->dims.k);
	at->emb_a = n, n += (m->dims.k + 1) * AE_EMB;
	at->emb_b = n, n += (m->dims.k + 1) * AE_EMB;
	at->w1 = n, n += AE_X * AE_HIDDEN;
	at->b1 = n, n += AE_HIDDEN;
	at->w2 = n, n += AE_HIDDEN * AE_Z;
	at->b2 = n, n += AE_Z;
	at->w3 = n, n += AE_Z * AE_HIDDEN;
	at->b3 = n, n += AE_HIDDEN;
	at->wh = n, n += AE_HIDDEN * 2 * m->out;
	at->bh = n, n += 2 * m->out;
	at->n = n;
}

static void draw_uniform(struct rng *g, float *p, size_t n, double fan_in)
{
	double bound = 1 / sqrt(fan_in);

	for (size_t i = 0; i < n; i++)
		p[i] = (float)((2 * rng_uniform(g) - 1) * bound);
}

static void init_params(struct ae *m)
{
	struct rng g = rng_stream(m->seed, 0);
	float *p = m->params;

	/* Embeddings: standard normal. AE_EMB is even, so pairs never cross into w1. */
	for (size_t i = m->at.emb_a; i < m->at.w1; i += 2)
		rng_normal2(&g, p + i);
	/* Weights and biases: uniform within 1 / sqrt(inputs). */
	draw_uniform(&g, p + m->at.w1, m->at.w2 - m->at.w1, AE_X);
	draw_uniform(&g, p + m->at.w2, m->at.w3 - m->at.w2, AE_HIDDEN);
	draw_uniform(&g, p + m->at.w3, m->at.wh - m->at.w3, AE_Z);
	draw_uniform(&g, p + m->at.wh, m->at.n - m->at.wh, AE_HIDDEN);
	for (size_t i = m->dims.k; i < m->out; i++)
		p[m->at.bh + i] = p[m->at.bh + m->out + i] = UNSEEN_BIAS;
}

int ae_new(struct ae **ret, const struct ae_dims *dims, uint64_t seed)
{
	_cleanup_(ae_freep) struct ae *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->dims = *dims;
	m->seed = seed;
	layout_params(m);
	m->params = calloc(m->at.n, sizeof(*m->params));
	m->transposed = calloc(m->at.n, sizeof(*m->transposed));
	if (!m->params || !m->transposed)
		return -ENOMEM;
	init_params(m);
	*ret = TAKE_PTR(m);
	return 0;
}

void ae_free(struct ae *m)
{
	if (!m)
		return;
	free(m->params);
	free(m->transposed);
	free(m);
}

static size_t group_start(const struct ae_trainer *t, size_t group)
{
	return t->n_rows * group / AE_GROUPS;
}

/* Returns the first pair whose cumulative weight is above u, by bisection. */
static size_t draw_pair(const struct ae_trainer *t, double u)
{
	size_t lo = 0, hi = t->n_pairs - 1;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->cumulative[mid] > u)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Draws rows [from, to) of the batch: the pair, what is hidden of it, and the noise. */
static void draw_rows(struct ae_trainer *t, size_t from, size_t to, struct rng *g)
{
	const struct ae *m = t->m;

	for (size_t i = from; i < to; i++) {
		struct ae_row *row = &t->rows[i];
		const struct ae_pair *pair = &t->pairs[t->full ? i : draw_pair(t, rng_uniform(g))];
		double mask = rng_uniform(g);

		row->a = pair->a;
		row->b = pair->b;
		row->in_a = mask < MASK_P ? m->dims.k : ae_row_of(m, pair->a);
		row->in_b = mask >= MASK_P && mask < 2 * MASK_P ? m->dims.k : ae_row_of(m, pair->b);
		for (size_t j = 0; j < AE_Z; j += 2)
			rng_normal2(g, row->noise + j);
		for (size_t j = 0; j < AE_Z; j++)
			row->noise[j] *= NOISE;
	}
}

/* Draws one group's rows, and passes them forward and backward in blocks. */
static int group_pass(void *ctx, size_t group, struct err *err)
{
	struct ae_trainer *t = ctx;
	size_t from = group_start(t, group), to = group_start(t, group + 1);
	struct rng g = rng_stream(t->m->seed, 1 + t->step * AE_GROUPS + group);
	float *grad = t->grad + group * t->m->at.n;

	(void)err;
	memset(grad, 0, t->m->at.n * sizeof(*grad));
	draw_rows(t, from, to, &g);
	for (size_t i = from; i < to; i += AE_BLOCK) {
		size_t n = to - i < AE_BLOCK ? to - i : AE_BLOCK;

		ae_pass(t->m, &t->blocks[group], t->rows + i, n, grad);
	}
	return 0;
}

/*
 * Returns the learning rate of a step: one cycle up and down (Smith and Topin 2017,
 * https://arxiv.org/abs/1708.07120), along the smooth step x^2 (3 - 2 x).
 */
static double learning_rate(size_t step)
{
	double at = (double)step / (AE_STEPS - 1), x, from, to;

	if (at < LR_WARM) {
		x = at / LR_WARM;
		from = LR_PEAK / LR_START;
		to = LR_PEAK;
	} else {
		x = (at - LR_WARM) / (1 - LR_WARM);
		from = LR_PEAK;
		to = LR_PEAK / LR_END;
	}
	return from + (to - from) * x * x * (3 - 2 * x);
}

/*
 * Updates the parameters by Adam (Kingma and Ba 2014, https://arxiv.org/abs/1412.6980).
 * power1, power2: beta1, beta2 to the number of steps so far, this one included.
 */
VEC_CLONES static void adam_update(struct ae_trainer *t, float rate, float power1, float power2)
{
	const float beta1 = .9f, beta2 = .999f, epsilon = 1e-8f;
	size_t n = t->m->at.n;
	float *restrict p = t->m->params, *restrict m1 = t->moment1, *restrict m2 = t->moment2;
	const float *restrict grad = t->grad;
	float scale1 = rate / (1.f - power1), scale2 = 1.f / (1.f - power2);

	for (size_t i = 0; i < n; i++) {
		float g = grad[i]; /* the groups' sum */

		for (size_t k = 1; k < AE_GROUPS; k++)
			g += grad[k * n + i];
		m1[i] = beta1 * m1[i] + (1.f - beta1) * g;
		m2[i] = beta2 * m2[i] + (1.f - beta2) * g * g;
		p[i] -= scale1 * m1[i] / (sqrtf(m2[i] * scale2) + epsilon);
	}
}

static void ae_trainer_done(struct ae_trainer *t)
{
	free(t->cumulative);
	free(t->rows);
	free(t->blocks);
	free(t->grad);
	free(t->moment1);
	free(t->moment2);
}

static int ae_trainer_init(struct ae_trainer *t)
{
	size_t n = t->m->at.n;
	double sum = 0;

	t->full = t->n_pairs <= AE_BATCH;
	t->n_rows = t->full ? t->n_pairs : AE_BATCH;
	t->cumulative = calloc(t->n_pairs, sizeof(*t->cumulative));
	t->rows = calloc(t->n_rows, sizeof(*t->rows));
	t->blocks = calloc(AE_GROUPS, sizeof(*t->blocks));
	t->grad = calloc(AE_GROUPS * n, sizeof(*t->grad));
	t->moment1 = calloc(n, sizeof(*t->moment1));
	t->moment2 = calloc(n, sizeof(*t->moment2));
	if (!t->cumulative || !t->rows || !t->blocks || !t->grad || !t->moment1 || !t->moment2)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_pairs; i++) {
		sum += t->pairs[i].n;
		t->cumulative[i] = sum;
	}
	for (size_t i = 0; i < t->n_pairs; i++)
		t->cumulative[i] /= sum;
	for (size_t i = 0; i < t->n_rows; i++)
		t->rows[i].weight = (float)(t->full ? t->pairs[i].n / sum : 1. / AE_BATCH);
	return 0;
}

int ae_train(struct ae *m, const struct ae_pair *pairs, size_t n, unsigned threads,
	     const struct progress *progress)
{
	_cleanup_(ae_trainer_done) struct ae_trainer t = {.m = m, .pairs = pairs, .n_pairs = n};
	double power1 = 1, power2 = 1;
	int r = ae_trainer_init(&t);

	if (r < 0)
		return r;
	for (t.step = 0; t.step < AE_STEPS; t.step++) {
		progress_show(progress, "training", (double)t.step / AE_STEPS);
		ae_transpose(m);
		pool_run(threads, group_pass, &t, AE_GROUPS, NULL);
		power1 *= .9;
		power2 *= .999;
		adam_update(&t, (float)learning_rate(t.step), (float)power1, (float)power2);
	}
	return 0;
}

int ae_encode(const struct ae *m, const struct ae_pair *pairs, size_t n, float *ret_z)
{
	_cleanup_free_ struct ae_block *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += AE_BLOCK) {
		size_t rows = n - i < AE_BLOCK ? n - i : AE_BLOCK;
		struct ae_row row[AE_BLOCK] = {0};

		for (size_t j = 0; j < rows; j++) {
			row[j].in_a = ae_row_of(m, pairs[i + j].a);
			row[j].in_b = ae_row_of(m, pairs[i + j].b);
		}
		ae_encode_block(m, k, row, rows);
		memcpy(ret_z + i * AE_Z, k->z, rows * AE_Z * sizeof(*ret_z));
	}
	return 0;
}

int ae_decode(const struct ae *m, const float *z, size_t n, float *ret_la, float *ret_lb)
{
	_cleanup_free_ struct ae_block *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		memcpy(k->zn, z + i * AE_Z, AE_Z * sizeof(*z));
		ae_decode_block(m, k, 1);
		ae_softmax_block(m, k, 1);
		for (size_t j = 0; j < m->dims.k; j++) {
			ret_la[i * m->dims.k + j] = (float)-num_log(k->out[j]);
			ret_lb[i * m->dims.k + j] = (float)-num_log(k->out[m->out + j]);
		}
	}
	return 0;
}
