/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trained model: an alphabet, three layers, and what each run counts by them. The arrays of a
 * policy are made of the counts of all runs, or of all except one.
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
	const struct corpus *corpus;	/* not owned */
	struct run_counts *counts;	/* (corpus->n_runs), by run */
	bool audit_sessions;		/* the pairs of exec sessions do not count; set by the
					   caller after model_init() */
	bool steady_on_wait;		/* no run ever accepts: tasks get steady by waiting */
	uint64_t steady[LUTRA_NR / 64]; /* bit per system call that makes a task steady */
	enum policy_first_process first_process;
	uint64_t hash_key[2]; /* of path components */
	uint32_t ops;	      /* bit per enum lutra_op that all recordings could see */
};

/*
 * Makes a model without alphabet and layers, whose runs have no counts yet. The corpus must have all
 * its runs and outlive the model. The caller calls
 * model_done(), also after a failure. Returns 0 or -ENOMEM.
 */
int model_init(struct model *m, const struct corpus *corpus);

/* Adds what the counted runs say of the first process. */
void model_add_first_process(struct model *m);

/* Frees the layers and the counts. */
void model_done(struct model *m);

/*
 * Trains an empty model on its corpus.
 * Returns 0, -E2BIG if there are more different system calls than tokens, or -ENOMEM.
 */
int model_train(struct model *m, const struct layer_options *options);

/*
 * Counts the new runs, from corpus->n_old on: their system calls and objects, or, with `pairs`,
 * their pairs by the model's codes. Returns 0 or -ENOMEM.
 */
int model_count_runs(struct model *m, bool pairs, unsigned threads);

/* Adds up the system calls of all runs except `without`. */
void model_sum_syscalls(const struct model *m, size_t without, uint64_t ret[LUTRA_ROLES][LUTRA_NR]);

/*
 * Sets in a new policy what system calls need: arch, v, token, tables, p1, p2, steady, hash_key,
 * ops.
 * All runs count except `without`. A system call that only this run made has no token.
 * Returns 0 or -ENOMEM.
 */
int model_policy(const struct model *m, size_t without, struct policy *p);

/*
 * Computes the weights before rounding, in 1/20 nat, from the counts of all runs except `without`:
 * *ret[layer] is an array of PAIRS_SIZE(layer), indexed like the tables, for the caller to free.
 * gate: as for layer_weights(). Returns 0 or -ENOMEM.
 */
int model_weights(const struct model *m, size_t without, bool gate, float *ret[MODEL_LAYERS]);

/* Sets p->successors, the most frequent successors of each token. Returns 0 or -ENOMEM. */
int model_successors(const struct model *m, struct policy *p);

#endif
