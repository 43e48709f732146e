/* SPDX-License-Identifier: Apache-2.0 */
/* One recorded run, judged by all detectors in one pass. */
#ifndef LUTRA_TRAINER_EVAL_EVALUATED_RUN_H
#define LUTRA_TRAINER_EVAL_EVALUATED_RUN_H

#include "lib/trace/trace.h"
#include "trainer/eval/run_results.h"

struct evaluated_run {
	char *file; /* base name of the trace */
	struct run_labels labels;
	struct run_results results;
};

/* Frees what the run owns and zeroes it. */
void evaluated_run_done(struct evaluated_run *run);

/*
 * Judges a run. timeline: also keep the timeline that a report draws. The caller calls
 * evaluated_run_done(ret), also after a failure.
 * Returns 0; -EINVAL if a labelled attack is given as normal; -ENOEXEC if the run's architecture is
 * not the policy's; or an error of trace_reader_new() or replay_new().
 */
int evaluated_run_judge(struct evaluated_run *ret, const struct detectors *detectors,
			const char *file, enum run_kind kind, bool timeline, struct err *err);

/*
 * Judges a run in memory whose labels are set already. ret->file stays NULL. The caller calls
 * evaluated_run_done(ret), also after a failure.
 * Returns 0 or an error of replay_new().
 */
int evaluated_run_judge_block(struct evaluated_run *ret, const struct detectors *detectors,
			      const struct trace_block *block, struct err *err);

/*
 * Returns how many harmful system calls of the run count; *ret_in_time: how many of them came at or
 * after the detector's first alarm.
 */
size_t evaluated_run_harm_in_time(const struct evaluated_run *run, unsigned detector,
				  size_t *ret_in_time);

/*
 * Returns the time from the onset to the detector's first alarm. The detector must have detected.
 */
double evaluated_run_delay_ms(const struct evaluated_run *run, unsigned detector);

#endif
