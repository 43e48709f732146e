/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leave-one-run-out calibration: each run is judged by what the others taught, and that decides
 * the thresholds, which groups may deny, and the rate of false alarms to expect.
 */
#ifndef LUTRA_TRAINER_RULES_CALIBRATE_H
#define LUTRA_TRAINER_RULES_CALIBRATE_H

#include "trainer/model/tables/model.h"

#define CALIBRATE_MARGIN_A 1.25
#define CALIBRATE_MARGIN_B 1.5
/*
 * The lowest thresholds: what two new calls in a row bring. That happens to benign lineages too, of
 * services whose own maxima are low. B: .234, and a little. A: .234 of the highest weights of all
 * three levels, 8.4 nat; maxima of real services were seen at 11 to 17 nat.
 */
#define CALIBRATE_FLOOR_B 1024
#define CALIBRATE_FLOOR_A (960 * 3 * 240)
#define CALIBRATE_RUNS_DENY 3	 /* runs without which nothing is denied */
#define CALIBRATE_SECONDS_DENY 2 /* recorded in all, without which nothing is denied */
#define CALIBRATE_RUNS_GOOD 9	 /* runs from which on alerts are rare */

struct calibrate_source {
	const struct corpus *corpus;
	const struct run_counts *counts; /* (corpus->n_runs) */
	const struct model *model;
	const struct policy *old;	 /* that is updated: its replays count too; or NULL */
	const struct progress *progress; /* or NULL */
};

/*
 * Set th_a, th_b, action and calibration of p, in which all else that decides is set. -ENOMEM, or
 * as objects_learn().
 */
int calibrate_policy(const struct calibrate_source *src, struct policy *p, struct pool *pool,
		     struct err *err);

#endif
