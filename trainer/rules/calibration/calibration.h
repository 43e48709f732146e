/* SPDX-License-Identifier: Apache-2.0 */
/* Calibrations as a whole: their sum, and their advice. */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_CALIBRATION_H
#define LUTRA_TRAINER_RULES_CALIBRATION_CALIBRATION_H

#include "lib/policy/policy.h"

/*
 * Adds the results of the replays of the policy that is updated. Rates, the highest levels and
 * advice stay.
 */
void calibration_add(struct policy_calibration *c, const struct policy_calibration *old);

/*
 * Sets p->calibration.advice to a line that says what would make the policy better. With the time
 * it says how low a rate the replays can show at best, and how much more time would show 1 alarm an
 * hour. n_runs: those that the policy is trained on. Returns 0 or -ENOMEM.
 */
int calibration_advise(struct policy *p, size_t n_runs);

#endif
