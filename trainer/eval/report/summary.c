/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up the runs of an evaluation. */
#include "trainer/eval/report/summary.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "trainer/rules/calibration/episodes.h"

#define P95 .95

unsigned summary_n_detectors(const struct summary *s)
{
	return s->baselines ? DETECTOR_COUNT : DETECTOR_POLICY;
}

static void sum_false_alarms(const struct summary *s, unsigned detector, struct false_alarms *ret)
{
	for (size_t i = 0; i < s->n; i++)
		ret->episodes += s->runs[i].results.detector[detector].false_alarms;
	ret->hours = s->benign_hours;
	ret->per_hour = ret->hours > 0 ? ret->episodes / ret->hours : NAN;
	episodes_rate_95(ret->episodes, ret->hours, ret->per_hour_95);
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * Computes the mean, the median and the smallest value that 95 % of n values do not exceed. Sorts
 * v.
 */
static void mean_median_p95(double *v, size_t n, double *mean, double *median, double *p95)
{
	double sum = 0;

	*mean = *median = *p95 = NAN;
	if (n == 0)
		return;
	qsort(v, n, sizeof(*v), compare_doubles);
	for (size_t i = 0; i < n; i++)
		sum += v[i];
	*mean = sum / (double)n;
	*median = (v[(n - 1) / 2] + v[n / 2]) / 2;
	*p95 = v[(size_t)ceil(P95 * (double)n) - 1];
}

static int sum_detection(const struct summary *s, unsigned detector, enum run_kind kind,
			 struct detection *ret)
{
	_cleanup_free_ double *ms = calloc(s->n + 1, sizeof(*ms));
	_cleanup_free_ double *calls = calloc(s->n + 1, sizeof(*calls));
	size_t n = 0, harm = 0, in_time = 0;

	if (!ms || !calls)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		const struct evaluated_run *run = &s->runs[i];
		const struct detector_result *x = &run->results.detector[detector];
		size_t of_run;

		if (run->labels.kind != kind)
			continue;
		ret->runs++;
		harm += evaluated_run_harm_in_time(run, detector, &of_run);
		in_time += of_run;
		if (!x->detected)
			continue;
		ms[n] = evaluated_run_delay_ms(run, detector);
		calls[n++] = (double)x->first_calls;
	}
	ret->detected = (uint32_t)n;
	ret->rate = ret->runs ? (double)n / ret->runs : NAN;
	ret->in_time = harm ? (double)in_time / (double)harm : NAN;
	mean_median_p95(ms, n, &ret->ms_mean, &ret->ms_median, &ret->ms_p95);
	mean_median_p95(calls, n, &ret->calls_mean, &ret->calls_median, &ret->calls_p95);
	return 0;
}

/* ---- ROC ---- */

static int compare_scores(const void *a, const void *b)
{
	const struct summary_score *x = a, *y = b;

	return x->score > y->score ? -1 : x->score < y->score;
}

/* Sets a run's score, that of its worst task; in an attack, of its worst attacking task. */
static bool worst_task_score(const struct evaluated_run *run, unsigned detector,
			     struct summary_score *ret)
{
	bool any = false;

	ret->attack = run->labels.kind == RUN_KIND_ATTACK;
	ret->score = 0;
	for (size_t i = 0; i < run->results.n_tasks; i++) {
		if (run->results.tasks[i].attack != ret->attack)
			continue;
		any = true;
		ret->score = fmaxf(ret->score, run->results.tasks[i].score[detector]);
	}
	return any;
}

int summary_scores(const struct summary *s, unsigned detector, bool by_run,
		   struct summary_score **ret, size_t *ret_n)
{
	_cleanup_free_ struct summary_score *scores = NULL;
	size_t n = s->n + 1;

	for (size_t i = 0; i < s->n; i++)
		n += s->runs[i].results.n_tasks;
	scores = calloc(n, sizeof(*scores));
	if (!scores)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct evaluated_run *run = &s->runs[i];

		if (run->labels.kind == RUN_KIND_ADAPTIVE)
			continue;
		if (by_run)
			n += worst_task_score(run, detector, &scores[n]);
		for (size_t k = 0; k < run->results.n_tasks && !by_run; k++)
			if (run->results.tasks[k].calls)
				scores[n++] = (struct summary_score){
					run->results.tasks[k].score[detector],
					run->results.tasks[k].attack};
	}
	qsort(scores, n, sizeof(*scores), compare_scores);
	*ret = TAKE_PTR(scores);
	*ret_n = n;
	return 0;
}

double summary_auc(const struct summary_score *scores, size_t n)
{
	double area = 0, attacks = 0, normals = 0;

	for (size_t i = 0; i < n;) {
		double a = 0, b = 0;
		float score = scores[i].score;

		for (; i < n && scores[i].score == score; i++) {
			a += scores[i].attack;
			b += !scores[i].attack;
		}
		area += b * (attacks + a / 2);
		attacks += a;
		normals += b;
	}
	return attacks > 0 && normals > 0 ? area / (attacks * normals) : NAN;
}

/* Sets the area under a detector's ROC curve. */
static int set_auc(const struct summary *s, unsigned detector, bool by_run, double *ret)
{
	_cleanup_free_ struct summary_score *scores = NULL;
	size_t n;
	int r = summary_scores(s, detector, by_run, &scores, &n);

	*ret = r < 0 ? NAN : summary_auc(scores, n);
	return r;
}

int summary_init(struct summary *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n; i++) {
		s->n_runs[s->runs[i].labels.kind]++;
		s->benign_hours += run_labels_benign_hours(&s->runs[i].labels);
		s->benign_calls += s->runs[i].results.benign_calls;
		s->refused_after_alert += s->runs[i].results.refused_after_alert;
	}
	for (unsigned i = 0; r == 0 && i < summary_n_detectors(s); i++) {
		struct detector_summary *d = &s->detector[i];

		sum_false_alarms(s, i, &d->normal);
		r = sum_detection(s, i, RUN_KIND_ATTACK, &d->attacks);
		if (r == 0)
			r = sum_detection(s, i, RUN_KIND_ADAPTIVE, &d->adaptive);
		if (r == 0)
			r = set_auc(s, i, false, &d->auc_by_task);
		if (r == 0)
			r = set_auc(s, i, true, &d->auc_by_run);
	}
	return r;
}
