/* SPDX-License-Identifier: Apache-2.0 */
/* Draws ROC curves, delays and levels. */
#include "trainer/eval/report/figures.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "trainer/eval/report/plot.h"

/* ---- ROC ---- */

static const struct {
	unsigned detector;
	const char *class;
} curves[] = {
	{DETECTOR_T, "line k0"},
	{DETECTOR_M, "line k1"},
	{DETECTOR_N, "line k2"},
	{DETECTOR_OBJECTS, "line k3"},
	{DETECTOR_ALERT, "line k4"},
	{DETECTOR_NOVEL_CALL, "rival k0"},
	{DETECTOR_NOVEL_BIGRAM, "rival k1"},
	{DETECTOR_BOSC, "rival k2"},
	{DETECTOR_STIDE6, "rival k3"},
	{DETECTOR_WITTEN_BELL5, "rival k4"},
	{DETECTOR_M_RANDOM, "rival k5"},
	{DETECTOR_RECONSTRUCTION, "rival k6"},
};
#define N_CURVES (sizeof(curves) / sizeof(curves[0]))

/*
 * Draws a ROC curve, share of attacked tasks over share of benign tasks, to the plot's right end.
 */
static void draw_curve(const struct plot *p, const char *class, const struct summary_score *scores,
		       size_t n_scores)
{
	struct plot_line line = {.p = p, .class = class};
	double all[2] = {0}, n[2] = {0}, x = 0, y = 0;

	for (size_t i = 0; i < n_scores; i++)
		all[scores[i].attack]++;
	plot_line_to(&line, 0, 0);
	for (size_t i = 0; i < n_scores && x < p->x1; i++) {
		double before = x, share, at;

		n[scores[i].attack]++;
		if (i + 1 < n_scores && scores[i].score == scores[i + 1].score)
			continue;
		x = all[0] > 0 ? n[0] / all[0] : 0;
		at = all[1] > 0 ? n[1] / all[1] : 0;
		share = x > p->x1 ? (p->x1 - before) / (x - before) : 1;
		y += (at - y) * share;
		plot_line_to(&line, fmin(x, p->x1), y);
	}
	plot_line_end(&line);
}

static void draw_roc_legend(FILE *f, size_t i, unsigned detector, double auc)
{
	double y = 44 + 21. * (double)i;

	fprintf(f, "<path class=\"%s\" d=\"M722 %.0fH752\"/>\n", curves[i].class, y - 4);
	plot_text(f, 760, y, "", "%s", detector_name(detector));
	plot_text(f, 905, y, "end", isfinite(auc) ? "%.3f" : "–", auc);
}

int figure_roc(FILE *f, const struct summary *s)
{
	const struct plot whole = {f, 58, 26, 270, 270, 0, 1, 0, 1},
			  few = {f, 410, 26, 270, 270, 0, .05, 0, 1};

	plot_begin(f, 920, 345,
		   "ROC curves: share of attacked tasks over share of benign tasks that alarm");
	plot_axes(&whole, true, "share of benign tasks", "share of attacked tasks");
	plot_axes(&few, true, "the first 5 % of benign tasks", "share of attacked tasks");
	plot_text(f, 722, 24, "big", "rule");
	plot_text(f, 905, 24, "end", "area");
	for (size_t i = N_CURVES; i-- > 0;) {
		_cleanup_free_ struct summary_score *scores = NULL;
		size_t n;

		if (curves[i].detector >= summary_n_detectors(s))
			continue;
		if (summary_scores(s, curves[i].detector, false, &scores, &n) < 0)
			return -ENOMEM;
		draw_curve(&whole, curves[i].class, scores, n);
		draw_curve(&few, curves[i].class, scores, n);
		draw_roc_legend(f, i, curves[i].detector,
				s->detector[curves[i].detector].auc_by_task);
	}
	plot_end(f);
	return 0;
}

/* ---- delays ---- */

static const char *const bins[] = {"< 10 µs",  "< 100 µs", "< 1 ms", "< 10 ms",
				   "< 100 ms", "< 1 s",	   "longer", "never"};
enum { N_BINS = sizeof(bins) / sizeof(bins[0]) };

