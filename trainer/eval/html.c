/* SPDX-License-Identifier: Apache-2.0 */
/* The report. What traces name is escaped; there are no scripts in it, and nothing is loaded. */
#include "trainer/eval/html.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "trainer/eval/figures.h"

#define NAMED_MAX 20 /* unusual events listed beside a figure */

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'; img-src data:\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n"
	"body{font:15px/1.5 system-ui,sans-serif;max-width:72em;margin:1em auto;padding:0 1em;"
	"color:#222;background:#fff}\n"
	"table{border-collapse:collapse;display:block;overflow-x:auto}\n"
	"th,td{padding:.15em .6em;border-bottom:1px solid #ddd;text-align:right}\n"
	"th:first-child,td:first-child{text-align:left}\n"
	"section{border-top:1px solid #ddd}svg{max-width:100%;height:auto}\n"
	"ol{font-family:monospace;font-size:13px}\n</style>\n";

static void put_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			putc(*s, f);
		}
	}
}

static void put_number(FILE *f, int decimals, double x)
{
	if (isfinite(x))
		fprintf(f, "<td>%.*f</td>", decimals, x);
	else
		fputs("<td>–</td>", f);
}

static void put_rule(FILE *f, const struct outcome *o, unsigned rule)
{
	struct false_alarms fa;
	struct detection d;

	outcome_false_alarms(o, rule, &fa);
	if (outcome_detection(o, rule, TRIAL_ATTACK, &d) < 0)
		return;
	fprintf(f, "<tr><td>%s</td><td>%u</td>", rule_name(rule), fa.episodes);
	put_number(f, 2, fa.per_hour);
	fprintf(f, "<td>%.2g – %.3g</td><td>%u / %u</td>", fa.per_hour_95[0], fa.per_hour_95[1],
		d.detected, d.runs);
	put_number(f, 3, d.harm ? (double)d.in_time / (double)d.harm : NAN);
	put_number(f, 1, d.ms_mean);
	put_number(f, 1, d.ms_median);
	put_number(f, 1, d.ms_p95);
	put_number(f, 0, d.calls_mean);
	put_number(f, 0, d.calls_median);
	put_number(f, 0, d.calls_p95);
	fputs("</tr>\n", f);
}

static void put_rules(FILE *f, const struct outcome *o)
{
	fputs("<h2>Rules</h2>\n<table><tr><th>rule</th><th>false alarms</th><th>an hour</th>"
	      "<th>95 % interval</th><th>detected</th><th>harm in time</th><th>ms mean</th>"
	      "<th>median</th><th>p95</th><th>calls mean</th><th>median</th><th>p95</th></tr>\n",
	      f);
	for (unsigned i = 0; i < outcome_rules(o); i++)
		put_rule(f, o, i);
	fputs("</table>\n<p>False alarms are episodes: alarms less than a second apart are one. "
	      "The "
	      "interval is exact for a Poisson rate. Harm in time: labelled harmful calls at or "
	      "after the first alarm. ms and calls: from the onset to the first alarm.</p>\n",
	      f);
}

/* gnuplot's file without what only a file needs. */
static void put_svg(FILE *f, const char *svg)
{
	const char *start = svg ? strstr(svg, "<svg") : NULL;

	if (start)
		fputs(start, f);
}

static void put_attack(FILE *f, const struct trial *t, const char *svg)
{
	size_t n = 0;

	fputs("<section><h3>", f);
	put_text(f, t->file);
	fputs("</h3>\n", f);
	put_svg(f, svg);
	fputs("<p>First alarm after:", f);
	for (unsigned i = 0; i < RULE_POLICY; i++)
		if (t->rule[i].detected)
			fprintf(f, " %s %.3f ms, %llu calls;", rule_name(i),
				(double)(t->rule[i].first_ns - t->onset_ns) / 1e6,
				(unsigned long long)t->rule[i].first_calls);
	fputs("</p>\n<ol>\n", f);
	for (size_t i = 0; i < t->n_points && n < NAMED_MAX; i++) {
		const struct trial_point *p = &t->points[i];

		if (!p->fired)
			continue;
		n++;
		fprintf(f, "<li>%.3f ms: ", p->ms);
		put_text(f, p->text);
		for (unsigned k = 0; k < RULE_POLICY; k++)
			if (p->fired & 1u << k)
				fprintf(f, " %s", rule_name(k));
		fputs("</li>\n", f);
	}
	fputs("</ol></section>\n", f);
}

