/* SPDX-License-Identifier: Apache-2.0 */
/* Trials added up: false alarms with their interval, detection, delays, areas under ROC curves. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_SUMMARY_H
#define LUTRA_TRAINER_EVAL_REPORT_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

#include "trainer/eval/evaluated_run.h"

/* All trials of an evaluation. baselines: rules from RULE_POLICY on were judged too. */
struct summary {
	const struct evaluated_run *trials;
	size_t n;
	bool baselines;
	const char *policy_image;
	int32_t threshold_a, threshold_b;
};

/* Of the attacks of one kind at one rule. NAN where there is nothing to tell from. */
struct detection {
	uint32_t runs, detected;
	size_t harm, in_time;
	double ms_mean, ms_median, ms_p95;
	double calls_mean, calls_median, calls_p95;
};

struct false_alarms {
	uint32_t episodes;
	double hours, per_hour, per_hour_95[2];
};

void summary_false_alarms(const struct summary *o, unsigned rule, struct false_alarms *ret);

/* -ENOMEM. */
int summary_detection(const struct summary *o, unsigned rule, enum run_kind kind,
		      struct detection *ret);

/* What a ROC curve is of: a task's or a run's score. */
struct summary_score {
	float score;
	bool attack;
};

/*
 * Scores of all tasks that made a call, or (by_run) of all runs, highest first: *ret is the
 * caller's with *ret_n of them. Adaptive runs are left out. -ENOMEM.
 */
int summary_scores(const struct summary *o, unsigned rule, bool by_run, struct summary_score **ret,
		   size_t *ret_n);

/* Area under the ROC curve of scores in that order, ties counted half; NAN without both kinds. */
double summary_auc(const struct summary_score *scores, size_t n);

/* The same of a rule's scores; NAN also when out of memory. */
double summary_detector_auc(const struct summary *o, unsigned rule, bool by_run);

/* Runs in which rounding changed what a rule did: episodes, or detected. of: RULE_A, _ALERT, _KILL.
 */
uint32_t summary_count_rounding(const struct summary *o, unsigned of);

/* How many rules have results. */
unsigned summary_detectors(const struct summary *o);

/* The whole as JSON (a new reference; NULL: out of memory), and as a table. */
json_t *summary_to_json(const struct summary *o);
void summary_print(const struct summary *o, FILE *out);

#endif
