/* SPDX-License-Identifier: Apache-2.0 */
/* The trained model: alphabet and three levels; and the policy arrays that it makes of counts. */
#ifndef LUTRA_TRAINER_MODEL_TABLES_MODEL_H
#define LUTRA_TRAINER_MODEL_TABLES_MODEL_H

#include "lib/policy/policy.h"
#include "trainer/data/alphabet.h"
#include "trainer/model/tables/compile.h"

#define MODEL_LEVELS 3
#define MODEL_NO_RUN SIZE_MAX
#define MODEL_NO_ROLES                                                                             \
	2u /* of level_options.flags: all calls are in role 0; no policy is made of it */

struct model {
	struct alphabet alphabet;
	struct level level[MODEL_LEVELS];
	const char *arch; /* the corpus's */
	bool steady_on_wait;
	uint64_t steady[LUTRA_NR / 64];
	uint64_t hash_key[2];
	uint32_t ops;
};

void model_done(struct model *m);

/*
 * Train on the corpus. Each run's counts go to counts[run] (corpus->n_runs, zeroed; the caller's
 * to run_counts_done(), also on failure). -E2BIG: more different calls than tokens; -ENOMEM.
 */
int model_train(struct model *ret, const struct corpus *corpus, struct run_counts *counts,
		const struct level_options *options);

/*
 * Count the runs that are new (from corpus->n_old on) by a model's roles, and by its codes.
 * -ENOMEM.
 */
int model_count_syscalls(const struct model *m, const struct corpus *corpus,
			 struct run_counts *counts, struct pool *pool);
int model_count_pairs(const struct model *m, const struct corpus *corpus, struct run_counts *counts,
		      struct pool *pool);

/*
 * Set what calls need in a new policy: v, token, tables, p1, p2, steady, hash_key, ops. All runs
 * count but one: without, or MODEL_NO_RUN. Calls that only that one made are UNK. -ENOMEM.
 */
int model_policy(const struct model *m, const struct run_counts *counts, size_t n_runs,
		 size_t without, struct policy *p);

/* Which counts to make weights of, and how: as level_weights(). */
struct model_weighing {
	const struct run_counts *counts; /* (n_runs) */
	size_t n_runs;
	size_t without; /* a run to leave out, or MODEL_NO_RUN */
	bool gate;
};

/* Weights before they are rounded: arrays of PAIRS_SIZE(level), indexed as the tables. -ENOMEM. */
int model_weights(const struct model *m, const struct model_weighing *w, float *ret[MODEL_LEVELS]);

/* The commonest successors of each token: p->successors, by all counts. -ENOMEM. */
int model_successors(const struct run_counts *counts, size_t n_runs, struct policy *p);

#endif
