/* SPDX-License-Identifier: Apache-2.0 */
/* Trains the layers of level M from the bottom up, each on the pairs that the one below makes. */
#include "trainer/model/level_m/m_codes.h"

#include <errno.h>
#include <string.h>

#include "trainer/model/compute/num.h"

/* Returns the code of a layer for the pair that a history ends with. */
static uint32_t code_at(const struct m_codes *codes, unsigned layer, uint64_t history)
{
	const struct layer *l = &codes->layer[layer];
	uint32_t pair = m_codes_pair(codes, layer, history), shift = M_SHIFT(layer);

	return l->code[(size_t)(pair >> shift) * l->k + (pair & ((1u << shift) - 1))];
}

uint32_t m_codes_pair(const struct m_codes *codes, unsigned layer, uint64_t history)
{
	switch (layer) {
	case 0:
		return history & 0xffff;
	case 1: /* codes of the pairs that ended two tokens ago, and now */
		return code_at(codes, 0, history >> 16) << 7 | code_at(codes, 0, history);
	default:
		return code_at(codes, 1, history >> 32) << 7 | code_at(codes, 1, history);
	}
}

uint8_t m_codes_start(const struct m_codes *codes, unsigned layer)
{
	uint8_t code = LUTRA_PAD;

	for (const struct layer *below = codes->layer; below < codes->layer + layer; below++)
		code = below->code[code * below->k + code];
	return code;
}

void m_pairs_done(struct m_pairs *p)
{
	free(p->count);
	free(p->runs);
	free(p->firsts);
	memset(p, 0, sizeof(*p));
}

static bool has_unknown(uint32_t pair)
{
	return pair >> 8 == LUTRA_UNK || (pair & 0xff) == LUTRA_UNK;
}

int m_pairs_count(struct m_pairs *ret, const struct histories *h, const struct m_codes *codes,
		  unsigned layer, size_t without)
{
	size_t n = M_PAIRS(layer), firsts = (size_t)1 << M_SHIFT(layer);
	_cleanup_free_ uint16_t *pair_of = calloc(h->map.n + 1, sizeof(*pair_of));
	/* The last run that had a pair, or a first, + 1. */
	_cleanup_free_ uint32_t *last = calloc(n, sizeof(*last));
	_cleanup_free_ uint32_t *last_first = calloc(firsts, sizeof(*last_first));

	ret->count = calloc(n, sizeof(*ret->count));
	ret->runs = calloc(n, sizeof(*ret->runs));
	ret->firsts = calloc(firsts, sizeof(*ret->firsts));
	if (!pair_of || !last || !last_first || !ret->count || !ret->runs || !ret->firsts)
		return -ENOMEM;
	for (size_t i = 0; i < h->map.n; i++)
		pair_of[i] = (uint16_t)m_codes_pair(codes, layer, h->map.number[i]);
	for (uint32_t run = 0; run < h->n_runs; run++) {
		const struct run_histories *of = &h->runs[run];

		for (size_t i = 0; i < of->n && run != without; i++) {
			uint32_t pair = pair_of[of->list[i].history];
			uint32_t a = pair >> M_SHIFT(layer);

			if (layer == 0 && has_unknown(pair))
				continue;
			ret->count[pair] += of->list[i].n;
			ret->runs[pair] += last[pair] != run + 1;
			ret->firsts[a] += last_first[a] != run + 1;
			last[pair] = last_first[a] = run + 1;
		}
	}
	/* The pair that a new task starts with is known; so there is always one to train on. */
	if (layer < h->start_layers)
		ret->count[m_codes_start(codes, layer) << M_SHIFT(layer) |
			   m_codes_start(codes, layer)]++;
	return 0;
}

int m_codes_train(struct m_codes *ret, const struct histories *h, uint32_t v, size_t without,
		  const struct layer_options *options)
{
	struct rng g = rng_stream(options->seed, 1);
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	for (unsigned l = 0; r == 0 && l < M_LAYERS; l++) {
		_cleanup_(m_pairs_done) struct m_pairs pairs = {0};
		struct ae_dims dims = {.k = l == 0 ? v : ret->layer[l - 1].codes,
				       .unk = l == 0 ? LUTRA_UNK : AE_NO_UNK};
		struct layer_options of_layer = *options;
		struct pair_counts counts = {.shift = M_SHIFT(l)};

		of_layer.seed = rng_u64(&g) + (uint64_t)l * 16;
		r = m_pairs_count(&pairs, h, ret, l, without);
		counts.count = pairs.count;
		if (r == 0)
			r = layer_train(&ret->layer[l], &dims, &counts, &of_layer);
	}
	return r;
}

void m_codes_done(struct m_codes *codes)
{
	for (unsigned l = 0; l < M_LAYERS; l++)
		layer_done(&codes->layer[l]);
}
