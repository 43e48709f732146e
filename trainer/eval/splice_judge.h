/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a labelled run of an adaptive attack, and judges it by all detectors. */
#ifndef LUTRA_TRAINER_EVAL_SPLICE_JUDGE_H
#define LUTRA_TRAINER_EVAL_SPLICE_JUDGE_H

#include "lib/trace/trace.h"
#include "trainer/eval/adapt/splice.h"
#include "trainer/eval/evaluated_run.h"

/* What one detector made of an attack. */
struct splice_seen {
	bool seen;
	float score; /* highest level, or how often the rule fired: as in struct evaluated_task */
	double payload_done; /* if seen: the share of the payload's calls until the alarm */
};

struct splice_result {
	struct splice_plan plan;
	bool made;	/* else the goal could not be reached */
	uint32_t calls; /* of the attack */
	uint32_t payload;
	struct splice_seen detector[DETECTOR_COUNT];
};

/* A run in memory: the task before the attack, the mark of the onset, and the attack. */
struct splice_run {
	struct lutra_record *records; /* (n) */
	uint32_t *strings;	      /* (n): in macro_set.strings, or LUTRA_NO_STRING */
	size_t n, records_size, strings_size;
	uint64_t onset_ns;
};

#define SPLICE_RUN_TID 1	    /* of the only task */
#define SPLICE_RUN_STEP_NS 1000	    /* between two records */
#define SPLICE_RUN_BEGIN_NS 1000000 /* of the first record */

/* Makes the run. ret must be zeroed. Returns 0 or -ENOMEM. */
int splice_run_make(struct splice_run *ret, const struct macro_set *macros,
		    const struct attack_start *start, const struct splice *splice);
void splice_run_done(struct splice_run *r);

/*
 * Judges a run that was made of the splice, and sets all of *ret but the plan. strings: those of
 * macro_set.strings, by number. Returns 0 or an error of evaluated_run_judge_block().
 */
int splice_run_judge(const struct splice_run *run, const struct splice *splice,
		     const struct trace_string *strings, const struct detectors *detectors,
		     struct splice_result *ret, struct err *err);

#endif
