/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rivals of level M without codes. They have the tokens of level M, its smoothing by 1/128, and
 * thresholds from leave-one-run-out replays:
 *
 *   grams4         the last 4 tokens were never seen together
 *   witten_bell5   -ln P of a token after the four before
 *   stide6         the last 6 tokens were never seen together
 *   bigram         the last 2 tokens were never seen together
 *
 * What was never seen counts the first LUTRA_M_COUNTS times in a container, as in level M.
 */
#ifndef LUTRA_TRAINER_EVAL_RIVALS_TOKEN_GRAMS_H
#define LUTRA_TRAINER_EVAL_RIVALS_TOKEN_GRAMS_H

#include "trainer/eval/detectors/witten_bell.h"
#include "trainer/model/level_m/m_level.h"

enum token_rival {
	TOKEN_RIVAL_GRAMS4,
	TOKEN_RIVAL_WITTEN_BELL5,
	TOKEN_RIVAL_STIDE6,
	TOKEN_RIVAL_BIGRAM,
	TOKEN_RIVALS
};

/* Of a task: all zero at first, copied by fork. */
struct token_grams_state {
	uint64_t history;
	double level[TOKEN_RIVALS];
};

struct token_grams {
	struct number_map grams; /* of all lengths */
	uint32_t *run;		 /* (grams): the only run that had it, or TOKENS_RUN_MANY */
	size_t run_size;
	struct witten_bell wb;
	struct witten_bell_model *model; /* of all runs */
	double reference[TOKEN_RIVALS];	 /* as of level M (m_threshold.h) */
};

/* What one container has shown: what new grams it had how often, and a cache. */
struct token_grams_seen;

/*
 * Trains and calibrates the rivals. The caller calls token_grams_done(ret), also after a failure.
 * Returns 0, -ENOMEM or -E2BIG.
 */
int token_grams_train(struct token_grams *ret, const struct m_corpus *c, unsigned threads);
void token_grams_done(struct token_grams *g);

int token_grams_seen_new(struct token_grams_seen **ret); /* Returns 0 or -ENOMEM. */
void token_grams_seen_free(struct token_grams_seen *s);
DEFINE_FREEP(struct token_grams_seen, token_grams_seen_free);

/* Moves the levels of a task on by a token that is not left out. Returns 0, -ENOMEM or -E2BIG. */
int token_grams_step(const struct token_grams *g, struct token_grams_seen *seen,
		     struct token_grams_state *s, uint8_t token);

#endif
