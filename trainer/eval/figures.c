/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One script for gnuplot, in a directory of its own, with all data in it; one SVG a figure. Nothing
 * that a trace names goes into the script: only numbers and names of rules.
 */
#include "trainer/eval/figures.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/file.h"

#define SVG_MAX (8u << 20)
#define CURVE_POINTS 400 /* along an axis */
#define DELAY_BINS 7

extern char **environ;

struct drawing {
	const struct outcome *o;
	FILE *script;
	char dir[64];
};

void figures_done(struct figures *f)
{
	for (size_t i = 0; f->svg && i < f->n; i++)
		free(f->svg[i]);
	free(f->svg);
	memset(f, 0, sizeof(*f));
}

static void drawing_done(struct drawing *d)
{
	char path[96];

	if (d->script)
		fclose(d->script);
	if (!d->dir[0])
		return;
	for (size_t i = 0; i < d->o->n + FIGURE_TRIALS; i++) {
		snprintf(path, sizeof(path), "%s/%zu.svg", d->dir, i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/plot", d->dir);
	unlink(path);
	rmdir(d->dir);
}

static void start_figure(const struct drawing *d, size_t i, int width, int height)
{
	fprintf(d->script,
		"reset\nset terminal svg size %d,%d dynamic noenhanced font 'sans-serif,12' "
		"background '#ffffff'\nset output '%s/%zu.svg'\nset grid lc rgb '#dddddd'\n",
		width, height, d->dir, i);
}

/* ---- ROC ---- */

/* One curve as a data block: share of benign tasks, share of attacked tasks. */
static int put_curve(const struct drawing *d, unsigned rule)
{
	_cleanup_free_ struct outcome_score *scores = NULL;
	double all[2] = {0}, n[2] = {0}, x = 0, y = 0;
	size_t n_scores;
	int r = outcome_scores(d->o, rule, false, &scores, &n_scores);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n_scores; i++)
		all[scores[i].attack]++;
	fprintf(d->script, "$roc%u << EOD\n0 0\n", rule);
	for (size_t i = 0; i < n_scores; i++) {
		n[scores[i].attack]++;
		if (i + 1 < n_scores &&
		    (scores[i].score == scores[i + 1].score ||
		     (n[0] - x < all[0] / CURVE_POINTS && n[1] - y < all[1] / CURVE_POINTS)))
			continue;
		x = n[0];
		y = n[1];
		fprintf(d->script, "%.6f %.6f\n", all[0] > 0 ? x / all[0] : 0,
			all[1] > 0 ? y / all[1] : 0);
	}
	fputs("EOD\n", d->script);
	return 0;
}

static int put_roc(const struct drawing *d)
{
	static const unsigned rules[] = {RULE_T,
					 RULE_A,
					 RULE_B,
					 RULE_OBJECTS,
					 RULE_ALERT,
					 RULE_NOVEL_CALL,
					 RULE_NOVEL_BIGRAM,
					 RULE_BOSC,
					 RULE_STIDE6,
					 RULE_WITTEN_BELL5,
					 RULE_RANDOM_CODES,
					 RULE_RECONSTRUCTION};
	const char *sep = "plot ";

	start_figure(d, FIGURE_ROC, 640, 480);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		int r = rules[i] < outcome_rules(d->o) ? put_curve(d, rules[i]) : 0;

		if (r < 0)
			return r;
	}
	fputs("set xlabel 'benign tasks alarmed'\nset ylabel 'attacked tasks alarmed'\n"
	      "set xrange [0:1]\nset yrange [0:1]\nset key right bottom\n",
	      d->script);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i] >= outcome_rules(d->o))
			continue;
		fprintf(d->script, "%s$roc%u with lines lw %d dt %d title '%s'", sep, rules[i],
			rules[i] < RULE_POLICY ? 2 : 1, rules[i] < RULE_POLICY ? 1 : 3,
			rule_name(rules[i]));
		sep = ", ";
	}
	fputs("\n", d->script);
	return 0;
}

/* ---- delays ---- */

static size_t bin_of(double ms)
{
	double bin = ms <= 0 ? 0 : floor(log10(ms)) + 3;

	return bin < 0 ? 0 : bin >= DELAY_BINS ? DELAY_BINS - 1 : (size_t)bin;
}

static void put_delays(const struct drawing *d)
{
	static const unsigned rules[] = {RULE_T, RULE_A, RULE_DENY, RULE_ALERT};
	static const char *const labels[DELAY_BINS] = {"< 10 µs",  "< 100 µs", "< 1 ms", "< 10 ms",
						       "< 100 ms", "< 1 s",    "longer"};
	unsigned count[DELAY_BINS][4] = {{0}};

	for (size_t i = 0; i < d->o->n; i++) {
		const struct trial *t = &d->o->trials[i];

		for (size_t k = 0; k < 4 && t->kind == TRIAL_ATTACK; k++) {
			const struct trial_rule *x = &t->rule[rules[k]];

			if (x->detected)
				count[bin_of((double)(x->first_ns - t->onset_ns) / 1e6)][k]++;
		}
	}
	start_figure(d, FIGURE_DELAYS, 640, 300);
	fputs("$delays << EOD\n", d->script);
	for (size_t i = 0; i < DELAY_BINS; i++)
		fprintf(d->script, "\"%s\" %u %u %u %u\n", labels[i], count[i][0], count[i][1],
			count[i][2], count[i][3]);
	fputs("EOD\nset style data histogram\nset style fill solid .7 border\n"
	      "set xlabel 'from the onset to the first alarm'\nset ylabel 'attack runs'\n"
	      "set yrange [0:*]\nplot",
	      d->script);
	for (size_t k = 0; k < 4; k++)
		fprintf(d->script, "%s $delays using %zu:xtic(1) title '%s'", k ? "," : "", k + 2,
			rule_name(rules[k]));
	fputs("\n", d->script);
}

