/* SPDX-License-Identifier: Apache-2.0 */
/* Grams of tokens are cut from histories. What a history weighs is found once a container. */
#include "trainer/eval/rivals/token_grams.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/model/compute/pool.h"

#define SMOOTH (1. / (1 << LUTRA_M_SHIFT))

/* How many tokens a rival's grams have; 0: it is not one of grams. */
static const unsigned gram_length[TOKEN_RIVALS] = {
	[TOKEN_RIVAL_GRAMS4] = 4, [TOKEN_RIVAL_STIDE6] = 6, [TOKEN_RIVAL_BIGRAM] = 2};

/*
 * The typical level of each, as M_THRESHOLD_TYPICAL: the geometric mean, over the services of fold
 * L, of the mean of the two highest levels of the replays.
 */
static const double typical_level[TOKEN_RIVALS] = {[TOKEN_RIVAL_GRAMS4] = .077,
						   [TOKEN_RIVAL_WITTEN_BELL5] = 1.21,
						   [TOKEN_RIVAL_STIDE6] = .138,
						   [TOKEN_RIVAL_BIGRAM] = .020};

/* A history in the cache. */
struct cached_history {
	uint32_t count[TOKEN_RIVALS]; /* index + 1 in seen->counts; 0: the gram is known */
	double surprise;	      /* of witten_bell5 */
};

struct token_grams_seen {
	struct number_map histories;
	struct cached_history *cache;
	size_t cache_size;
	struct number_map grams; /* new ones */
	uint8_t *counts;	 /* (grams): how often each came */
	size_t counts_size;
};

/* The last tokens of a history as a number that differs for each length. */
static uint64_t gram_of(uint64_t history, unsigned length)
{
	return (history & ((1ull << 8 * length) - 1)) | (uint64_t)length << 56;
}

/* The last tokens of a history as witten_bell.h has them, the oldest first. */
static void history_calls(uint64_t history, uint16_t ret[WITTEN_BELL_ORDER])
{
	for (unsigned i = 0; i < WITTEN_BELL_ORDER; i++)
		ret[i] = history >> 8 * (WITTEN_BELL_ORDER - 1 - i) & 0xff;
}

