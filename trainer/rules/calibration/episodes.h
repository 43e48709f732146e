/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the matches of a replayed run as alarm episodes, and estimates their rate. */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_EPISODES_H
#define LUTRA_TRAINER_RULES_CALIBRATION_EPISODES_H

#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"

#define EPISODES_GAP_MS 1000 /* matches no further apart are one episode */

#define EPISODES_NO_OBJECT UINT32_MAX

/* A rule that fired. */
struct match {
	uint32_t ms;	 /* since the start of the run */
	uint16_t what;	 /* enum lutra_rule, or-ed with LUTRA_MATCH_* */
	uint8_t action;	 /* enum lutra_action, of what the policy does with it: set by its owner */
	uint8_t role;	 /* of the task that met the new name; else 0 */
	uint32_t object; /* the new name that it is about, or EPISODES_NO_OBJECT */
};

/* A run's matches in the order of time. Equal ones of one millisecond are one. */
struct matches {
	struct match *list;
	size_t n, size;
	struct match last[LUTRA_RULE_COUNT]; /* by rule, with ms + 1; 0: none */
};

/* Adds a match; its action is not read. Returns 0 or -ENOMEM. */
int episodes_add(struct matches *m, const struct match *match);

/* Frees the matches. */
void episodes_done(struct matches *m);

/*
 * Returns the number of episodes of the matches, taken together, whose rule is in the mask (bit per
 * enum lutra_rule) and whose action is at least `least`.
 */
uint32_t episodes_count(const struct matches *m, uint32_t rules, unsigned least);

/*
 * Computes the exact 95 % interval of a Poisson rate (Garwood 1936,
 * https://doi.org/10.1093/biomet/28.3-4.437) from n episodes in some hours: ret is its lower and
 * upper end, an hour. Both are 0 if hours is 0.
 */
void episodes_rate_95(uint32_t n, double hours, double ret[2]);

/* What one run had. */
struct episodes_of_run {
	uint32_t n;
	double hours;
};

/*
 * Computes a 95 % interval of the rate in n runs, an hour. What is new comes in clumps: one run has
 * much of it and another one nothing. Where the counts of the runs lie further apart than those of
 * independent episodes, by Pearson's chi-square for each degree of freedom (Wedderburn 1974,
 * https://doi.org/10.1093/biomet/61.3.439), so many episodes count as one: the interval is that of
 * episodes_rate_95() for the clumps. For equal runs both are the same.
 */
void episodes_clumped_rate_95(const struct episodes_of_run *runs, size_t n, double ret[2]);

#endif
