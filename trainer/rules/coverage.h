/* SPDX-License-Identifier: Apache-2.0 */
/* What each run of a training brought that none before it had: how far learning has come. */
#ifndef LUTRA_TRAINER_RULES_COVERAGE_H
#define LUTRA_TRAINER_RULES_COVERAGE_H

#include <jansson.h>

#include "lib/policy/policy.h"
#include "trainer/data/run_iter.h"

/*
 * {"runs": [{"file", "calls", "objects", "seconds", "new_calls", "new_objects"}]}, in the corpus's
 * order: calls and objects as p, made of all of them, has tokens for. counts: (corpus->n_runs).
 * -ENOMEM; or as policy_image().
 */
int coverage_to_json(const struct corpus *corpus, const struct run_counts *counts,
		     const struct policy *p, json_t **ret, struct err *err);

#endif
