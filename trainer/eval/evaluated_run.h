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

#define TRIAL_HARM_MAX 64
#define TRIAL_POINTS_MAX 4000
#define TRIAL_TEXT 160

/* Who judges. All but policy and image may be NULL: without training runs there are no baselines.
 */
struct panel {
	const struct policy *policy;
	const struct lutra_policy *image; /* the policy's */
	const struct policy *random;	  /* with random codes */
	const struct baselines *baselines;
	const struct floats *gated, *mean; /* rule A in float, and reconstruction */
	bool timeline;			   /* keep points */
};

/* What one rule made of one run. Times in ns, CLOCK_MONOTONIC. */
struct trial_rule {
	uint32_t false_alarms; /* episodes (gap 1 s) in benign time */
	uint64_t last_false_ns;
	bool detected;
	uint64_t first_ns;    /* of the first alarm in the attack */
	uint64_t first_calls; /* that the attack had made by then, that one included */
};

/* A task's highest level at each rule, or how often it fired. */
struct trial_task {
	bool attack;
	uint32_t calls;
	float score[RULE_NAMED];
};

/*
 * The attack at a moment, or its root task up to a second before: levels of the task at hand, and
 * what it did if that was new.
 */
struct trial_point {
	double ms; /* since the onset */
	float a, b;
	uint32_t tid;
	uint32_t fired;	       /* bit per rule */
	char text[TRIAL_TEXT]; /* "" where nothing fired and the levels did not rise */
};

struct trial_harm {
	uint64_t ns;
	char name[32];
	bool counts; /* something that can be stopped in time */
};

enum trial_kind { TRIAL_NORMAL, TRIAL_ATTACK, TRIAL_ADAPTIVE };

struct trial {
	char *file; /* base name */
	enum trial_kind kind;
	bool labelled;
	uint64_t start_ns, stop_ns, onset_ns, end_ns;
	uint32_t root;
	double benign_hours;
	uint64_t benign_calls;
	uint32_t refused_after_alert; /* benign operations that A or B had refused for a second */
	struct trial_harm harm[TRIAL_HARM_MAX];
	size_t n_harm;
	struct trial_rule rule[RULE_COUNT];
	struct trial_task *tasks;
	size_t n_tasks, tasks_size;
	struct trial_point *points; /* in the order of time */
	size_t n_points, points_size;
};

void trial_done(struct trial *t);

/*
 * Judge a run. ret is the caller's to trial_done(), also on failure. -EINVAL: a labelled attack
 * given as normal; -ENOEXEC: of another architecture than the policy; else as trace_reader_new(),
 * replay_new().
 */
int trial_run(struct trial *ret, const struct panel *panel, const char *file, enum trial_kind kind,
	      struct err *err);

/* Share of the harmful calls that count at or after the first alarm: ret_in of the return value. */
size_t trial_harm_in_time(const struct trial *t, unsigned rule, size_t *ret_in);

#endif
