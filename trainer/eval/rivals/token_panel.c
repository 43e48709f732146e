/* SPDX-License-Identifier: Apache-2.0 */
/* Trains and steps level M and its rivals. */
#include "trainer/eval/rivals/token_panel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(DETECTOR_M_GRAMS4 - DETECTOR_TOKENS == TOKEN_PANEL_LEVELS &&
		       DETECTOR_PANEL == TOKEN_PANEL_LEVELS + TOKEN_RIVALS,
	       "detectors are in the order of the panel");

int token_panel_train(struct token_panel *ret, const struct corpus *corpus,
		      const struct lutra_policy *roles, const struct token_panel_options *options)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->source = (struct tokens_source){corpus,	       roles, options->sessions,
					     options->threads, NULL,  false};
	r = m_corpus_init(&ret->corpus, &ret->source);
	for (unsigned i = 0; r == 0 && i < TOKEN_PANEL_LEVELS; i++) {
		const struct m_level_options level = {.seed = options->seed + i % TOKEN_PANEL_SEEDS,
						      .random_codes = i >= TOKEN_PANEL_SEEDS,
						      .threads = options->threads};

		r = m_level_train(&ret->level[i], &ret->corpus, &level);
	}
	return r < 0 ? r : token_grams_train(&ret->grams, &ret->corpus, options->threads);
}

void token_panel_done(struct token_panel *p)
{
	for (unsigned i = 0; i < TOKEN_PANEL_LEVELS; i++)
		m_level_done(&p->level[i]);
	token_grams_done(&p->grams);
	m_corpus_done(&p->corpus);
}

int token_panel_seen_new(struct token_panel_seen **ret)
{
	_cleanup_(token_panel_seen_freep) struct token_panel_seen *s = calloc(1, sizeof(*s));

	if (!s || token_grams_seen_new(&s->grams) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(s);
	return 0;
}

void token_panel_seen_free(struct token_panel_seen *s)
{
	if (!s)
		return;
	token_grams_seen_free(s->grams);
	free(s);
}

void token_panel_init_task(const struct token_panel *p, struct token_panel_task *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < TOKEN_PANEL_LEVELS; i++)
		lutra_m_init(&t->level[i], p->level[i].tables);
}

uint8_t token_panel_object(const struct token_panel *p, uint8_t role, const struct lutra_object *o,
			   const char *str, size_t len)
{
	const struct tokens *t = &p->corpus.tokens;

	return tokens_object(t, role, object_keys_find(&t->keys, o, str ? str : "", str ? len : 0));
}

/* Returns a level in multiples of the reference level. */
static float share_of(double level, double reference)
{
	return (float)(level / (reference > 0 ? reference : 1e-6));
}

int token_panel_step(const struct token_panel *p, struct token_panel_seen *seen,
		     struct token_panel_task *t, uint8_t token, float ret[DETECTOR_PANEL])
{
	struct lutra_m_score score;
	int r = token_grams_step(&p->grams, seen->grams, &t->grams, token);

	for (unsigned i = 0; i < TOKEN_PANEL_LEVELS; i++) {
		lutra_m_step(&t->level[i], p->level[i].tables, token, lutra_m_claim_counters,
			     &seen->level[i], &score);
		ret[i] = share_of(t->level[i].level, p->level[i].reference);
	}
	for (unsigned i = 0; i < TOKEN_RIVALS; i++)
		ret[TOKEN_PANEL_LEVELS + i] = share_of(t->grams.level[i], p->grams.reference[i]);
	return r;
}
