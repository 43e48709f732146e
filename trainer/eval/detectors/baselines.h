/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baselines of the literature on the same training runs, per lineage as the product's rules are:
 *
 *   novel_call     a call number never seen, at once (a plain allow-list)
 *   novel_bigram   a pair of calls never seen, at once
 *   bosc           bag of system calls: the last 10 calls without their order; how many of the last
 *                  100 bags were never seen (Abed, Clancy and Levy 2015)
 *   stide6         sequences of 6; how many of the last 20 were never seen (Warrender, Forrest and
 *                  Pearlmutter 1999)
 *   witten_bell5   -ln P of the call after the four before, smoothed by 1/8 as A is
 *
 * Thresholds of the last three: 1.25 times the highest level of the training runs, each judged by
 * what the others had, as for A.
 */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_BASELINES_H
#define LUTRA_TRAINER_EVAL_DETECTORS_BASELINES_H

#include "lib/base/err.h"
#include "trainer/eval/detectors/ngrams.h"
#include "trainer/eval/detectors/detectors.h"
#include "trainer/model/compute/pool.h"

#define BASELINES_MARGIN 1.25

#define BAG_CALLS 10
#define BAG_FRAME 100
#define STIDE_CALLS 6
#define STIDE_FRAME 20

/* A lineage's calls: all zero at first, copied by fork. */
struct syscall_history {
	uint16_t call[BAG_CALLS]; /* the last, oldest first; number + 1, 0 before the first */
	uint32_t n;		  /* calls so far */
	uint32_t windows;	  /* a bit for each of the last STIDE_FRAME: never seen */
	uint64_t bags[2];	  /* for each of the last BAG_FRAME */
	double surprise;	  /* smoothed */
};

/* A call at each baseline: alarm where level > threshold. */
struct baseline_levels {
	double level[DETECTOR_NAMED]; /* RULE_NOVEL_CALL to RULE_WITTEN_BELL5 */
};

struct baselines {
	struct ngrams calls, pairs, bags, windows;
	struct witten_bell *wb;
	struct witten_bell_model *model;
	double threshold[DETECTOR_NAMED];
};

void baselines_done(struct baselines *b);

/*
 * Train and calibrate on n traces. ret is the caller's to baselines_done(), also on failure.
 * -ENOMEM, -E2BIG: more n-grams than fit, else as trace_reader_new().
 */
int baselines_train(struct baselines *ret, const char *const *files, size_t n, struct pool *pool,
		    struct err *err);

/* The next call of a lineage. */
void baselines_score(const struct baselines *b, struct syscall_history *h, uint32_t nr,
		     struct baseline_levels *ret);

#endif
