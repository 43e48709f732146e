/* SPDX-License-Identifier: Apache-2.0 */
/* Makes adaptive attacks of the training runs, and judges them by all detectors. */
#ifndef LUTRA_TRAINER_ADAPT_H
#define LUTRA_TRAINER_ADAPT_H

#include "lib/base/command/progress_bar.h"
#include "trainer/eval/report/splice_summary.h"

#define ADAPT_REPEATS 3 /* attacks of each goal, order and dilution */
#define ADAPT_ATTACKS (SPLICE_GOALS * SPLICE_ORDERS * SPLICE_DILUTIONS * ADAPT_REPEATS)

struct adapt_options {
	const struct detectors *detectors;
	const char *const *known; /* (n_known): traces that the policy was trained on */
	size_t n_known;
	const char *const *starts; /* (n_starts): traces in which attacks start */
	size_t n_starts;
	uint64_t seed;
	unsigned threads;
	const struct progress *progress; /* or NULL */
};

struct adapt_results {
	struct splice_result list[ADAPT_ATTACKS];
	struct splice_summary summary; /* of the list */
};

/*
 * Judges the attacks: ret->list[i] gets plan i, by goal, order, dilution and repetition. Equal options give
 * equal results, whatever `threads` is. Blocks.
 * Returns 0; -EINVAL if the known runs have no steady task, or if none of the others receives; -ENOMEM; or
 * an error of known_runs_read(), attack_starts_read() or evaluated_run_judge_block().
 */
int adapt_judge(const struct adapt_options *options, struct adapt_results *ret, struct err *err);

#endif
