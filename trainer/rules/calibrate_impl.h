/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the calibration share: the replays. */
#ifndef LUTRA_TRAINER_RULES_CALIBRATE_IMPL_H
#define LUTRA_TRAINER_RULES_CALIBRATE_IMPL_H

#include "trainer/model/compute/num.h"
#include "trainer/rules/calibrate.h"
#include "trainer/rules/episodes.h"
#include "trainer/rules/unseen.h"

/* The highest levels of a millisecond in which a level was above 0. */
struct peak {
	uint32_t ms;
	int32_t a, b;
};

/* The result of one replay. */
struct run_replay {
	struct matches matches;
	struct peak *peaks;
	size_t n_peaks, peaks_size;
	int32_t max_a, max_b;
};

struct calibrate_job {
	const struct calibrate_source *src;
	const struct lutra_policy *full; /* kernel form of the policy itself, for runs held out */
	struct run_replay *replayed;	 /* (n_runs + n_heldout) */
	size_t first;			 /* the first run that is replayed */
	struct unseen_counts *unseen;	 /* (n_runs) */
	size_t begin;			 /* the run of piece 0 */
	struct progress_pieces progress;
};

/*
 * Sets how many alarms, refusals and new things are to be expected, and adds the alarms of all
 * replays, of which there are n, to those of the calibration. Actions and hours must be set. Returns
 * 0 or -ENOMEM.
 */
int calibrate_set_rates(const struct calibrate_job *j, size_t n, struct policy *p);

#endif
