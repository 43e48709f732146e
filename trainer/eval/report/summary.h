/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the runs of an evaluation: false alarms, detection, delays, areas under ROC curves. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_SUMMARY_H
#define LUTRA_TRAINER_EVAL_REPORT_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

#include "trainer/eval/evaluated_run.h"

struct false_alarms {
	uint32_t episodes;
	double hours, per_hour, per_hour_95[2];
};

/* How one detector did on the attacks of one kind. NAN: there is nothing to compute it from. */
struct detection {
	uint32_t runs, detected;
	double rate, in_time; /* shares: of the attacks; of harm, at or after the alarm */
	double ms_mean, ms_median, ms_p95; /* from the onset to the first alarm */
	double calls_mean, calls_median, calls_p95;
};

/* How one detector did. */
struct detector_summary {
	struct false_alarms normal; /* over all runs */
	struct detection attacks, adaptive;
	double auc_by_task, auc_by_run; /* areas under the ROC curves; NAN without both kinds */
};

/* All runs of an evaluation. It owns nothing. */
struct summary {
	const struct evaluated_run *runs;
	size_t n;
	bool baselines;		  /* the detectors from DETECTOR_POLICY on judged too */
	const char *policy_image; /* the container image that the policy is for */
	int32_t threshold;	  /* of level M in the policy */
	/* Set by summary_init(): */
	struct detector_summary detector[DETECTOR_COUNT];
	uint32_t n_runs[RUN_KINDS];
	double benign_hours;
	uint64_t benign_calls;
	uint32_t refused_after_alert;
};

/* Adds up the runs, which must be set. Returns 0 or -ENOMEM. */
int summary_init(struct summary *s);

/* A point of a ROC curve: the score of a task or a run. */
struct summary_score {
	float score;
	bool attack;
};

/*
 * Makes the scores of all tasks that made a system call, or, with by_run, of all runs, highest
 * first. Adaptive attacks are left out. *ret (*ret_n) is the caller's to free. Returns 0 or
 * -ENOMEM.
 */
int summary_scores(const struct summary *s, unsigned detector, bool by_run,
		   struct summary_score **ret, size_t *ret_n);

/*
 * Returns the area under the ROC curve of sorted scores, ties counted half; NAN without both kinds.
 */
double summary_auc(const struct summary_score *scores, size_t n);

/* What a detector would do at one threshold of its curve. */
struct curve_point {
	double margin; /* the threshold, in multiples of the reference level */
	uint32_t false_alarms;
	uint32_t detected[RUN_KINDS];
};

/* Computes a point of a receiver curve, of a detector from DETECTOR_TOKENS on. */
void summary_curve_point(const struct summary *s, unsigned detector, unsigned point,
			 struct curve_point *ret);

/* Returns the receiver curves as JSON, a new reference. NULL: out of memory. */
json_t *summary_curves_to_json(const struct summary *s);

/* Returns how many detectors have results. */
unsigned summary_n_detectors(const struct summary *s);

/* Returns the summary as JSON, a new reference. NULL: out of memory. */
json_t *summary_to_json(const struct summary *s);

/* Prints the summary as a table. */
void summary_print(const struct summary *s, FILE *out);

#endif
