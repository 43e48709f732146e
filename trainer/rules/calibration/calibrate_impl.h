/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the calibration share: the replays. */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_CALIBRATE_IMPL_H
#define LUTRA_TRAINER_RULES_CALIBRATION_CALIBRATE_IMPL_H

#include "trainer/model/compute/num.h"
#include "trainer/rules/calibration/calibrate.h"
#include "trainer/rules/calibration/replayed_run.h"
#include "trainer/rules/calibration/unseen.h"
#include "trainer/rules/calibration/varying.h"

struct calibrate_job {
	const struct calibrate_source *src;
	struct lutra_policy *full;     /* kernel form of the policy itself, for runs held out */
	struct replayed_run *replayed; /* (n_runs + n_heldout) */
	size_t first;		       /* the first run that is replayed as a stream */
	size_t first_level[REPLAYED_LEVELS]; /* the first run whose level counts */
	struct unseen_counts *unseen;	     /* (n_runs) */
	size_t begin;			     /* the run of piece 0 */
	struct varying varying;
	struct progress_pieces progress;
	/* The threshold of the old policy stays, since it may not rise. */
	bool keeps_threshold[REPLAYED_LEVELS];
};

/*
 * Asks whether the policy that is updated may become weaker in one point. Returns true if it may,
 * or if no policy is updated.
 */
bool calibrate_may_weaken(const struct calibrate_source *src, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Returns true if the histories of an old policy's runs are replayed, to find their levels. */
bool calibrate_needs_old_levels(const struct calibrate_source *src);

/*
 * Sets the thresholds of the levels from n replays, adds what passed them to the matches of each
 * replay, and sets the highest levels of the calibration. Returns 0 or -ENOMEM.
 */
int calibrate_set_levels(struct calibrate_job *j, size_t n, struct policy *p);

/*
 * Finds which new names vary, by n replays, adds them to the policy if it may refuse at all, and
 * sets what the policy does with each match. Its actions must be set. Returns 0 or -ENOMEM.
 */
int calibrate_set_varying(struct calibrate_job *j, size_t n, struct policy *p);

/*
 * Sets how many alarms, refusals and new things are to be expected, and adds the alarms of all
 * replays, of which there are n, to those of the calibration. Actions and hours must be set.
 * Returns 0 or -ENOMEM.
 */
int calibrate_set_rates(const struct calibrate_job *j, size_t n, struct policy *p);

#endif