static const struct {
	unsigned detector;
	const char *class;
} delayed[] = {{DETECTOR_T, "fill k0"},
	       {DETECTOR_M, "fill k1"},
	       {DETECTOR_N, "fill k2"},
	       {DETECTOR_DENY, "fill k5"},
	       {DETECTOR_ALERT, "fill k4"}};
enum { N_DELAYED = sizeof(delayed) / sizeof(delayed[0]) };

static size_t delay_bin(const struct evaluated_run *run, unsigned detector)
{
	const struct detector_result *x = &run->results.detector[detector];
	double ms = evaluated_run_delay_ms(run, detector), bin;

	if (!x->detected)
		return N_BINS - 1;
	bin = ms <= 0 ? 0 : floor(log10(ms)) + 3;
	return bin < 0 ? 0 : bin > N_BINS - 2 ? N_BINS - 2 : (size_t)bin;
}

/* Counts the attacks by detector and delay. Returns the highest count, at least 1. */
static unsigned count_delays(const struct summary *s, unsigned ret[N_BINS][N_DELAYED])
{
	unsigned max = 1;

	memset(ret, 0, sizeof(unsigned[N_BINS][N_DELAYED]));
	for (size_t i = 0; i < s->n; i++) {
		const struct evaluated_run *run = &s->runs[i];

		for (size_t k = 0; k < N_DELAYED && run->labels.kind == RUN_KIND_ATTACK; k++) {
			unsigned n = ++ret[delay_bin(run, delayed[k].detector)][k];

			max = n > max ? n : max;
		}
	}
	return max;
}

void figure_delays(FILE *f, const struct summary *s)
{
	struct plot p = {f, 58, 46, 840, 200, 0, N_BINS, 0, 1};
	unsigned count[N_BINS][N_DELAYED];
	const double bars = N_BINS * (N_DELAYED + 1), bar = p.width / bars;

	p.y1 = count_delays(s, count);
	plot_begin(f, 920, 295, "Attacks by the time from the onset to the first alarm");
	plot_axes(&p, false, "from the onset to the first alarm", "attack runs");
	for (size_t k = 0; k < N_DELAYED; k++) {
		double x = p.left + 70 * (double)k;

		fprintf(f,
			"<rect class=\"%s\" x=\"%.1f\" y=\"12\" width=\"12\" "
			"height=\"12\"/>\n",
			delayed[k].class, x);
		plot_text(f, x + 17, 22, "", "%s", detector_name(delayed[k].detector));
	}
	for (size_t i = 0; i < N_BINS; i++) {
		plot_text(f, plot_x(&p, (double)i + .5), p.top + p.height + 16, "mid", "%s",
			  bins[i]);
		for (size_t k = 0; k < N_DELAYED; k++) {
			double x = plot_x(&p, (double)i) + bar * ((double)k + .5);
			double y = plot_y(&p, count[i][k]);

			if (!count[i][k])
				continue;
			fprintf(f,
				"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
				"height=\"%.1f\"/>\n",
				delayed[k].class, x, y, bar - 2, p.top + p.height - y);
			plot_text(f, x + bar / 2 - 1, y - 4, "mid", "%u", count[i][k]);
		}
	}
	plot_end(f);
}

/* ---- levels ---- */

/* Returns level / threshold. A threshold of 0 is drawn like one of 1 unit. */
static double threshold_share(float level, int32_t threshold)
{
	return (double)level / (threshold > 0 ? threshold : 1);
}

size_t figure_events(const struct evaluated_run *run, size_t max, size_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < run->results.n_points && n < max; i++)
		if (run->results.points[i].text[0])
			ret[n++] = i;
	return n;
}

