/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One recorded run judged by all rules in one pass.
 *
 * A labelled attack: the root task from the onset on and every task forked from it afterwards,
 * until 1.5 s after the attack's end, is the attack; what comes before the onset, less 100 ms, is
 * benign time. A run given as an attack without a label is one from its first record to its last.
 * What a hook sees counts at the time of the call that it happens in.
 */
#ifndef LUTRA_TRAINER_EVAL_EVALUATED_RUN_H
#define LUTRA_TRAINER_EVAL_EVALUATED_RUN_H

#include "trainer/eval/detectors/baselines.h"
#include "trainer/eval/detectors/float_levels.h"

#define HARM_LABELS_MAX 64
#define TIMELINE_POINTS_MAX 4000
#define TIMELINE_TEXT 160

/* Who judges. All but policy and image may be NULL: without training runs there are no baselines.
 */
struct detectors {
	const struct policy *policy;
	const struct lutra_policy *image; /* the policy's */
	const struct policy *random;	  /* with random codes */
	const struct baselines *baselines;
	const struct float_levels *gated, *mean; /* rule A in float, and reconstruction */
	bool timeline;				 /* keep points */
};

/* What one rule made of one run. Times in ns, CLOCK_MONOTONIC. */
struct detector_result {
	uint32_t false_alarms; /* episodes (gap 1 s) in benign time */
	uint64_t last_false_ns;
	bool detected;
	uint64_t first_ns;    /* of the first alarm in the attack */
	uint64_t first_calls; /* that the attack had made by then, that one included */
};

/* A task's highest level at each rule, or how often it fired. */
struct evaluated_task {
	bool attack;
	uint32_t calls;
	float score[DETECTOR_NAMED];
};

/*
 * The attack at a moment, or its root task up to a second before: levels of the task at hand, and
 * what it did if that was new.
 */
struct timeline_point {
	double ms; /* since the onset */
	float a, b;
	uint32_t tid;
	uint32_t fired;		  /* bit per rule */
	char text[TIMELINE_TEXT]; /* "" where nothing fired and the levels did not rise */
};

struct harm_label {
	uint64_t ns;
	char name[32];
	bool counts; /* something that can be stopped in time */
};

enum run_kind { RUN_KIND_NORMAL, RUN_KIND_ATTACK, RUN_KIND_ADAPTIVE };

struct evaluated_run {
	char *file; /* base name */
	enum run_kind kind;
	bool labelled;
	uint64_t start_ns, stop_ns, onset_ns, end_ns;
	uint32_t root;
	double benign_hours;
	uint64_t benign_calls;
	uint32_t refused_after_alert; /* benign operations that A or B had refused for a second */
	struct harm_label harm[HARM_LABELS_MAX];
	size_t n_harm;
	struct detector_result rule[DETECTOR_COUNT];
	struct evaluated_task *tasks;
	size_t n_tasks, tasks_size;
	struct timeline_point *points; /* in the order of time */
	size_t n_points, points_size;
};

void evaluated_run_done(struct evaluated_run *t);

/*
 * Judge a run. ret is the caller's to evaluated_run_done(), also on failure. -EINVAL: a labelled attack
 * given as normal; -ENOEXEC: of another architecture than the policy; else as trace_reader_new(),
 * replay_new().
 */
int evaluated_run_judge(struct evaluated_run *ret, const struct detectors *panel, const char *file,
			enum run_kind kind, struct err *err);

/* Share of the harmful calls that count at or after the first alarm: ret_in of the return value. */
size_t evaluated_run_harm_in_time(const struct evaluated_run *t, unsigned rule, size_t *ret_in);

#endif
