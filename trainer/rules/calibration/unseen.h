/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Estimates how often new things come at the end of training: struct policy_unseen. A thing is an
 * object or a hookable system call. It counts once, in however many roles it is new. It is new in a
 * run if the policy of the other runs would alert about it, because only this run has it. Counts of
 * runs are enough for the estimate, so runs of an old policy take part.
 */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_UNSEEN_H
#define LUTRA_TRAINER_RULES_CALIBRATION_UNSEEN_H

#include "lib/policy/policy_unseen.h"
#include "trainer/model/tables/model.h"

/* How many things of a run no other run had, by kind. */
struct unseen_counts {
	uint32_t things[POLICY_UNSEEN_KINDS];
	double hours; /* of the run */
};

/* Counts objects of a run that others, the kernel form of the other runs' policy, would alert. */
void unseen_count_objects(const struct model *m, size_t run, const struct lutra_policy *others,
			  struct unseen_counts *ret);

/*
 * Counts system calls that this run alone made in a role. The run must not be of an old policy: the
 * model keeps one sum of all these runs' calls.
 */
void unseen_count_syscalls(const struct model *m, size_t run, const struct lutra_policy *others,
			   struct unseen_counts *ret);

/*
 * Returns true if another run had each object of the run in the same role. Its policy then knows
 * them all, and unseen_count_objects() would find nothing.
 */
bool unseen_shares_objects(const struct model *m, size_t run);

/* Makes the estimate of the counts of n runs, 0 for none. Returns 0 or -ENOMEM. */
int unseen_estimate(const struct unseen_counts *counts, size_t n, struct policy_unseen *ret);

#endif
