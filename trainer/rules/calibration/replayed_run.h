/* SPDX-License-Identifier: Apache-2.0 */
/* Replays one run by a policy of the other runs. */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_REPLAYED_RUN_H
#define LUTRA_TRAINER_RULES_CALIBRATION_REPLAYED_RUN_H

#include "lutra/verdict.h"
#include "trainer/model/level_m/m_level.h"
#include "trainer/rules/calibration/episodes.h"

/* The levels that have a threshold. */
enum replayed_level { REPLAYED_M, REPLAYED_N, REPLAYED_LEVELS };

/* The highest level in one millisecond. Milliseconds in which no level was above 0 have none. */
struct peak {
	uint32_t ms;
	int32_t level;
};

/* How high a level got in a replay. */
struct level_peaks {
	struct peak *list;
	size_t n, size;
	int32_t highest;
};

/* A new name, varying_is_new_name(). */
struct replayed_name {
	uint32_t object; /* of the corpus */
	uint8_t role;	 /* of the task */
};

/* The result of one replay. */
struct replayed_run {
	struct matches matches;
	struct level_peaks level[REPLAYED_LEVELS];
	struct replayed_name *new_names;
	size_t n_new_names, new_names_size;
};

void replayed_run_done(struct replayed_run *x);

struct replay_source {
	const struct corpus *corpus;
	const struct lutra_policy *policy; /* of the other runs */
	const struct tokens *tokens;
	size_t without;	     /* the run that the policy leaves out, or MODEL_NO_RUN */
	bool audit_sessions; /* as the policy's */
};

/* Replays a run by its stream. ret must be zeroed. Returns 0 or -ENOMEM. */
int replayed_run_stream(const struct replay_source *src, const struct run *run,
			struct replayed_run *ret);

/*
 * Finds the new names of a run of an old policy, which has counts but no stream. ret must be
 * zeroed.
 * Returns 0 or -ENOMEM.
 */
int replayed_run_counts(const struct replay_source *src, const struct run_counts *counts,
			struct replayed_run *ret);

/*
 * Estimates how high the levels get in a run of which only the histories are known. Raises the
 * highest of each. The histories are scored in the order in which the run had them first, as if they
 * were of one task. Between two histories there are as many known tokens as the run had there. A
 * history that occurred again is scored again at once, as often as its weights count for each level.
 * Returns 0 or -ENOMEM.
 */
int replayed_run_histories(const struct m_corpus *level, size_t run,
			   const struct lutra_m_tables *tables, struct replayed_run *ret);

#endif
