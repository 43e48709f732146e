/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What training makes of a corpus: counts of each run by role, and the codes of level M (level_m/).
 * From these, the arrays of a policy are made, of all runs or of all runs except one.
 */
#ifndef LUTRA_TRAINER_MODEL_TABLES_MODEL_H
#define LUTRA_TRAINER_MODEL_TABLES_MODEL_H

#include "lib/policy/policy.h"
#include "trainer/model/level_m/m_level.h"

#define MODEL_NO_RUN HISTORIES_NO_RUN /* of `without`: leave no run out */

struct model {
	const struct corpus *corpus; /* not owned */
	struct run_counts *counts;   /* (corpus->n_runs), by run */
	struct lutra_policy
		*roles; /* for tokens_source.roles; only steady, hash_key and ops are set */
	struct tokens_source source;
	struct m_corpus level;
	struct m_codes codes;
	bool few_runs;	     /* fewer than M_WEIGHTS_RUNS: level M only logs */
	bool codes_anew;     /* an update trained new codes: the old threshold of M does not fit */
	bool audit_sessions; /* level M leaves out exec sessions; set after model_init() */
	bool steady_on_wait; /* no run ever accepts: tasks get steady by waiting */
	uint64_t steady[LUTRA_NR / 64]; /* bit per system call that makes a task steady */
	enum policy_first_process first_process;
	uint64_t hash_key[2]; /* of path components; the caller sets it before model_train() */
	uint32_t ops;	      /* bit per enum lutra_op that all recordings could see */
};

/*
 * Makes a model of a corpus whose runs have no counts yet. The corpus must have all its runs and
 * outlive the model. The caller calls model_done(), also after a failure. Returns 0 or -ENOMEM.
 */
int model_init(struct model *m, const struct corpus *corpus);

/* Frees what the model owns. */
void model_done(struct model *m);

/*
 * Trains a new model on its corpus.
 * Returns 0, -E2BIG if there are more different system calls than tokens, or -ENOMEM.
 */
int model_train(struct model *m, const struct layer_options *options);

/* Counts system calls and objects of the new runs, from corpus->n_old on. Returns 0 or -ENOMEM. */
int model_count_runs(struct model *m, unsigned threads);

/* Sets first_process from the counts of the runs. */
void model_add_first_process(struct model *m);

/*
 * Reads the tokens and histories of the new runs. steady and hash_key must be set. old: the policy
 * that is updated, or NULL. Returns what m_corpus_init() returns.
 */
int model_read_level(struct model *m, const struct policy *old, unsigned threads);

/* Trains the codes of level M on all runs. Returns 0 or -ENOMEM. */
int model_train_codes(struct model *m, const struct layer_options *options);

/* Adds up the system calls of all runs except `without`. */
void model_sum_syscalls(const struct model *m, size_t without, uint64_t ret[LUTRA_ROLES][LUTRA_NR]);

/* Makes the tables of level M from all runs except `without`. Returns 0 or -ENOMEM. */
int model_tables(const struct model *m, size_t without, struct lutra_m_tables *ret);

/*
 * Sets arch, v, token, the tables and constants of level M, steady, hash_key and ops of a new
 * policy. All runs count except `without`. A system call that only this run made has no token.
 * Returns 0 or
 * -ENOMEM.
 */
int model_policy(const struct model *m, size_t without, struct policy *p);

/* Sets p->keys, the keys of objects. Returns 0 or -ENOMEM. */
int model_keys(const struct model *m, struct policy *p);

/* Sets p->successors, the most frequent successors of each token. Returns 0 or -ENOMEM. */
int model_successors(const struct model *m, struct policy *p);

#endif
