/* SPDX-License-Identifier: Apache-2.0 */
/* How many of the spliced attacks each detector saw, and what they cost the attacker. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_SPLICE_SUMMARY_H
#define LUTRA_TRAINER_EVAL_REPORT_SPLICE_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

#include "trainer/eval/splice_judge.h"

/* The threshold of a level in a policy, and the highest level of the replays that it is made of. */
struct splice_threshold {
	int32_t threshold;
	double highest;
};

/* All attacks of an evaluation. It owns nothing. */
struct splice_summary {
	const struct splice_result *list; /* (n) */
	size_t n;
	uint64_t seed;				  /* of the attacks */
	unsigned n_detectors;			  /* those that judged */
	struct splice_threshold level_m, level_n; /* of the policy */
};

/* Some of the attacks: an index, or a number below 0 for all. */
struct splice_filter {
	int goal, order, dilution;
};

/* Returns the share of the attacks that the detector saw; NAN if there are none. */
double splice_summary_seen(const struct splice_summary *s, unsigned detector,
			   const struct splice_filter *filter);

/*
 * Computes the 95 % interval of that share over all attacks by bootstrap. What is drawn are groups
 * of attacks with the same goal and order: these are alike. NAN if there are no attacks.
 */
void splice_summary_seen_95(const struct splice_summary *s, unsigned detector, double ret[2]);

/*
 * Returns the mean price of the attacks: the calls that an attack makes for one that does a step of
 * its goal. NAN if there are none.
 */
double splice_summary_price(const struct splice_summary *s, const struct splice_filter *filter);

/* Returns the median share of the payload that was done at the alarm; NAN if nothing was seen. */
double splice_summary_payload_done(const struct splice_summary *s, unsigned detector);

/* Returns the summary as JSON, a new reference. NULL: out of memory. */
json_t *splice_summary_to_json(const struct splice_summary *s);

/* Prints the summary as a table. */
void splice_summary_print(const struct splice_summary *s, FILE *out);

#endif
