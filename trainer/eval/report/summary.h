/* SPDX-License-Identifier: Apache-2.0 */
/* Trials added up: false alarms with their interval, detection, delays, areas under ROC curves. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_SUMMARY_H
#define LUTRA_TRAINER_EVAL_REPORT_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

#include "trainer/eval/evaluated_run.h"

/* All trials of an evaluation. baselines: rules from RULE_POLICY on were judged too. */
struct outcome {
	const struct trial *trials;
	size_t n;
	bool baselines;
	const char *policy_image;
	int32_t th_a, th_b;
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

void outcome_false_alarms(const struct outcome *o, unsigned rule, struct false_alarms *ret);

/* -ENOMEM. */
int outcome_detection(const struct outcome *o, unsigned rule, enum trial_kind kind,
		      struct detection *ret);

/* What a ROC curve is of: a task's or a run's score. */
struct outcome_score {
	float score;
	bool attack;
};

/*
 * Scores of all tasks that made a call, or (by_run) of all runs, highest first: *ret is the
 * caller's with *ret_n of them. Adaptive runs are left out. -ENOMEM.
 */
int outcome_scores(const struct outcome *o, unsigned rule, bool by_run, struct outcome_score **ret,
		   size_t *ret_n);

/* Area under the ROC curve of scores in that order, ties counted half; NAN without both kinds. */
double outcome_auc(const struct outcome_score *scores, size_t n);

/* The same of a rule's scores; NAN also when out of memory. */
double outcome_rule_auc(const struct outcome *o, unsigned rule, bool by_run);

/* Runs in which rounding changed what a rule did: episodes, or detected. of: RULE_A, _ALERT, _KILL.
 */
uint32_t outcome_changed(const struct outcome *o, unsigned of);

/* How many rules have results. */
unsigned outcome_rules(const struct outcome *o);

/* The whole as JSON (a new reference; NULL: out of memory), and as a table. */
json_t *outcome_json(const struct outcome *o);
void outcome_print(const struct outcome *o, FILE *out);

#endif