int token_grams_seen_new(struct token_grams_seen **ret)
{
	_cleanup_(token_grams_seen_freep) struct token_grams_seen *s = calloc(1, sizeof(*s));

	if (!s || number_map_init(&s->histories) < 0 || number_map_init(&s->grams) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(s);
	return 0;
}

void token_grams_seen_free(struct token_grams_seen *s)
{
	if (!s)
		return;
	number_map_done(&s->histories);
	number_map_done(&s->grams);
	free(s->cache);
	free(s->counts);
	free(s);
}

/* By which runs a history is judged. */
struct grams_judge {
	const struct token_grams *g;
	const struct witten_bell_model *model;
	size_t without;
};

static bool gram_is_known(const struct grams_judge *j, uint64_t gram)
{
	uint32_t i;

	return number_map_find(&j->g->grams, gram, &i) && j->g->run[i] != j->without;
}

/* Adds a history to the cache. */
static int cache_history(const struct grams_judge *j, struct token_grams_seen *seen,
			 uint64_t history, uint32_t *ret)
{
	uint16_t calls[WITTEN_BELL_ORDER];
	struct cached_history *c;
	int r = number_map_add(&seen->histories, history, ret);

	if (r < 0)
		return r;
	if (ARRAY_RESERVE(seen->cache, seen->cache_size, *ret + 1) < 0)
		return -ENOMEM;
	c = &seen->cache[*ret];
	history_calls(history, calls);
	c->surprise = witten_bell_surprise(j->model, calls);
	for (unsigned i = 0; i < TOKEN_RIVALS; i++) {
		uint64_t gram = gram_of(history, gram_length[i]);
		uint32_t at;

		if (!gram_length[i] || gram_is_known(j, gram))
			continue;
		r = number_map_add(&seen->grams, gram, &at);
		if (r < 0)
			return r;
		if (ARRAY_RESERVE(seen->counts, seen->counts_size, at + 1) < 0)
			return -ENOMEM;
		c->count[i] = at + 1;
	}
	return 0;
}

static int step_grams(const struct grams_judge *j, struct token_grams_seen *seen,
		      struct token_grams_state *s, uint8_t token)
{
	const struct cached_history *c;
	uint32_t at;
	int r;

	if (history_repeats(s->history, token))
		return 0;
	s->history = history_push(s->history, token);
	if (!number_map_find(&seen->histories, s->history, &at)) {
		r = cache_history(j, seen, s->history, &at);
		if (r < 0)
			return r;
	}
	c = &seen->cache[at];
	for (unsigned i = 0; i < TOKEN_RIVALS; i++) {
		double weight = gram_length[i] ? 0 : c->surprise;

		if (c->count[i] && seen->counts[c->count[i] - 1] < LUTRA_M_COUNTS) {
			seen->counts[c->count[i] - 1]++;
			weight = 1;
		}
		s->level[i] += (weight - s->level[i]) * SMOOTH;
	}
	return 0;
}

int token_grams_step(const struct token_grams *g, struct token_grams_seen *seen,
		     struct token_grams_state *s, uint8_t token)
{
	const struct grams_judge j = {g, g->model, HISTORIES_NO_RUN};

	return step_grams(&j, seen, s, token);
}

/* ---- training ---- */

static int learn_gram(struct token_grams *g, uint64_t gram, uint32_t run)
{
	size_t before = g->grams.n;
	uint32_t i;
	int r = number_map_add(&g->grams, gram, &i);

	if (r < 0)
		return r;
	if (ARRAY_RESERVE(g->run, g->run_size, i + 1) < 0)
		return -ENOMEM;
	if (i == before)
		g->run[i] = run;
	else if (g->run[i] != run)
		g->run[i] = TOKENS_RUN_MANY;
	return 0;
}

static int learn_histories(struct token_grams *g, const struct histories *h)
{
	int r = 0;

	for (uint32_t run = 0; run < h->n_runs; run++) {
		const struct run_histories *of = &h->runs[run];

		for (size_t i = 0; r == 0 && i < of->n; i++) {
			uint64_t history = h->map.number[of->list[i].history];
			uint16_t calls[WITTEN_BELL_ORDER];

			history_calls(history, calls);
			r = witten_bell_add(&g->wb, calls, run, of->list[i].n);
			for (unsigned k = 0; r == 0 && k < TOKEN_RIVALS; k++)
				if (gram_length[k])
					r = learn_gram(g, gram_of(history, gram_length[k]), run);
		}
	}
	return r;
}

struct grams_job {
	const struct m_corpus *corpus;
	const struct token_grams *g;
	double (*highest)[TOKEN_RIVALS]; /* (runs) */
};

static int replay_by_grams(void *ctx, size_t run, struct err *err)
{
	static const struct token_grams_state initial;
	const struct grams_job *j = ctx;
	const struct m_corpus *c = j->corpus;
	/* A single run has no others: it is judged by itself. */
	size_t without = c->histories.n_runs > 1 ? run : HISTORIES_NO_RUN;
	_cleanup_(witten_bell_model_freep) struct witten_bell_model *model = NULL;
	_cleanup_(token_grams_seen_freep) struct token_grams_seen *seen = NULL;
	_cleanup_(run_iter_done) struct run_iter it = {0};
	struct run_event e;
	int r = witten_bell_model_new(&model, &j->g->wb, without);
	const struct grams_judge judge = {j->g, model, without};

	(void)err;
	if (r == 0)
		r = token_grams_seen_new(&seen);
	if (r == 0)
		r = run_iter_init(&it, &c->src->corpus->runs[run], c->src->roles);
	if (r == 0)
		r = run_iter_attach(&it, sizeof(initial), &initial);
	while (r == 0 && run_iter_next(&it, &e)) {
		uint8_t token = m_level_token(&c->tokens, &e, without);
		struct token_grams_state *s = e.attached;

		if (token == LUTRA_PAD ||
		    (e.state->role == LUTRA_ROLE_SESSION && !c->src->sessions))
			continue;
		r = step_grams(&judge, seen, s, token);
		for (unsigned i = 0; i < TOKEN_RIVALS; i++)
			if (s->level[i] > j->highest[run][i])
				j->highest[run][i] = s->level[i];
	}
	return r;
}

int token_grams_train(struct token_grams *ret, const struct m_corpus *c, unsigned threads)
{
	size_t n = c->histories.n_runs;
	_cleanup_free_ double(*highest)[TOKEN_RIVALS] = calloc(n + 1, sizeof(*highest));
	struct grams_job j = {c, ret, highest};
	int r = highest ? 0 : -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		r = number_map_init(&ret->grams);
	if (r == 0)
		r = witten_bell_init(&ret->wb, n);
	if (r == 0)
		r = learn_histories(ret, &c->histories);
	if (r == 0)
		r = witten_bell_model_new(&ret->model, &ret->wb, HISTORIES_NO_RUN);
	if (r == 0)
		r = pool_run(threads, replay_by_grams, &j, n, NULL);
	for (unsigned k = 0; r == 0 && k < TOKEN_RIVALS; k++) {
		struct m_highest of_rival = {0};

		for (size_t i = 0; i < n; i++)
			m_highest_add(&of_rival, highest[i][k]);
		ret->reference[k] = m_highest_reference(&of_rival, typical_level[k]);
	}
	return r;
}

void token_grams_done(struct token_grams *g)
{
	number_map_done(&g->grams);
	free(g->run);
	witten_bell_model_free(g->model);
	witten_bell_done(&g->wb);
	memset(g, 0, sizeof(*g));
}
