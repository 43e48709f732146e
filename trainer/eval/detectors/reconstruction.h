/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The baseline `reconstruction`: the mean reconstruction error of a lineage's system calls. Its
 * autoencoders have three layers, as those of level M, but are trained on numbers of system calls
 * alone, without roles and objects. The weight of a pair, seen or not, is
 *
 *   rec / 2 + cond      as layer_surprise() says
 *
 * The level is the mean of the weights of a lineage's first RECONSTRUCTION_MEAN system calls. Each
 * later call moves it by 1 / RECONSTRUCTION_MEAN of the distance. It is not judged before.
 */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_RECONSTRUCTION_H
#define LUTRA_TRAINER_EVAL_DETECTORS_RECONSTRUCTION_H

#include "trainer/model/level_m/m_level.h"

#define RECONSTRUCTION_MEAN 512 /* system calls */

/* The state of a task, which a fork copies. */
struct reconstruction_state {
	struct lutra_m_state m; /* its level is not used */
	uint32_t n;		/* system calls so far */
	double level;		/* nat */
};

/* The weights of all pairs, indexed as the tables. */
struct reconstruction_weights {
	float *of_layer[M_LAYERS];
};

struct reconstruction {
	struct lutra_policy *roles; /* all zero: no system call ends the start-up */
	struct tokens_source source;
	struct m_corpus corpus;
	struct lutra_m_tables *tables; /* only their codes are used */
	struct m_codes codes;
	struct reconstruction_weights weights;
	double threshold; /* nat */
};

struct reconstruction_options {
	uint64_t seed;
	unsigned threads;
	bool sessions; /* events of exec sessions count too */
};

/*
 * Trains on a corpus, which must outlive ret. The threshold is BASELINES_MARGIN times the highest
 * level of the runs, each judged by the counts of the others. The caller calls
 * reconstruction_done(ret), also after a failure. Returns 0, -ENOMEM, or -E2BIG if there are too
 * many system calls.
 */
int reconstruction_train(struct reconstruction *ret, const struct corpus *corpus,
			 const struct reconstruction_options *options);
void reconstruction_done(struct reconstruction *r);

/* Sets the state of a task whose parent is not known. */
void reconstruction_init_task(const struct reconstruction *r, struct reconstruction_state *s);

/* Updates s by a system call. Returns true if the level is above the threshold. */
bool reconstruction_step(const struct reconstruction *r, struct reconstruction_state *s,
			 uint32_t nr);

#endif
