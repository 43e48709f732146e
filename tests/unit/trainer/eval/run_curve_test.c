/* SPDX-License-Identifier: Apache-2.0 */
/* Receiver curves: false alarms are episodes at each threshold, attacks count by their highest level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/eval/report/summary.h"

#define SEC 1000000000ull

/* Adds an event of a task at a time, with this level of the first of the panel. */
static void add_level(struct evaluated_run *run, struct eval_task *t, uint64_t ts_ns, float level)
{
	const struct lutra_record rec = {.ts_ns = ts_ns, .tid = 7};
	struct event_result e = {.rec = &rec};

	e.score[DETECTOR_TOKENS] = level;
	assert_int_equal(run_results_add(&run->results, &run->labels, t, &e, NULL), 0);
}

static void summary_curve_counts_episodes_and_attacks_at_each_threshold(void **state)
{
	struct evaluated_run *runs = calloc(2, sizeof(*runs));
	struct eval_task benign = {.id = UINT32_MAX},
			 attacked = {.id = UINT32_MAX, .attacked = true};
	struct summary s = {.runs = runs, .n = 2, .baselines = true};
	struct curve_point p;

	(void)state;
	assert_non_null(runs);
	runs[0].labels = (struct run_labels){.onset_ns = UINT64_MAX, .end_ns = UINT64_MAX};
	add_level(&runs[0], &benign, 1 * SEC, .6f);
	add_level(&runs[0], &benign, 1 * SEC + 1, 1.5f);
	add_level(&runs[0], &benign, 9 * SEC, .6f);
	runs[1].labels.kind = RUN_KIND_ATTACK;
	runs[1].labels.end_ns = UINT64_MAX;
	add_level(&runs[1], &attacked, 5 * SEC, 2.5f);
	for (unsigned i = 0; i < RUN_CURVE_POINTS; i++) {
		double margin = run_curve_margin(i);

		summary_curve_point(&s, DETECTOR_TOKENS, i, &p);
		assert_true(p.margin == margin);
		assert_int_equal(p.false_alarms, margin < .6 ? 2 : margin < 1.5 ? 1 : 0);
		assert_int_equal(p.detected[RUN_KIND_ATTACK], margin < 2.5);
	}
	assert_true(fabs(run_curve_margin(RUN_CURVE_POINTS - 1) - 4) < 1e-9);
	run_results_done(&runs[0].results);
	run_results_done(&runs[1].results);
	free(runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summary_curve_counts_episodes_and_attacks_at_each_threshold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
