/* SPDX-License-Identifier: Apache-2.0 */
/* Computes the weights of level M in double, and rounds them. */
#include "trainer/model/level_m/m_weights.h"

#include <errno.h>
#include <string.h>

#include "trainer/model/compute/num.h"

#define NEWS_MIN .2
#define NEWS_MAX 8.
#define WEIGHT_MIN .2
#define WEIGHT_MAX 12. /* LUTRA_M_WEIGHT */
#define RARITY_SHARE .5

static double clip_range(double x, double min, double max)
{
	return x < min ? min : x > max ? max : x;
}

void m_weights_news(const struct m_pairs *pairs, uint32_t k, unsigned shift, double *ret_e)
{
	double once = 0, runs = 0, g;

	for (uint32_t a = 0; a < k; a++) {
		ret_e[a] = 0; /* holds D1(a) until g is known */
		for (uint32_t b = 0; b < k; b++)
			ret_e[a] += pairs->runs[(size_t)a << shift | b] == 1;
		once += ret_e[a];
		runs += pairs->firsts[a];
	}
	g = (once + .5) / (runs + 1);
	for (uint32_t a = 0; a < k; a++)
		ret_e[a] = (ret_e[a] + 2 * g) / (pairs->firsts[a] + 2.);
}

/* Writes a layer's table, whose rows have 1 << M_SHIFT entries. */
static int make_table(uint16_t *ret, const struct layer *l, const struct m_pairs *pairs,
		      unsigned layer)
{
	struct pair_counts counts = {.count = pairs->count, .shift = M_SHIFT(layer)};
	_cleanup_free_ double *q = calloc((size_t)l->k * l->k, sizeof(*q));
	double e[256], log_k = num_log(l->k);
	int r = q ? layer_expectation(l, &counts, q) : -ENOMEM;

	if (r < 0)
		return r;
	m_weights_news(pairs, l->k, counts.shift, e);
	for (uint32_t a = 0; a < l->k; a++) {
		double news = clip_range(-num_log(e[a]), NEWS_MIN, NEWS_MAX);

		for (uint32_t b = 0; b < l->k; b++) {
			size_t pair = (size_t)a << counts.shift | b, at = (size_t)a * l->k + b;
			double rarity = RARITY_SHARE * (-num_log(q[at]) - log_k);
			double w = rint(LUTRA_M_UNIT *
					clip_range(news + rarity, WEIGHT_MIN, WEIGHT_MAX));

			ret[pair] = l->code[at];
			if (!pairs->count[pair])
				ret[pair] |= (uint16_t)((unsigned)w << 8);
		}
	}
	return 0;
}

int m_weights_tables(struct lutra_m_tables *ret, const struct m_codes *codes,
		     const struct histories *h, size_t without)
{
	uint16_t *table[M_LAYERS] = {ret->t0, ret->t1, ret->t2};
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	ret->p1 = m_codes_start(codes, 1);
	ret->p2 = m_codes_start(codes, 2);
	ret->shift = LUTRA_M_SHIFT;
	ret->counts = LUTRA_M_COUNTS;
	ret->novelty_shift = M_NOVELTY_SHIFT;
	ret->novelty_counts = M_NOVELTY_COUNTS;
	for (unsigned l = 0; r == 0 && l < M_LAYERS; l++) {
		_cleanup_(m_pairs_done) struct m_pairs pairs = {0};

		r = m_pairs_count(&pairs, h, codes, l, without);
		if (r == 0)
			r = make_table(table[l], &codes->layer[l], &pairs, l);
	}
	return r;
}
