/* SPDX-License-Identifier: Apache-2.0 */
/* Judges one event of a run by all detectors. */
#ifndef LUTRA_TRAINER_EVAL_EVENT_JUDGE_H
#define LUTRA_TRAINER_EVAL_EVENT_JUDGE_H

#include "lib/replay/replay.h"
#include "trainer/eval/detectors/baselines.h"
#include "trainer/eval/detectors/reconstruction.h"
#include "trainer/eval/rivals/token_panel.h"

/*
 * What judges. All but policy and image may be NULL: without training runs there are no baselines.
 * The caller owns all of it.
 */
struct detectors {
	const struct policy *policy;
	const struct lutra_policy *image; /* kernel form of the policy */
	const struct baselines *baselines;
	const struct reconstruction *reconstruction;
	const struct token_panel *panel; /* level M and its rivals */
};

/* A task of the run, copied by fork. */
struct eval_task {
	uint32_t id;		      /* in run_results.tasks, or UINT32_MAX: none yet */
	bool attacked;		      /* part of the attack */
	uint16_t nr;		      /* of the last system call */
	uint64_t syscall_ns;	      /* when it was */
	struct lutra_matches matches; /* of the kill rule */
	struct syscall_history history;
	struct reconstruction_state reconstruction;
	struct token_panel_task panel;
};

/* An event and what the detectors made of it. */
struct event_result {
	const struct lutra_record *rec;
	const char *str; /* str_len, or NULL */
	size_t str_len;
	uint32_t fired; /* bit per enum detector */
	float score[DETECTOR_COUNT];
	struct replay_step step; /* by the policy */
};

struct event_judge {
	const struct detectors *detectors;
	struct replay *replay;		     /* by the policy */
	struct token_panel_seen *panel_seen; /* or NULL */
};

/*
 * Starts judging a run. The caller calls event_judge_done(), also after a failure.
 * Returns 0, -ENOMEM, or an error of replay_new().
 */
int event_judge_init(struct event_judge *j, const struct detectors *detectors, struct err *err);
void event_judge_done(struct event_judge *j);

/* Starts a task that no fork was seen of. *t must be zeroed. */
void event_judge_init_task(const struct event_judge *j, struct eval_task *t);

/*
 * Judges a record of a task; ret->rec, str and str_len are set by the caller. t may be NULL for a
 * record that is no system call and no object event.
 * Returns 1, 0 if the record is not scored (a fork, an exec, an exit), or an error of
 * replay_next().
 */
int event_judge_record(struct event_judge *j, struct eval_task *t, struct event_result *ret);

#endif
