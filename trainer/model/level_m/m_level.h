/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains and calibrates level M: its tables, and the highest level in leave-one-run-out replays. A
 * replay scores one run by tables made from the other runs. A token that only this run had is
 * unknown there.
 */
#ifndef LUTRA_TRAINER_MODEL_LEVEL_M_M_LEVEL_H
#define LUTRA_TRAINER_MODEL_LEVEL_M_M_LEVEL_H

#include "trainer/model/level_m/m_threshold.h"
#include "trainer/model/level_m/m_weights.h"

#define M_LEVEL_UNITS ((double)(LUTRA_M_UNIT << LUTRA_M_FRACTION)) /* of the level in one nat */

/* The runs as level M sees them. */
struct m_corpus {
	const struct tokens_source *src;
	struct tokens tokens;
	struct histories histories;
};

/*
 * Reads the runs. The caller calls m_corpus_done(), also after a failure. Returns what
 * tokens_build() or histories_count() return.
 */
int m_corpus_init(struct m_corpus *c, const struct tokens_source *src);
void m_corpus_done(struct m_corpus *c);

struct m_level {
	struct lutra_m_tables *tables; /* of all runs */
	/*
	 * The highest levels of the replays, in units of lutra_m_state.level. shared: with the codes
	 * of all runs, which the replayed run had a part in. anew: with codes that are trained for
	 * each replay on the other runs.
	 */
	struct m_highest shared, anew;
	double reference; /* of shared: the threshold is M_THRESHOLD_MARGIN times this */
};

struct m_level_options {
	uint64_t seed;
	bool random_codes; /* draw the codes at random, for the baseline */
	bool anew;	   /* find m_level.anew too, which takes longer; false: it is 0 */
	unsigned threads;
};

/*
 * Trains and calibrates a level. If the corpus has one run, its own tables score its replay. The
 * caller calls m_level_done(ret), also after a failure. Returns 0 or -ENOMEM.
 */
int m_level_train(struct m_level *ret, const struct m_corpus *c,
		  const struct m_level_options *options);
void m_level_done(struct m_level *l);

/*
 * Returns the token of an event in the replay of run `without`: UNK if no other run had the token.
 */
static inline uint8_t m_level_token(const struct tokens *t, const struct run_event *e,
				    size_t without)
{
	uint8_t token = tokens_event(t, e);

	return t->run[token] == without ? LUTRA_UNK : token;
}

#endif
