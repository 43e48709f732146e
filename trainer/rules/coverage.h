/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage: what each run of a training did that no run before it had done. */
#ifndef LUTRA_TRAINER_RULES_COVERAGE_H
#define LUTRA_TRAINER_RULES_COVERAGE_H

#include <jansson.h>

#include "lib/policy/policy.h"
#include "trainer/data/run_iter.h"

/*
 * Makes {"runs": [{"file", "calls", "objects", "seconds", "new_calls", "new_objects"}], "unseen"}
 * in the order of the corpus. New objects count if p, a policy made of all these runs, has a token
 * for them, and neither the base nor a pack knew it.
 * counts: (corpus->n_runs). unseen: of the runs that are not an old policy's. *ret is a new
 * reference.
 * Returns 0, -ENOMEM, or an error of policy_to_kernel().
 */
int coverage_to_json(const struct corpus *corpus, const struct run_counts *counts,
		     const struct policy *p, const struct policy_unseen *unseen, json_t **ret,
		     struct err *err);

#endif
