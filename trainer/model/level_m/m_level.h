/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Level M, trained and calibrated: tables, and the highest level of leave-one-run-out replays. A
 * replay scores a run by tables made from the others. A token that only this run had is unknown.
 */
#ifndef LUTRA_TRAINER_MODEL_LEVEL_M_M_LEVEL_H
#define LUTRA_TRAINER_MODEL_LEVEL_M_M_LEVEL_H

#include "trainer/model/level_m/m_weights.h"

#define M_LEVEL_MARGIN 1.25 /* the threshold is this times the highest level of the replays */

/* What levels are trained on. */
struct m_corpus {
	const struct tokens_source *src;
	struct tokens tokens;
	struct histories histories;
};

/* Reads the runs. The caller calls m_corpus_done(), also after a failure. Returns as tokens_build(). */
int m_corpus_init(struct m_corpus *c, const struct tokens_source *src);
void m_corpus_done(struct m_corpus *c);

struct m_level {
	struct lutra_m_tables *tables; /* of all runs */
	/*
	 * The highest level of the replays, in units of lutra_m_state.level: with the codes of all
	 * runs, which have seen the replayed run, and with codes trained anew without it.
	 */
	int32_t max_shared, max_anew;
};

struct m_level_options {
	uint64_t seed;
	bool random_codes; /* draw the codes: the baseline */
	bool anew;	   /* find max_anew, which trains codes for every run; else it is 0 */
	unsigned threads;
};

/*
 * Trains and calibrates a level. The only run of a corpus is replayed by itself. The caller calls
 * m_level_done(ret), also after a failure. Returns 0 or -ENOMEM.
 */
int m_level_train(struct m_level *ret, const struct m_corpus *c,
		  const struct m_level_options *options);
void m_level_done(struct m_level *l);

/* Returns the token of an event in a replay without a run: UNK if only that run had it. */
static inline uint8_t m_level_token(const struct tokens *t, const struct run_event *e,
				    size_t without)
{
	uint8_t token = tokens_event(t, e);

	return t->run[token] == without ? LUTRA_UNK : token;
}

#endif
