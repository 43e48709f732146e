/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the report. All text from traces is escaped. The page has no scripts and loads nothing. */
#include "trainer/eval/report/html.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/base/output.h"
#include "trainer/eval/report/figures.h"
#include "trainer/eval/report/plot.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<style>\n"
	":root{color-scheme:light dark;--fg:#1d2430;--bg:#fff;--soft:#5c6675;--line:#dfe3e8;"
	"--card:#f5f7f9;--bad:#c4122f;--good:#0b7a4b;--k0:#7a3db8;--k1:#0b7a4b;--k2:#1765d1;"
	"--k3:#b35900;--k4:#c4122f;--k5:#4b5a10;--k6:#00727a}\n"
	"@media(prefers-color-scheme:dark){:root{--fg:#e4e8ee;--bg:#14181d;--soft:#98a3b1;"
	"--line:#2c343d;--card:#1d232a;--bad:#ff7285;--good:#4cc78d;--k0:#c69bf2;--k1:#4cc78d;"
	"--k2:#74aefc;--k3:#f0a04b;--k4:#ff7285;--k5:#b9ce5c;--k6:#46c6cf}}\n"
	"body{font:15px/1.5 system-ui,sans-serif;max-width:76em;margin:0 auto;padding:1em;"
	"color:var(--fg);background:var(--bg)}\n"
	"h1{font-size:1.6em;margin:.3em 0}h2{margin:1.6em 0 .4em}h3{margin:.2em 0}\n"
	"p,.soft{color:var(--soft)}.cards{display:flex;flex-wrap:wrap;gap:.8em;margin:1em 0}\n"
	".card{background:var(--card);border-radius:.5em;padding:.6em 1em;min-width:9em}"
	".card b{display:block;font-size:1.5em;font-weight:600}\n"
	".wide{overflow-x:auto}.wide "
	"svg{min-width:46em}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
	"th,td{padding:.2em .6em;border-bottom:1px solid var(--line);text-align:right;"
	"white-space:nowrap}th{font-weight:600;vertical-align:bottom}"
	"th:first-child,td:first-child{text-align:left;position:sticky;left:0;"
	"background:var(--bg)}\n"
	".rival td{color:var(--soft)}.no{color:var(--soft)}.yes{color:var(--good)}"
	".bad{color:var(--bad);font-weight:600}\n"
	".attack{display:grid;grid-template-columns:minmax(0,590px) minmax(0,1fr);gap:0 1.5em;"
	"border-top:1px solid var(--line);padding:.8em 0}.attack h3,.attack p{grid-column:1/-1}\n"
	"@media(max-width:60em){.attack{display:block}}\n"
	"ol{font:12.5px/1.5 ui-monospace,monospace;padding-left:2.6em;margin:.6em 0;"
	"overflow-wrap:anywhere}ol b{font-weight:600}\n"
	"svg{max-width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;"
	"fill:var(--fg)}svg .mid{text-anchor:middle}svg .end{text-anchor:end}"
	"svg .big{font-weight:600}\n"
	"path{fill:none}.grid{stroke:var(--line)}.axis{stroke:var(--soft)}.line{stroke-width:2.2}"
	".rival{stroke-width:1.4;stroke-dasharray:5 3}.threshold{stroke:var(--soft);"
	"stroke-dasharray:6 4}.onset{stroke:var(--fg)}.harm{stroke:var(--bad);"
	"stroke-dasharray:2 3}\n"
	".dot{fill:var(--fg);stroke:var(--bg)}svg .dot.bad{fill:var(--bad)}\n"
	".k0{stroke:var(--k0)}.k1{stroke:var(--k1)}.k2{stroke:var(--k2)}.k3{stroke:var(--k3)}"
	".k4{stroke:var(--k4)}.k5{stroke:var(--k5)}.k6{stroke:var(--k6)}.fill{stroke:none}"
	".fill.k0{fill:var(--k0)}.fill.k1{fill:var(--k1)}.fill.k2{fill:var(--k2)}"
	".fill.k3{fill:var(--k3)}.fill.k4{fill:var(--k4)}.fill.k5{fill:var(--k5)}\n</style>\n";

static void put_number(FILE *f, int decimals, double x)
{
	if (isfinite(x))
		fprintf(f, "<td>%.*f</td>", decimals, x);
	else
		fputs("<td>–</td>", f);
}

