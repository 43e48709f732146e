/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trained model, an alphabet and three layers, and the policy arrays made of it and of counts.
 */
#ifndef LUTRA_TRAINER_MODEL_TABLES_MODEL_H
#define LUTRA_TRAINER_MODEL_TABLES_MODEL_H

#include "lib/policy/policy.h"
#include "trainer/data/alphabet.h"
#include "trainer/model/tables/layer.h"

#define MODEL_LAYERS 3
#define MODEL_NO_RUN SIZE_MAX /* of `without`: leave no run out */
/*
 * Of layer_options.flags: all system calls count as role 0. No policy can be made of such a model.
 */
#define MODEL_NO_ROLES 2u

struct model {
	struct alphabet alphabet;
	struct layer layer[MODEL_LAYERS];
	const char *arch;		/* the corpus's */
	bool steady_on_wait;		/* no run ever accepts: tasks get steady by waiting */
	uint64_t steady[LUTRA_NR / 64]; /* bit per system call that makes a task steady */
	uint64_t hash_key[2];		/* of path components */
	uint32_t ops;			/* bit per enum lutra_op that all recordings could see */
};

/* Frees the layers. */
void model_done(struct model *m);

/*
 * Trains a model on the corpus and counts each run: counts (corpus->n_runs), zeroed by the caller,
 * who calls run_counts_done() on each and model_done(ret), also after a failure.
 * Returns 0, -E2BIG if there are more different system calls than tokens, or -ENOMEM.
 */
int model_train(struct model *ret, const struct corpus *corpus, struct run_counts *counts,
		const struct layer_options *options);

/*
 * Counts the system calls and objects of the new runs, from corpus->n_old on. Returns 0 or -ENOMEM.
 */
int model_count_syscalls(const struct model *m, const struct corpus *corpus,
			 struct run_counts *counts, struct pool *pool);

/* Counts the pairs of the new runs by the model's codes. Returns 0 or -ENOMEM. */
int model_count_pairs(const struct model *m, const struct corpus *corpus, struct run_counts *counts,
		      struct pool *pool);

/*
 * Sets in a new policy what system calls need: arch, v, token, tables, p1, p2, steady, hash_key,
 * ops.
 * counts (n_runs): all runs count except `without`. A system call that only this run made has no
 * token. Returns 0 or -ENOMEM.
 */
int model_policy(const struct model *m, const struct run_counts *counts, size_t n_runs,
		 size_t without, struct policy *p);

/* Which counts to make weights of. */
struct model_weighing {
	const struct run_counts *counts; /* (n_runs) */
	size_t n_runs;
	size_t without; /* a run to leave out, or MODEL_NO_RUN */
	bool gate;	/* as for layer_weights() */
};

/*
 * Computes the weights before rounding, in 1/20 nat: *ret[layer] is an array of PAIRS_SIZE(layer),
 * indexed like the tables, for the caller to free. Returns 0 or -ENOMEM.
 */
int model_weights(const struct model *m, const struct model_weighing *w, float *ret[MODEL_LAYERS]);

/* Sets p->successors, the most frequent successors of each token. Returns 0 or -ENOMEM. */
int model_successors(const struct run_counts *counts, size_t n_runs, struct policy *p);

#endif