/* ---- levels ---- */

/* Levels as shares of their thresholds, and a mark where an alert fired. */
static void put_levels(const struct drawing *d, size_t i)
{
	const struct trial *t = &d->o->trials[i];
	double th_a = d->o->th_a, th_b = d->o->th_b;

	start_figure(d, FIGURE_TRIALS + i, 640, 260);
	fputs("$levels << EOD\n", d->script);
	for (size_t k = 0; k < t->n_points; k++) {
		const struct trial_point *p = &t->points[k];

		fprintf(d->script, "%.6f %.5f %.5f %s\n", p->ms, p->a / th_a, p->b / th_b,
			p->fired & 1u << RULE_ALERT ? "0" : "NaN");
	}
	fputs("EOD\n$harm << EOD\n-1e9 0\n", d->script);
	for (size_t k = 0; k < t->n_harm; k++)
		fprintf(d->script, "%.6f 0\n", ((double)t->harm[k].ns - (double)t->onset_ns) / 1e6);
	fprintf(d->script,
		"EOD\nset xlabel 'ms since the onset'\nset ylabel 'level / threshold'\n"
		"set xrange [0:%.6f]\nset yrange [0:*]\nset key outside right\n"
		"plot $levels using 1:2 with steps lw 2 title 'A', "
		"$levels using 1:3 with steps lw 2 title 'B', 1 with lines dt 2 lc rgb '#888888' "
		"title 'threshold', $levels using 1:4 with points pt 7 ps .5 lc rgb '#c00000' "
		"title 'alert', $harm using 1:2:(0):(1) with vectors nohead dt 3 lc rgb '#c00000' "
		"title 'harmful call'\n",
		fmax(t->points[t->n_points - 1].ms, 1));
}

/* ---- running ---- */

static int run_gnuplot(const struct drawing *d, struct err *err)
{
	char path[96], program[] = "gnuplot", *argv[] = {program, path, NULL};
	posix_spawn_file_actions_t actions;
	int status = 0, r;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/plot", d->dir);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	r = posix_spawnp(&pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		return err_set(err, -r,
			       "cannot run gnuplot, which draws the report: %s; install it",
			       strerror(r));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		return err_set(err, -EIO, "gnuplot failed with status %d",
			       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

static int read_figures(const struct drawing *d, struct figures *ret, struct err *err)
{
	for (size_t i = 0; i < ret->n; i++) {
		char path[96];
		size_t len;
		int r;

		if (i >= FIGURE_TRIALS && !d->o->trials[i - FIGURE_TRIALS].n_points)
			continue;
		snprintf(path, sizeof(path), "%s/%zu.svg", d->dir, i);
		r = file_read(AT_FDCWD, path, SVG_MAX, &ret->svg[i], &len, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_script(struct drawing *d, struct err *err)
{
	char path[96];
	const char *tmp = getenv("TMPDIR");
	int r;

	snprintf(d->dir, sizeof(d->dir), "%s/lutra-eval-XXXXXX",
		 tmp && strlen(tmp) < 32 && !strchr(tmp, '\'') ? tmp : "/tmp");
	if (!mkdtemp(d->dir)) {
		d->dir[0] = '\0';
		return err_set(err, -errno, "cannot make a temporary directory: %s",
			       strerror(errno));
	}
	snprintf(path, sizeof(path), "%s/plot", d->dir);
	d->script = fopen(path, "we");
	if (!d->script)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	r = put_roc(d);
	if (r < 0)
		return err_set(err, r, "out of memory");
	put_delays(d);
	for (size_t i = 0; i < d->o->n; i++)
		if (d->o->trials[i].n_points)
			put_levels(d, i);
	if (ferror(d->script) || fflush(d->script) != 0)
		return err_set(err, -EIO, "%s: cannot be written: %s", path, strerror(errno));
	return 0;
}

int figures_draw(const struct outcome *o, struct figures *ret, struct err *err)
{
	_cleanup_(drawing_done) struct drawing d = {.o = o};
	int r;

	ret->n = o->n + FIGURE_TRIALS;
	ret->svg = calloc(ret->n, sizeof(*ret->svg));
	if (!ret->svg)
		return err_set(err, -ENOMEM, "out of memory");
	r = put_script(&d, err);
	if (r == 0)
		r = run_gnuplot(&d, err);
	return r < 0 ? r : read_figures(&d, ret, err);
}
