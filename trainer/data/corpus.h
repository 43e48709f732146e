/* SPDX-License-Identifier: Apache-2.0 */
/* The runs a policy is made from, read from their traces. */
#ifndef LUTRA_TRAINER_DATA_CORPUS_H
#define LUTRA_TRAINER_DATA_CORPUS_H

#include "trainer/data/run.h"
#include "lib/base/progress.h"

#define CORPUS_RUNS_MAX 1024

struct corpus {
	struct run *runs; /* those to train on first, then those held out */
	size_t n_runs;	  /* to train on */
	size_t n_heldout;
	size_t n_old; /* of those to train on, the first: known by their counts alone */
	struct run_names names;
	char *arch;				   /* of all runs; NULL while there is none */
	void (*warn)(void *ctx, const char *line); /* may be NULL */
	void *warn_ctx;
};

int corpus_init(struct corpus *c); /* -ENOMEM. corpus_done() also after a failure */
void corpus_done(struct corpus *c);

/* Append a run, which becomes the corpus's; those held out come after all others. -ENOMEM. */
int corpus_add(struct corpus *c, struct run *run);

/*
 * Append a run from a trace. One that is torn is used as far as it is whole, and warned of.
 * -EINVAL: it holds a labelled attack, or no calls, or is in the corpus already; -ENOEXEC: of
 * another architecture than this build or the other runs; -E2BIG: more than fits; else as
 * trace_reader_new().
 */
int corpus_load(struct corpus *c, const char *path, bool heldout, struct err *err);

/* Put the runs in the order of their names: a policy shall not depend on how they were listed. */
void corpus_sort(struct corpus *c);

/* Operations that all runs' recordings could see. */
uint32_t corpus_ops(const struct corpus *c);

#endif
