/* SPDX-License-Identifier: Apache-2.0 */
/* Receiver curves of level M and its rivals: what each would do at other thresholds. */
#include <math.h>

#include "trainer/eval/report/summary.h"

/* Returns the highest level of the tasks of an attack. */
static float highest_in_attack(const struct evaluated_run *run, unsigned detector)
{
	float highest = 0;

	for (size_t i = 0; i < run->results.n_tasks; i++)
		if (run->results.tasks[i].attack)
			highest = fmaxf(highest, run->results.tasks[i].score[detector]);
	return highest;
}

void summary_curve_point(const struct summary *s, unsigned detector, unsigned point,
			 struct curve_point *ret)
{
	*ret = (struct curve_point){.margin = run_curve_margin(point)};
	for (size_t i = 0; i < s->n; i++) {
		const struct evaluated_run *run = &s->runs[i];

		ret->false_alarms +=
			run->results.curve[detector - DETECTOR_TOKENS].false_alarms[point];
		if (run->labels.kind != RUN_KIND_NORMAL)
			ret->detected[run->labels.kind] +=
				highest_in_attack(run, detector) > ret->margin;
	}
}

json_t *summary_curves_to_json(const struct summary *s)
{
	json_t *j = json_object();

	for (unsigned d = DETECTOR_TOKENS; d < summary_n_detectors(s); d++) {
		json_t *points = json_array();

		for (unsigned i = 0; i < RUN_CURVE_POINTS; i++) {
			struct curve_point p;

			summary_curve_point(s, d, i, &p);
			json_array_append_new(points,
					      json_pack("{s:f, s:i, s:i, s:i}", "margin", p.margin,
							"false_alarms", p.false_alarms, "detected",
							p.detected[RUN_KIND_ATTACK], "adaptive",
							p.detected[RUN_KIND_ADAPTIVE]));
		}
		json_object_set_new(j, detector_name(d), points);
	}
	return j;
}
