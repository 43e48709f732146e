/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leave-one-run-out calibration: each run is judged by a policy of the other runs. The result
 * decides the thresholds, which rules may deny, and the rate of false alarms to expect.
 */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_CALIBRATE_H
#define LUTRA_TRAINER_RULES_CALIBRATION_CALIBRATE_H

#include "trainer/model/tables/model.h"
#include "trainer/rules/knowledge/knowledge.h"

/*
 * The lowest threshold of level M is .25 nat. That of level N is just above the level after two new
 * pairs in a row. Services whose runs differ little get them. docs/model.md says where
 * these come from.
 */
#define CALIBRATE_UNITS M_LEVEL_UNITS
#define CALIBRATE_FLOOR (LUTRA_M_UNIT / 4 << LUTRA_M_FRACTION)
#define CALIBRATE_NOVELTY_FLOOR(shift) (2 * LUTRA_N_ONE >> (shift))
#define CALIBRATE_RUNS_DENY 3		   /* with fewer runs, nothing is denied */
#define CALIBRATE_SECONDS_DENY 2	   /* with less recorded time in all, nothing is denied */
#define CALIBRATE_RUNS_GOOD M_WEIGHTS_RUNS /* with so many runs or more, alerts are rare */

struct calibrate_source {
	const struct model *model;
	const struct policy *old; /* the policy that is updated: its replays count too; or NULL */
	const struct progress *progress; /* or NULL */
	/*
	 * If not NULL, it gets the estimate of the new runs alone, without those of the old policy.
	 */
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
