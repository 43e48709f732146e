/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Level M and its rivals, side by side: all have the same tokens of calls and objects, the same
 * smoothing, and thresholds from the same replays. So a difference between them is one of what they
 * make of the tokens. Level M, and level M with codes drawn at random, are trained with three
 * seeds.
 */
#ifndef LUTRA_TRAINER_EVAL_RIVALS_TOKEN_PANEL_H
#define LUTRA_TRAINER_EVAL_RIVALS_TOKEN_PANEL_H

#include "trainer/eval/detectors/detectors.h"
#include "trainer/eval/rivals/token_grams.h"

#define TOKEN_PANEL_SEEDS 3
#define TOKEN_PANEL_LEVELS (2 * TOKEN_PANEL_SEEDS) /* learned codes, then random ones */

struct token_panel {
	struct m_corpus corpus;
	struct tokens_source source;
	struct m_level level[TOKEN_PANEL_LEVELS];
	struct token_grams grams;
};

/* Of a task, copied by fork. */
struct token_panel_task {
	struct lutra_m_state level[TOKEN_PANEL_LEVELS];
	struct token_grams_state grams;
};

/* What one container has shown. */
struct token_panel_seen {
	struct lutra_m_counters level[TOKEN_PANEL_LEVELS];
	struct token_grams_seen *grams;
};

/* How to train a panel: */
struct token_panel_options {
	uint64_t seed; /* the first */
	unsigned threads;
	bool sessions; /* what exec sessions did counts too */
};

/*
 * Trains and calibrates all. corpus and roles must outlive the panel; roles: as of tokens_source.
 * The caller calls token_panel_done(ret), also after a failure. Returns 0, -ENOMEM or -E2BIG.
 */
int token_panel_train(struct token_panel *ret, const struct corpus *corpus,
		      const struct lutra_policy *roles, const struct token_panel_options *options);
void token_panel_done(struct token_panel *p);

int token_panel_seen_new(struct token_panel_seen **ret); /* Returns 0 or -ENOMEM. */
void token_panel_seen_free(struct token_panel_seen *s);
DEFINE_FREEP(struct token_panel_seen, token_panel_seen_free);

/* Starts a task that no fork was seen of. */
void token_panel_init_task(const struct token_panel *p, struct token_panel_task *t);

/* Returns the token of an object in a role. str (len): its recorded path, or NULL. */
uint8_t token_panel_object(const struct token_panel *p, uint8_t role, const struct lutra_object *o,
			   const char *str, size_t len);

/*
 * Moves all levels of a task on by a token. ret: by detector from DETECTOR_TOKENS on, the level in
 * multiples of its reference level (m_threshold.h): above M_THRESHOLD_MARGIN it alarms.
 * Returns 0, -ENOMEM or -E2BIG.
 */
int token_panel_step(const struct token_panel *p, struct token_panel_seen *seen,
		     struct token_panel_task *t, uint8_t token, float ret[DETECTOR_PANEL]);

#endif
