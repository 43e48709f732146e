/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels in floating point, where the scorer has integers. There are two kinds:
 *
 *   gated    rule A with weights and levels that are not rounded, to measure what rounding changes
 *   mean     the baseline `reconstruction`: the weights of all pairs, seen or not, of system call
 *            numbers without roles; running mean over up to 512 calls of a lineage, judged from the
 *            512th on
 */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_FLOAT_LEVELS_H
#define LUTRA_TRAINER_EVAL_DETECTORS_FLOAT_LEVELS_H

#include "trainer/model/tables/model.h"

#define FLOAT_LEVELS_MEAN 512 /* calls */

/* The state of a task, copied by fork. */
struct float_state {
	struct lutra_state state;
	uint32_t n;   /* system calls so far */
	double level; /* in 1/20 nat */
};

struct float_levels {
	struct lutra_policy *image; /* tables and steady system calls only */
	float *weight[MODEL_LAYERS];
	bool gated;
	double threshold; /* in 1/20 nat */
};

/* Frees what the levels own and zeroes them. */
void float_levels_done(struct float_levels *f);

/* What float levels are made from. */
struct float_levels_source {
	const struct model *model;
	const char *const *files; /* (model->corpus->n_runs) */
	bool gated;
};

/*
 * Computes the weights and the threshold: the highest level of the training runs, each judged by the
 * counts of the others, times the margin of A for gated levels, that of the baselines for a mean. For
 * gated levels it is not below the product's floor. The caller
 * calls float_levels_done(ret), also after a failure.
 * Returns 0, -ENOMEM, or an error of trace_reader_new().
 */
int float_levels_train(struct float_levels *ret, const struct float_levels_source *src,
		       unsigned threads, struct err *err);

/* Starts a task. */
void float_levels_init(const struct float_levels *f, struct float_state *s);
/* Puts a task that was started into the role that its ARM record says. For gated levels alone. */
void float_levels_arm(const struct float_levels *f, struct float_state *s,
		      const struct lutra_record *arm);

/*
 * Moves s->level on by a system call. process_steady: of the task's process, as lutra_role_steady()
 * marks it; NULL for levels without roles. seen: the pairs of the run that have counted, used by
 * these levels alone; NULL for a mean.
 */
void float_levels_score(const struct float_levels *f, struct float_state *s,
			uint8_t *process_steady, struct lutra_seen *seen, uint32_t nr);

/* Returns true if the level is above the threshold and the task has made enough system calls. */
bool float_levels_is_alarm(const struct float_levels *f, const struct float_state *s);

#endif
