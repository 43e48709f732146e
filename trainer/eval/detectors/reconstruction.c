/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains layers on system calls. Then replays each run with weights of the other runs, on all
 * threads.
 */
#include "trainer/eval/detectors/reconstruction.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/eval/detectors/baselines.h"
#include "trainer/model/compute/pool.h"

static void reconstruction_weights_done(struct reconstruction_weights *w)
{
	for (unsigned l = 0; l < M_LAYERS; l++)
		free(w->of_layer[l]);
	memset(w, 0, sizeof(*w));
}

void reconstruction_done(struct reconstruction *r)
{
	reconstruction_weights_done(&r->weights);
	m_codes_done(&r->codes);
	m_corpus_done(&r->corpus);
	free(r->tables);
	free(r->roles);
	memset(r, 0, sizeof(*r));
}

/* Computes the weights from the counts of all runs except one. */
static int make_pair_weights(const struct reconstruction *r, size_t without,
			     struct reconstruction_weights *ret)
{
	for (unsigned l = 0; l < M_LAYERS; l++) {
		_cleanup_(m_pairs_done) struct m_pairs pairs = {0};
		struct pair_counts counts = {.shift = M_SHIFT(l)};
		int e = m_pairs_count(&pairs, &r->corpus.histories, &r->codes, l, without);

		counts.count = pairs.count;
		ret->of_layer[l] = calloc(M_PAIRS(l), sizeof(*ret->of_layer[l]));
		if (e < 0 || !ret->of_layer[l] ||
		    layer_surprise(&r->codes.layer[l], &counts, ret->of_layer[l]) < 0)
			return -ENOMEM;
	}
	return 0;
}

void reconstruction_init_task(const struct reconstruction *r, struct reconstruction_state *s)
{
	memset(s, 0, sizeof(*s));
	lutra_m_init(&s->m, r->tables);
}

/* Updates s by a token. Returns true if the lineage has made enough system calls to be judged. */
static bool step_mean(const struct reconstruction *r, const struct reconstruction_weights *w,
		      struct reconstruction_state *s, uint8_t token)
{
	struct lutra_m_score x;
	double sum;

	lutra_m_load(&s->m, r->tables, token, &x);
	lutra_m_move(&s->m, r->tables, &x, token);
	sum = (double)w->of_layer[0][x.i0] + w->of_layer[1][x.i1] + w->of_layer[2][x.i2];
	s->n++;
	s->level += (sum - s->level) / (s->n < RECONSTRUCTION_MEAN ? s->n : RECONSTRUCTION_MEAN);
	return s->n >= RECONSTRUCTION_MEAN;
}

bool reconstruction_step(const struct reconstruction *r, struct reconstruction_state *s,
			 uint32_t nr)
{
	uint8_t token = tokens_syscall(&r->corpus.tokens, LUTRA_ROLE_STARTUP, nr);

	return step_mean(r, &r->weights, s, token) && s->level > r->threshold;
}

struct reconstruction_job {
	const struct reconstruction *r;
	double *highest; /* (n_runs) */
};

static int replay_mean(void *ctx, size_t run, struct err *err)
{
	const struct reconstruction_job *j = ctx;
	const struct m_corpus *c = &j->r->corpus;
	_cleanup_(reconstruction_weights_done) struct reconstruction_weights weights = {{NULL}};
	_cleanup_(run_iter_done) struct run_iter it = {0};
	/* If there is one run, its own weights score it. */
	size_t without = c->histories.n_runs > 1 ? run : HISTORIES_NO_RUN;
	struct reconstruction_state initial;
	struct run_event e;
	int r = make_pair_weights(j->r, without, &weights);

	(void)err;
	reconstruction_init_task(j->r, &initial);
	if (r == 0)
		r = run_iter_init(&it, &c->src->corpus->runs[run], c->src->roles);
	if (r == 0)
		r = run_iter_attach(&it, sizeof(initial), &initial);
	while (r == 0 && run_iter_next(&it, &e)) {
		struct reconstruction_state *s = e.attached;
		uint8_t token = m_level_token(&c->tokens, &e, without);

		if (e.is_syscall && step_mean(j->r, &weights, s, token))
			j->highest[run] = fmax(j->highest[run], s->level);
	}
	return r;
}

/* Trains codes and weights. */
static int train_layers(struct reconstruction *r, const struct reconstruction_options *options)
{
	const struct layer_options of_layers = {.seed = options->seed, .threads = options->threads};
	int e = m_corpus_init(&r->corpus, &r->source);

	if (e == 0)
		e = m_codes_train(&r->codes, &r->corpus.histories, r->corpus.tokens.v,
				  HISTORIES_NO_RUN, &of_layers);
	if (e == 0)
		e = m_weights_tables(r->tables, &r->codes, &r->corpus.histories, HISTORIES_NO_RUN);
	return e < 0 ? e : make_pair_weights(r, HISTORIES_NO_RUN, &r->weights);
}

int reconstruction_train(struct reconstruction *ret, const struct corpus *corpus,
			 const struct reconstruction_options *options)
{
	_cleanup_free_ double *highest = calloc(corpus->n_runs + 1, sizeof(*highest));
	struct reconstruction_job j = {ret, highest};
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->roles = calloc(1, sizeof(*ret->roles));
	ret->tables = calloc(1, sizeof(*ret->tables));
	if (!highest || !ret->roles || !ret->tables)
		return -ENOMEM;
	ret->source = (struct tokens_source){.corpus = corpus,
					     .roles = ret->roles,
					     .sessions = options->sessions,
					     .threads = options->threads,
					     .calls_only = true};
	r = train_layers(ret, options);
	if (r == 0)
		r = pool_run(options->threads, replay_mean, &j, corpus->n_runs, NULL);
	for (size_t i = 0; i < corpus->n_runs; i++)
		ret->threshold = fmax(ret->threshold, BASELINES_MARGIN * highest[i]);
	return r;
}
