/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the detectors made of one run: false alarms in its benign time, the first alarm in its
 * attack, the scores of its tasks, and a timeline of the attack.
 */
#ifndef LUTRA_TRAINER_EVAL_RUN_RESULTS_H
#define LUTRA_TRAINER_EVAL_RUN_RESULTS_H

#include "trainer/eval/event_judge.h"
#include "trainer/eval/run_labels.h"

#define TIMELINE_POINTS_MAX 4000
#define TIMELINE_TEXT 160

/*
 * False alarms of level M and its rivals at other thresholds, for receiver curves. Threshold i is
 * RUN_CURVE_MIN * 2^(i / RUN_CURVE_STEPS) times the reference level (m_threshold.h).
 */
#define RUN_CURVE_MIN .5
#define RUN_CURVE_STEPS 8
#define RUN_CURVE_POINTS 25

struct run_curve {
	uint32_t false_alarms[RUN_CURVE_POINTS];
	uint64_t last_false_ns[RUN_CURVE_POINTS];
};

/* What one detector made of the run. Times in ns, CLOCK_MONOTONIC. */
struct detector_result {
	uint32_t false_alarms; /* episodes (gap 1 s) in benign time */
	uint64_t last_false_ns;
	bool detected;
	uint64_t first_ns;    /* of the first alarm in the attack; not before the onset */
	uint64_t first_calls; /* system calls of the attack until then, that one included */
};

/* A task's highest level at each detector, or how often the detector fired. */
struct evaluated_task {
	bool attack;
	uint32_t calls; /* system calls */
	float score[DETECTOR_COUNT];
};

/* A moment of the attack, or of its root task in the second before. */
struct timeline_point {
	double ms;   /* since the onset */
	float level; /* M of the task, in units of the scorer */
	uint32_t tid;
	uint32_t fired;		  /* bit per detector of the policy */
	char text[TIMELINE_TEXT]; /* the event; "" if nothing fired and the level did not rise */
};

/* Written by run_results.c alone. */
struct run_results {
	uint64_t benign_calls, attack_calls; /* system calls */
	uint32_t refused_after_alert;	     /* benign operations refused in the second after M */
	struct detector_result detector[DETECTOR_COUNT];
	struct run_curve curve[DETECTOR_PANEL]; /* by detector from DETECTOR_TOKENS on */
	struct evaluated_task *tasks;
	size_t n_tasks, tasks_size;
	struct timeline_point *points; /* in the order of time */
	size_t n_points, points_size;
};

/* Returns threshold i of a curve. */
double run_curve_margin(unsigned i);

/* Frees what the results own and zeroes them. */
void run_results_done(struct run_results *r);

/*
 * Counts a judged event of a task. timeline_arch: the architecture whose system calls the timeline
 * names; NULL: keep no timeline. Returns 0 or -ENOMEM.
 */
int run_results_add(struct run_results *results, const struct run_labels *labels,
		    struct eval_task *task, const struct event_result *e,
		    const char *timeline_arch);

#endif