static void put_detector(FILE *f, const struct summary *s, unsigned detector)
{
	const struct detector_summary *x = &s->detector[detector];
	const struct false_alarms *fa = &x->normal;
	const struct detection *d = &x->attacks;
	char low[NUMBER_TEXT], high[NUMBER_TEXT];

	fprintf(f, "<tr class=\"%s\"><td>%s</td><td>%u</td>",
		detector < DETECTOR_POLICY ? "" : "rival", detector_name(detector), fa->episodes);
	put_number(f, 2, fa->per_hour);
	fprintf(f, "<td>%s – %s</td><td>%u / %u</td>", number_text(fa->per_hour_95[0], 2, low),
		number_text(fa->per_hour_95[1], 3, high), d->detected, d->runs);
	put_number(f, 3, d->in_time);
	put_number(f, 1, d->ms_mean);
	put_number(f, 1, d->ms_median);
	put_number(f, 1, d->ms_p95);
	put_number(f, 0, d->calls_mean);
	put_number(f, 0, d->calls_median);
	put_number(f, 0, d->calls_p95);
	put_number(f, 3, x->auc_by_task);
	put_number(f, 3, x->auc_by_run);
	fputs("</tr>\n", f);
}

static void put_detectors(FILE *f, const struct summary *s)
{
	fputs("<h2>Rules</h2>\n<div class=\"wide\"><table><tr><th>rule</th><th>false<br>alarms</th>"
	      "<th>an hour</th><th>95 %<br>interval</th><th>detected</th><th>harm<br>in time</th>"
	      "<th>ms<br>mean</th><th><br>median</th><th><br>p95</th><th>calls<br>mean</th>"
	      "<th><br>median</th><th><br>p95</th><th>ROC area<br>by task</th>"
	      "<th><br>by run</th></tr>\n",
	      f);
	for (unsigned i = 0; i < summary_n_detectors(s); i++)
		put_detector(f, s, i);
	fputs("</table></div>\n<p>False alarms are episodes: alarms less than a second apart are "
	      "one. The interval is exact for a Poisson rate. Harm in time: labelled harmful calls "
	      "at or after the first alarm. ms and calls: from the onset to the first alarm.</p>\n"
	      "<p>T: a call that its role never made in training. TH: one of these that a kernel "
	      "hook can refuse. M: smoothed weights of new pairs of calls and objects. objects: "
	      "files, "
	      "programs, addresses that training never saw. deny, alert: the sets of these that "
	      "refuse and that alarm. kill: what mode kill kills for.",
	      f);
	if (s->baselines)
		fputs(" In grey: baselines, trained on the same runs.", f);
	fputs("</p>\n", f);
}

/* Writes the two figures that most readers look for first. */
static void put_card(FILE *f, const struct summary *s, unsigned detector)
{
	const char *name = detector_name(detector);
	const struct false_alarms *fa = &s->detector[detector].normal;
	const struct detection *d = &s->detector[detector].attacks;
	char high[NUMBER_TEXT];

	fprintf(f,
		"<div class=\"card\">%s<b>%u of %u</b>attacks detected</div>\n"
		"<div class=\"card\">%s<b>%u in %.2f h</b>false alarms, at most %s an hour"
		"</div>\n",
		name, d->detected, d->runs, name, fa->episodes, fa->hours,
		number_text(fa->per_hour_95[1], 3, high));
}

/* Lists the events of an attack that have a text, numbered as in its figure. */
static void put_events(FILE *f, const struct summary *s, const struct evaluated_run *run)
{
	size_t event[FIGURE_EVENTS + 1], n = figure_events(run, FIGURE_EVENTS + 1, event);

	fputs("<div><ol>\n", f);
	for (size_t i = 0; i < n && i < FIGURE_EVENTS; i++) {
		const struct timeline_point *p = &run->results.points[event[i]];

		fprintf(f, "<li>%.3f ms, task %u: <b>", p->ms, p->tid);
		plot_escape(f, "", p->text, "</b> <span class=\"soft\">");
		fprintf(f, "M %.2f</span>", p->level / fmax(s->threshold, 1));
		for (unsigned k = 0; k < DETECTOR_POLICY; k++)
			if (p->fired & 1u << k)
				fprintf(f, " <span class=\"bad\">%s</span>", detector_name(k));
		fputs("</li>\n", f);
	}
	fprintf(f, "</ol>%s</div>\n", n > FIGURE_EVENTS ? "<p>and more</p>" : "");
}