/* Orders points by task, then by time. */
static int compare_points(const void *a, const void *b)
{
	const struct timeline_point *const *x = a, *const *y = b;

	if ((*x)->tid != (*y)->tid)
		return (*x)->tid < (*y)->tid ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* Draws the level, a line for each task. */
static void draw_level_lines(const struct plot *p, const struct run_results *r, int32_t threshold)
{
	_cleanup_free_ const struct timeline_point **by_task =
		calloc(r->n_points + 1, sizeof(void *));
	struct plot_line line = {.p = p, .class = "line k1", .steps = true};

	if (!by_task)
		return;
	for (size_t i = 0; i < r->n_points; i++)
		by_task[i] = &r->points[i];
	qsort(by_task, r->n_points, sizeof(void *), compare_points);
	for (size_t i = 0; i < r->n_points; i++) {
		const struct timeline_point *at = by_task[i];

		if (i > 0 && at->tid != by_task[i - 1]->tid)
			plot_line_end(&line);
		plot_line_to(&line, at->ms, threshold_share(at->level, threshold));
	}
	plot_line_end(&line);
}

/* Draws the events as dots, with numbers unless they would overlap. */
static void draw_events(const struct plot *p, const struct summary *s,
			const struct evaluated_run *run)
{
	size_t event[FIGURE_EVENTS], n = figure_events(run, FIGURE_EVENTS, event);
	double last = -1e9;

	for (size_t i = 0; i < n; i++) {
		const struct timeline_point *at = &run->results.points[event[i]];
		double level = threshold_share(at->level, s->threshold);
		double x = plot_x(p, at->ms), y = plot_y(p, level);
		bool alert = at->fired & 1u << DETECTOR_ALERT;

		fprintf(p->f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"%s\"><title>", x,
			y, alert ? "dot bad" : "dot");
		fprintf(p->f, "%zu. %.3f ms: ", i + 1, at->ms);
		plot_escape(p->f, "", at->text, "</title></circle>\n");
		if (x - last < 14)
			continue;
		last = x;
		plot_text(p->f, x, y - 7, "mid", "%zu", i + 1);
	}
}

static void draw_level_legend(FILE *f, double y)
{
	static const struct {
		const char *class, *name;
	} entries[] = {{"line k1", "M"}, {"threshold", "threshold"}, {"harm", "harmful call"}};
	double x = 54;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		fprintf(f, "<path class=\"%s\" d=\"M%.0f %.0fh22\"/>\n", entries[i].class, x,
			y - 4);
		plot_text(f, x + 27, y, "", "%s", entries[i].name);
		x += 48 + 7.5 * (double)strlen(entries[i].name);
	}
	fprintf(f, "<circle cx=\"%.0f\" cy=\"%.0f\" r=\"3.5\" class=\"dot bad\"/>\n", x + 8, y - 4);
	plot_text(f, x + 17, y, "", "alert");
	fprintf(f, "<circle cx=\"%.0f\" cy=\"%.0f\" r=\"3.5\" class=\"dot\"/>\n", x + 70, y - 4);
	plot_text(f, x + 79, y, "", "new");
}

void figure_levels(FILE *f, const struct summary *s, const struct evaluated_run *run)
{
	struct plot p = {f, 54, 22, 520, 190, 0, 1, 0, 1.15};
	char label[128];

	for (size_t i = 0; i < run->results.n_points; i++) {
		p.x0 = fmin(p.x0, run->results.points[i].ms);
		p.x1 = fmax(p.x1, run->results.points[i].ms);
		p.y1 = fmax(p.y1,
			    1.1 * threshold_share(run->results.points[i].level, s->threshold));
	}
	p.x1 += (p.x1 - p.x0) * .02;
	snprintf(label, sizeof(label), "Level over time around %.80s", run->file);
	plot_begin(f, 590, 280, label);
	plot_axes(&p, true, "ms since the onset", "level / threshold");
	plot_mark(&p, 0, "onset", "onset");
	for (size_t i = 0; i < run->labels.n_harm; i++) {
		double ms = ((double)run->labels.harm[i].ns - (double)run->labels.onset_ns) / 1e6;

		if (ms >= p.x0 && ms <= p.x1)
			plot_mark(&p, ms, "harm", "");
	}
	fprintf(f, "<path class=\"threshold\" d=\"M%.1f %.1fh%.1f\"/>\n", p.left, plot_y(&p, 1),
		p.width);
	draw_level_lines(&p, &run->results, s->threshold);
	draw_events(&p, s, run);
	draw_level_legend(f, 273);
	plot_end(f);
}
