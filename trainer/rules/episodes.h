/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the matches of a replayed run as alarm episodes, and estimates their rate. */
#ifndef LUTRA_TRAINER_RULES_EPISODES_H
#define LUTRA_TRAINER_RULES_EPISODES_H

#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"

#define EPISODES_GAP_MS 1000 /* matches no further apart are one episode */

/* A rule that fired. */
struct match {
	uint32_t ms;   /* since the start of the run */
	uint32_t rule; /* enum lutra_rule */
};

/* A run's matches in the order of time, at most one for each rule and millisecond. */
struct matches {
	struct match *list;
	size_t n, size;
	uint64_t last[LUTRA_RULE_COUNT]; /* by rule: ms + 1 of its last match, or 0 */
};

/* Adds a match. Returns 0 or -ENOMEM. */
int episodes_add(struct matches *m, uint32_t ms, unsigned rule);

/* Frees the matches. */
void episodes_done(struct matches *m);

/*
 * Returns the number of episodes of the rules in the mask (bit per enum lutra_rule), taken
 * together.
 */
uint32_t episodes_count(const struct matches *m, uint32_t rules);

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
