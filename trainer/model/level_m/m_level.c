/* SPDX-License-Identifier: Apache-2.0 */
/* Trains level M, then replays every run by what the others taught, on all threads. */
#include "trainer/model/level_m/m_level.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/model/compute/pool.h"

int m_corpus_init(struct m_corpus *c, const struct tokens_source *src)
{
	int r;

	memset(c, 0, sizeof(*c));
	c->src = src;
	r = tokens_build(&c->tokens, src);
	return r < 0 ? r : histories_count(&c->histories, &c->tokens, src);
}

void m_corpus_done(struct m_corpus *c)
{
	tokens_done(&c->tokens);
	histories_done(&c->histories);
}

/* Replays a run. *ret_max: rises to its highest level. without: as for m_level_token(). */
static int replay_run(const struct m_corpus *c, size_t run, size_t without,
		      const struct lutra_m_tables *tables, int32_t *ret_max)
{
	_cleanup_free_ struct lutra_m_counters *counters = calloc(1, sizeof(*counters));
	_cleanup_(run_iter_done) struct run_iter it = {0};
	struct lutra_m_state initial;
	struct lutra_m_score score;
	struct run_event e;

	lutra_m_init(&initial, tables);
	if (!counters || run_iter_init(&it, &c->src->corpus->runs[run], c->src->roles) < 0 ||
	    run_iter_attach(&it, sizeof(initial), &initial) < 0)
		return -ENOMEM;
	while (run_iter_next(&it, &e)) {
		uint8_t token = m_level_token(&c->tokens, &e, without);
		bool counts = e.state->role != LUTRA_ROLE_SESSION || c->src->sessions;
		struct lutra_m_state *s = e.attached;

		if (token == LUTRA_PAD ||
		    !lutra_m_step(s, tables, token, counts ? lutra_m_claim_counters : NULL,
				  counters, &score))
			continue;
		if (counts && s->level > *ret_max)
			*ret_max = s->level;
	}
	return 0;
}

/* The highest levels of one replay, as of struct m_level. */
struct level_replay {
	int32_t shared, anew;
};

struct calibrate_level_job {
	const struct m_corpus *corpus;
	const struct m_level_options *options;
	const struct m_codes *codes;
	struct level_replay *replays; /* (runs) */
};

static struct layer_options layer_options_of(const struct m_level_options *o, unsigned threads)
{
	return (struct layer_options){.seed = o->seed,
				      .flags = o->random_codes ? LAYER_RANDOM_CODES : 0,
				      .threads = threads};
}

static int replay_by_codes(const struct calibrate_level_job *j, size_t run,
			   const struct m_codes *codes, int32_t *ret_max)
{
	_cleanup_free_ struct lutra_m_tables *tables = calloc(1, sizeof(*tables));
	size_t without = j->corpus->histories.n_runs > 1 ? run : HISTORIES_NO_RUN;
	int r = tables ? 0 : -ENOMEM;

	if (r == 0)
		r = m_weights_tables(tables, codes, &j->corpus->histories, without);
	return r < 0 ? r : replay_run(j->corpus, run, without, tables, ret_max);
}

static int calibrate_run(void *ctx, size_t run, struct err *err)
{
	const struct calibrate_level_job *j = ctx;
	_cleanup_(m_codes_done) struct m_codes codes = {0};
	struct layer_options options = layer_options_of(j->options, 1);
	struct level_replay *ret = &j->replays[run];
	int r = replay_by_codes(j, run, j->codes, &ret->shared);

	(void)err;
	if (r < 0 || !j->options->anew || j->corpus->histories.n_runs < 2)
		return r;
	r = m_codes_train(&codes, &j->corpus->histories, j->corpus->tokens.v, run, &options);
	return r < 0 ? r : replay_by_codes(j, run, &codes, &ret->anew);
}

int m_level_train(struct m_level *ret, const struct m_corpus *c,
		  const struct m_level_options *options)
{
	size_t n = c->histories.n_runs;
	_cleanup_(m_codes_done) struct m_codes codes = {0};
	_cleanup_free_ struct level_replay *replays = calloc(n + 1, sizeof(*replays));
	struct calibrate_level_job j = {c, options, &codes, replays};
	struct layer_options of_layers = layer_options_of(options, options->threads);
	int r = replays ? 0 : -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	ret->tables = calloc(1, sizeof(*ret->tables));
	if (!ret->tables)
		r = -ENOMEM;
	if (r == 0)
		r = m_codes_train(&codes, &c->histories, c->tokens.v, HISTORIES_NO_RUN, &of_layers);
	if (r == 0)
		r = m_weights_tables(ret->tables, &codes, &c->histories, HISTORIES_NO_RUN);
	if (r == 0)
		r = pool_run(options->threads, calibrate_run, &j, n, NULL);
	for (size_t i = 0; r == 0 && i < n; i++) {
		m_highest_add(&ret->shared, replays[i].shared);
		m_highest_add(&ret->anew, replays[i].anew);
	}
	ret->reference = m_highest_reference(&ret->shared, M_THRESHOLD_TYPICAL * M_LEVEL_UNITS);
	return r;
}

void m_level_done(struct m_level *l)
{
	free(l->tables);
	memset(l, 0, sizeof(*l));
}