static void put_attack(FILE *f, const struct summary *s, const struct evaluated_run *run)
{
	const char *sep = "First alarm: ";

	plot_escape(f, "<section class=\"attack\"><h3>", run->file, "</h3>\n<p>");
	for (unsigned i = 0; i < DETECTOR_POLICY; i++) {
		if (!run->results.detector[i].detected)
			continue;
		fprintf(f, "%s%s after %.3f ms and %llu calls", sep, detector_name(i),
			evaluated_run_delay_ms(run, i),
			(unsigned long long)run->results.detector[i].first_calls);
		sep = "; ";
	}
	fputs(*sep == ';' ? "</p>\n" : "No rule saw it.</p>\n", f);
	if (run->results.n_points)
		figure_levels(f, s, run);
	else
		fputs("<p>Nothing in it was new.</p>", f);
	put_events(f, s, run);
	fputs("</section>\n", f);
}

static void put_attacks(FILE *f, const struct summary *s, enum run_kind kind, const char *title)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->runs[i].labels.kind != kind)
			continue;
		if (title)
			fprintf(f,
				"<h2>%s</h2>\n<p>The level of each task as a share of the "
				"threshold, from a second before the onset on. Numbered: events "
				"that were new, or that a rule fired at.</p>\n",
				title);
		title = NULL;
		put_attack(f, s, &s->runs[i]);
	}
}

/* Writes the false alarms of a run, and whether its attack was detected. */
static void put_cell(FILE *f, const struct evaluated_run *run, unsigned detector)
{
	const struct detector_result *x = &run->results.detector[detector];

	fputs("<td>", f);
	if (x->false_alarms)
		fprintf(f, "<span class=\"bad\">%u</span> ", x->false_alarms);
	if (run->labels.kind != RUN_KIND_NORMAL)
		fputs(x->detected ? "<span class=\"yes\">✓</span>" : "<span class=\"no\">–</span>",
		      f);
	else if (!x->false_alarms)
		fputs("<span class=\"no\">0</span>", f);
	fputs("</td>", f);
}

static void put_runs(FILE *f, const struct summary *s)
{
	fputs("<h2>Runs</h2>\n<p>Red: false alarms in benign time. ✓: the attack was detected, –: "
	      "it "
	      "was not.</p>\n<div class=\"wide\"><table><tr><th>run</th><th>kind</th>"
	      "<th>benign<br>min</th><th>benign<br>calls</th>",
	      f);
	for (unsigned i = 0; i < summary_n_detectors(s); i++) {
		const char *name = detector_name(i), *cut = strchr(name, '_');

		fprintf(f, "<th>%.*s%s%s</th>", cut ? (int)(cut - name + 1) : (int)strlen(name),
			name, cut ? "<br>" : "", cut ? cut + 1 : "");
	}
	fputs("</tr>\n", f);
	for (size_t i = 0; i < s->n; i++) {
		const struct evaluated_run *run = &s->runs[i];

		plot_escape(f, "<tr><td>", run->file, "</td>");
		fprintf(f, "<td>%s</td><td>%.1f</td><td>%llu</td>",
			run_kind_names[run->labels.kind],
			run_labels_benign_hours(&run->labels) * 60,
			(unsigned long long)run->results.benign_calls);
		for (unsigned k = 0; k < summary_n_detectors(s); k++)
			put_cell(f, run, k);
		fputs("</tr>\n", f);
	}
	fputs("</table></div>\n", f);
}

static int put_report(FILE *f, const struct summary *s)
{
	int r;

	fputs(head, f);
	plot_escape(f, "<title>lutra eval: ", s->policy_image, "</title></head><body>\n");
	plot_escape(f, "<h1>", s->policy_image,
		    ": false alarms and detection</h1>\n<div class=\"cards\">\n");
	put_card(f, s, DETECTOR_DENY);
	put_card(f, s, DETECTOR_ALERT);
	fputs("</div>\n", f);
	put_detectors(f, s);
	fputs("<h2>ROC</h2>\n<p>By task: its highest level, or how often the rule fired.</p>\n"
	      "<div class=\"wide\">",
	      f);
	r = figure_roc(f, s);
	fputs("</div>\n<h2>Delay</h2>\n<div class=\"wide\">", f);
	figure_delays(f, s);
	fputs("</div>\n", f);
	put_attacks(f, s, RUN_KIND_ATTACK, "Attacks");
	put_attacks(f, s, RUN_KIND_ADAPTIVE, "Adaptive attacks");
	put_runs(f, s);
	fputs("</body></html>\n", f);
	return r;
}

int html_report(const struct summary *s, const char *path, bool force, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int r;

	if (!f)
		return err_oom(err);
	r = put_report(f, s);
	if (fclose(f) != 0 || r < 0)
		return err_oom(err);
	return output_write(path, force, 0644, text, len, err);
}