static void put_runs(FILE *f, const struct outcome *o)
{
	static const char *const kinds[] = {"normal", "attack", "adaptive"};

	fputs("<h2>Runs</h2>\n<table><tr><th>run</th><th>kind</th><th>benign min</th>"
	      "<th>benign calls</th>",
	      f);
	for (unsigned i = 0; i < outcome_rules(o); i++)
		fprintf(f, "<th>%s</th>", rule_name(i));
	fputs("</tr>\n", f);
	for (size_t i = 0; i < o->n; i++) {
		const struct trial *t = &o->trials[i];

		fputs("<tr><td>", f);
		put_text(f, t->file);
		fprintf(f, "</td><td>%s</td><td>%.1f</td><td>%llu</td>", kinds[t->kind],
			t->benign_hours * 60, (unsigned long long)t->benign_calls);
		for (unsigned k = 0; k < outcome_rules(o); k++)
			fprintf(f, "<td>%u%s</td>", t->rule[k].false_alarms,
				t->rule[k].detected ? " ✓" : "");
		fputs("</tr>\n", f);
	}
	fputs("</table>\n<p>False alarms in benign time; ✓: the attack was detected.</p>\n", f);
}

static void put_report(FILE *f, const struct outcome *o, const struct figures *figures)
{
	bool adaptive = false;

	fputs(head, f);
	fputs("<title>lutra eval: ", f);
	put_text(f, o->policy_image);
	fputs("</title></head><body>\n<h1>", f);
	put_text(f, o->policy_image);
	fputs(": false alarms and detection</h1>\n", f);
	put_rules(f, o);
	fputs("<h2>ROC</h2>\n<p>By task: its highest level, or how often the rule fired.</p>\n", f);
	put_svg(f, figures->svg[FIGURE_ROC]);
	fputs("<h2>Delay</h2>\n", f);
	put_svg(f, figures->svg[FIGURE_DELAYS]);
	fputs("<h2>Attacks</h2>\n", f);
	for (size_t i = 0; i < o->n; i++) {
		if (o->trials[i].kind == TRIAL_NORMAL)
			continue;
		if (o->trials[i].kind == TRIAL_ADAPTIVE && !adaptive)
			fputs("<h2>Adaptive attacks</h2>\n", f);
		adaptive |= o->trials[i].kind == TRIAL_ADAPTIVE;
		put_attack(f, &o->trials[i], figures->svg[FIGURE_TRIALS + i]);
	}
	put_runs(f, o);
	fputs("</body></html>\n", f);
}

int html_report(const struct outcome *o, const char *path, struct err *err)
{
	_cleanup_(figures_done) struct figures figures = {0};
	_cleanup_fclose_ FILE *f = NULL;
	char part[4096];
	int r;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return err_set(err, -ENAMETOOLONG, "%s: name too long", path);
	r = figures_draw(o, &figures, err);
	if (r < 0)
		return r;
	f = fopen(part, "we");
	if (!f)
		return err_set(err, -errno, "%s: %s", part, strerror(errno));
	put_report(f, o, &figures);
	if (ferror(f) || fclose(TAKE_PTR(f)) != 0 || rename(part, path) < 0) {
		r = err_set(err, -errno, "%s: cannot be written: %s", path, strerror(errno));
		unlink(part);
	}
	return r;
}
