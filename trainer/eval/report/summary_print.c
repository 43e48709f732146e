/* SPDX-License-Identifier: Apache-2.0 */
/* The summary as JSON and as a table. */
#include <math.h>

#include "lib/base/number.h"
#include "lib/base/text.h"
#include "trainer/eval/report/summary.h"

/* Returns x, or null for NAN and infinity, which JSON does not have. */
static json_t *json_number(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *detection_to_json(const struct detection *d)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "detected", d->detected,
			 "detection_rate", json_number(d->rate), "in_time", json_number(d->in_time),
			 "delay_ms_mean", json_number(d->ms_mean), "delay_ms_median",
			 json_number(d->ms_median), "delay_ms_p95", json_number(d->ms_p95),
			 "delay_calls_mean", json_number(d->calls_mean), "delay_calls_median",
			 json_number(d->calls_median), "delay_calls_p95",
			 json_number(d->calls_p95));
}

static json_t *detector_to_json(const struct detector_summary *d)
{
	const struct false_alarms *fa = &d->normal;
	json_t *j = detection_to_json(&d->attacks);

	json_object_set_new(j, "false_alarms", json_integer(fa->episodes));
	json_object_set_new(j, "per_hour", json_number(fa->per_hour));
	json_object_set_new(j, "per_hour_95",
			    json_pack("[f, f]", fa->per_hour_95[0], fa->per_hour_95[1]));
	return j;
}

static json_t *evaluated_run_to_json(const struct summary *s, const struct evaluated_run *run)
{
	json_t *alarms = json_object(), *delays = json_object(), *in_time = json_object();
	size_t n_harm = 0, n_in_time;

	for (unsigned i = 0; i < summary_n_detectors(s); i++) {
		const struct detector_result *x = &run->results.detector[i];

		if (x->false_alarms)
			json_object_set_new(alarms, detector_name(i),
					    json_integer(x->false_alarms));
		if (x->detected)
			json_object_set_new(delays, detector_name(i),
					    json_real(evaluated_run_delay_ms(run, i)));
		n_harm = evaluated_run_harm_in_time(run, i, &n_in_time);
		if (n_in_time)
			json_object_set_new(in_time, detector_name(i),
					    json_integer((json_int_t)n_in_time));
	}
	return json_pack("{s:o, s:s, s:f, s:I, s:o, s:o, s:I, s:o}", "file",
			 text_json_keep(run->file), "kind", run_kind_names[run->labels.kind],
			 "hours", run_labels_benign_hours(&run->labels), "calls",
			 (json_int_t)run->results.benign_calls, "false_alarms", alarms,
			 "detected_after_ms", delays, "harm", (json_int_t)n_harm, "harm_in_time",
			 in_time);
}

json_t *summary_to_json(const struct summary *s)
{
	json_t *rules = json_object(), *aucs = json_object(), *adaptive = json_object(),
	       *runs = json_array(), *j;

	for (unsigned i = 0; i < summary_n_detectors(s); i++) {
		const struct detector_summary *d = &s->detector[i];

		json_object_set_new(rules, detector_name(i), detector_to_json(d));
		json_object_set_new(aucs, detector_name(i),
				    json_pack("{s:o, s:o}", "task", json_number(d->auc_by_task),
					      "container", json_number(d->auc_by_run)));
		json_object_set_new(adaptive, detector_name(i), detection_to_json(&d->adaptive));
	}
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(runs, evaluated_run_to_json(s, &s->runs[i]));
	j = json_pack("{s:{s:i, s:f, s:I, s:i}, s:{s:i}, s:o, s:o, s:{s:i, s:o}, s:o}", "normal",
		      "runs", s->n_runs[RUN_KIND_NORMAL], "hours", s->benign_hours, "calls",
		      (json_int_t)s->benign_calls, "refused_after_alert", s->refused_after_alert,
		      "attack", "runs", s->n_runs[RUN_KIND_ATTACK], "rules", rules, "auc", aucs,
		      "adaptive", "runs", s->n_runs[RUN_KIND_ADAPTIVE], "rules", adaptive, "runs",
		      runs);
	if (j && s->baselines)
		json_object_set_new(j, "curves", summary_curves_to_json(s));
	return j;
}

/* ---- table ---- */

static void print_number(double x, int decimals, int width, FILE *out)
{
	char s[32] = "-";

	if (isfinite(x))
		snprintf(s, sizeof(s), "%.*f", decimals, x);
	fprintf(out, " %*s", width, s);
}

static void print_detector(const char *name, const struct detector_summary *x, FILE *out)
{
	const struct false_alarms *fa = &x->normal;
	const struct detection *d = &x->attacks;
	char low[NUMBER_TEXT], high[NUMBER_TEXT], interval[2 * NUMBER_TEXT + 8], found[24];

	snprintf(interval, sizeof(interval), "[%s, %s]", number_text(fa->per_hour_95[0], 2, low),
		 number_text(fa->per_hour_95[1], 3, high));
	snprintf(found, sizeof(found), "%u/%u", d->detected, d->runs);
	fprintf(out, "%-15s %5u", name, fa->episodes);
	print_number(fa->per_hour, 2, 7, out);
	fprintf(out, " %-14s %8s", interval, found);
	print_number(d->in_time, 3, 7, out);
	print_number(d->ms_mean, 1, 8, out);
	print_number(d->ms_median, 1, 8, out);
	print_number(d->ms_p95, 1, 8, out);
	print_number(d->calls_median, 0, 7, out);
	print_number(x->auc_by_task, 3, 7, out);
	print_number(x->auc_by_run, 3, 7, out);
	putc('\n', out);
}

void summary_print(const struct summary *s, FILE *out)
{
	fprintf(out, "%s: %u normal runs, %.2f h, %llu calls; %u attack runs\n", s->policy_image,
		s->n_runs[RUN_KIND_NORMAL], s->benign_hours, (unsigned long long)s->benign_calls,
		s->n_runs[RUN_KIND_ATTACK]);
	fprintf(out, "%-15s %5s %7s %-14s %8s %7s %8s %8s %8s %7s %7s %7s\n", "rule", "false", "/h",
		"95 %", "detected", "in time", "ms mean", "median", "p95", "calls", "AUC",
		"by run");
	for (unsigned i = 0; i < summary_n_detectors(s); i++)
		print_detector(detector_name(i), &s->detector[i], out);
	if (s->n_runs[RUN_KIND_ADAPTIVE]) {
		fprintf(out, "adaptive: of %u runs", s->n_runs[RUN_KIND_ADAPTIVE]);
		for (unsigned i = 0; i < summary_n_detectors(s); i++)
			fprintf(out, "%s %s %u", i ? "," : "", detector_name(i),
				s->detector[i].adaptive.detected);
		putc('\n', out);
	}
	if (s->refused_after_alert)
		fprintf(out, "in the second after M: %u benign operations refused\n",
			s->refused_after_alert);
}
