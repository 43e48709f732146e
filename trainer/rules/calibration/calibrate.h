/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leave-one-run-out calibration: each run is judged by a policy of the other runs. The result
 * decides the thresholds, which rules may deny, and the rate of false alarms to expect.
 */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_CALIBRATE_H
#define LUTRA_TRAINER_RULES_CALIBRATION_CALIBRATE_H

#include "trainer/model/tables/model.h"
#include "trainer/rules/knowledge/knowledge.h"

/* Threshold / highest level of benign runs: docs/model.md says where the two margins come from. */
#define CALIBRATE_MARGIN_A 1.45
#define CALIBRATE_MARGIN_B (4 / 3.)
/*
 * The lowest thresholds, also of services whose runs differ little. B: what two new system calls in a
 * row add, .234, and a little. A: what three add, .330 of the highest weights of all three layers, 11.8
 * nat. docs/model.md says why they differ.
 */
#define CALIBRATE_FLOOR_B 1024
#define CALIBRATE_FLOOR_A (1352 * 3 * 240)
#define CALIBRATE_RUNS_DENY 3	 /* with fewer runs, nothing is denied */
#define CALIBRATE_SECONDS_DENY 2 /* with less recorded time in all, nothing is denied */
#define CALIBRATE_RUNS_GOOD 9	 /* from so many runs on, alerts are rare */

struct calibrate_source {
	const struct model *model;
	const struct policy *old; /* the policy that is updated: its replays count too; or NULL */
	const struct progress *progress; /* or NULL */
	/* Gets the estimate of the runs that are not an old policy's alone, or NULL. */
	struct policy_unseen *ret_new_unseen;
	const struct known_files *known; /* the base and packs; NULL: none */
	/*
	 * Returns true if an update may make the policy weaker in one point. text names the point.
	 * NULL: it may.
	 */
	bool (*may_weaken)(void *ctx, const char *text);
	void *may_weaken_ctx;
};

/*
 * Sets the thresholds, actions and calibration of p, whose tokens, tables and objects must be set.
 * Returns 0, -ENOMEM, or an error of objects_learn().
 */
int calibrate_policy(const struct calibrate_source *src, struct policy *p, unsigned threads,
		     struct err *err);

#endif
