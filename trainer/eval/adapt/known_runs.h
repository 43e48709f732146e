/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attacker knows who holds the training runs: the macro events of their steady tasks, in the
 * order of each task.
 */
#ifndef LUTRA_TRAINER_EVAL_ADAPT_KNOWN_RUNS_H
#define LUTRA_TRAINER_EVAL_ADAPT_KNOWN_RUNS_H

#include "lib/policy/policy.h"
#include "trainer/eval/adapt/macros.h"

#define KNOWN_RUNS_SHORT 8 /* tasks with fewer macro events are left out */

struct known_runs {
	struct macro_set macros;
	/* The tasks' macro events, numbers in macros.list. MACRO_NONE stands after each task. */
	uint32_t *sequence; /* (n) */
	size_t n, sequence_size;
	size_t *tasks; /* (n_tasks): where each task begins in the sequence */
	size_t n_tasks, tasks_size;
};

/*
 * Reads n traces. policy: its roles count; must outlive the result. The caller calls
 * known_runs_done(), also after a failure. Returns 0, -ENOMEM, or an error of steady_iter_run().
 */
int known_runs_read(struct known_runs *ret, const struct policy *policy, const char *const *files,
		    size_t n, struct err *err);

/* Appends a task's n macro events, all of known->macros. Returns 0 or -ENOMEM. */
int known_runs_append(struct known_runs *known, const uint32_t *macros, size_t n);

void known_runs_done(struct known_runs *k);

#endif
