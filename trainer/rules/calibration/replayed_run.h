/* SPDX-License-Identifier: Apache-2.0 */
/* One run, replayed by a policy of others. */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_REPLAYED_RUN_H
#define LUTRA_TRAINER_RULES_CALIBRATION_REPLAYED_RUN_H

#include "lutra/verdict.h"
#include "trainer/data/run_iter.h"
#include "trainer/rules/calibration/episodes.h"

/* The highest levels of a millisecond in which a level was above 0. */
struct peak {
	uint32_t ms;
	int32_t a, b;
};

/* A new name, varying_is_new_name(). */
struct replayed_name {
	uint32_t object; /* of the corpus */
	uint8_t role;	 /* of the task */
};

/* The result of one replay. */
struct replayed_run {
	struct matches matches;
	struct peak *peaks;
	size_t n_peaks, peaks_size;
	int32_t max_a, max_b;
	struct replayed_name *new_names;
	size_t n_new_names, new_names_size;
};

void replayed_run_done(struct replayed_run *x);

struct replay_source {
	const struct corpus *corpus;
	const struct lutra_policy *policy;
	bool audit_sessions; /* as the policy's */
};

/* Replays a run by its stream. ret must be zeroed. Returns 0 or -ENOMEM. */
int replayed_run_stream(const struct replay_source *src, const struct run *run,
			struct replayed_run *ret);

/*
 * Finds the new names of a run that has counts only, as those of an old policy. ret must be zeroed.
 * Returns 0 or -ENOMEM.
 */
int replayed_run_counts(const struct replay_source *src, const struct run_counts *counts,
			struct replayed_run *ret);

#endif
