/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detectors of the literature, trained on the same runs. Each judges a lineage of tasks, as the
 * product's rules do:
 *
 *   novel_call     a system call number never seen (a plain allow-list)
 *   novel_bigram   a pair of system calls never seen
 *   bosc           bag of system calls: the last 10 without their order; how many of the last 100
 *                  bags were never seen (Abed, Clancy and Levy 2015)
 *   stide6         sequences of 6; how many of the last 20 were never seen (Warrender, Forrest and
 *                  Pearlmutter 1999)
 *   witten_bell5   -ln P of a system call after the four before, smoothed by 1/8
 *
 * The first two alarm at once. The others have a threshold: 1.25 times the highest level of the
 * training runs, each judged by the other runs.
 */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_BASELINES_H
#define LUTRA_TRAINER_EVAL_DETECTORS_BASELINES_H

#include "lib/base/err.h"
#include "trainer/eval/detectors/ngrams.h"
#include "trainer/eval/detectors/detectors.h"
#include "trainer/eval/detectors/witten_bell.h"

#define BASELINES_MARGIN 1.25

#define BASELINES_GRAMS 4  /* baselines that count n-grams */
#define BASELINES_CALLS 10 /* of the longest n-gram */

/* The system calls of a lineage: all zero at first, copied by fork. */
struct syscall_history {
	uint16_t call[BASELINES_CALLS]; /* the last ones, oldest first: number + 1, or 0 */
	uint32_t n;			/* system calls so far */
	/* By baseline: bit for each of the last n-grams, the last in bit 0: never seen. */
	unsigned __int128 unseen[BASELINES_GRAMS];
	double surprise; /* smoothed, nat */
};

/* The level of each baseline after a system call. It alarms if the level is above its threshold. */
struct baseline_levels {
	double level[DETECTOR_COUNT]; /* DETECTOR_NOVEL_CALL to DETECTOR_WITTEN_BELL5 */
};

struct baselines {
	struct ngrams grams; /* of all baselines: the lengths differ */
	struct witten_bell wb;
	struct witten_bell_model *model;
	double threshold[DETECTOR_COUNT];
};

/* Frees what the baselines own and zeroes them. */
void baselines_done(struct baselines *b);

/*
 * Trains and calibrates on n traces. The caller calls baselines_done(ret), also after a failure.
 * Returns 0, -ENOMEM, -E2BIG if there are too many n-grams, or an error of trace_reader_new().
 */
int baselines_train(struct baselines *ret, const char *const *files, size_t n, unsigned threads,
		    struct err *err);

/* Judges the next system call of a lineage. */
void baselines_score(const struct baselines *b, struct syscall_history *h, uint32_t nr,
		     struct baseline_levels *ret);

#endif
