/* SPDX-License-Identifier: Apache-2.0 */
/* The corpus: the runs that a policy is made from, read from their traces. */
#ifndef LUTRA_TRAINER_DATA_CORPUS_H
#define LUTRA_TRAINER_DATA_CORPUS_H

#include "trainer/data/left_out.h"
#include "trainer/data/run.h"

#define CORPUS_RUNS_MAX 1024

struct corpus {
	struct run *runs; /* (n_runs + n_heldout): those to train on, then those held out */
	size_t n_runs;	  /* to train on */
	size_t n_heldout;
	size_t n_old; /* how many of the first runs come from an old policy: counts only, no stream */
	struct run_names names;
	char *arch;			 /* of all runs; NULL while there is none */
	const struct left_out *left_out; /* what corpus_load() leaves out; NULL: nothing */
	void (*warn)(void *ctx, const char *line); /* or NULL */
	void *warn_ctx;
};

/*
 * Makes an empty corpus. The caller calls corpus_done(), also after a failure. Returns 0 or
 * -ENOMEM.
 */
int corpus_init(struct corpus *c);
void corpus_done(struct corpus *c);

/*
 * Adds a run. The corpus takes what the run owns and zeroes *run. Runs held out come after all
 * others.
 * Returns 0 or -ENOMEM; then the run stays the caller's.
 */
int corpus_add(struct corpus *c, struct run *run);

/*
 * Reads a run from a trace and adds it. A torn trace is a run up to its damage, with a warning: what
 * the service did until then counts no less than in a whole run. A run in which nothing happened is
 * left out, with a warning; so is one in which nothing happened but what left_out leaves out.
 * Returns 0; -EINVAL if the trace has a labelled attack or no system calls, or is in the corpus
 * already; -ENOEXEC if its architecture is unknown or not that of the other runs; -E2BIG if the
 * corpus or the run is full; -ENOMEM; or an error of trace_reader_new().
 */
int corpus_load(struct corpus *c, const char *path, bool heldout, struct err *err);

/* Sorts the runs by name, so that a policy does not depend on the order of the command line. */
void corpus_sort(struct corpus *c);

/* Writes the SHA-256 of a file, in hexadecimal: by it, runs are known. Returns 0 or -errno. */
int corpus_hash_file(const char *path, char ret[65], struct err *err);

/* Returns the operations (bit per enum lutra_op) that the recordings of all runs could see. */
uint32_t corpus_ops(const struct corpus *c);

#endif
