/* SPDX-License-Identifier: Apache-2.0 */
/* lutra eval: how a policy does on recorded runs, beside baselines. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/args.h"
#include "lib/base/progress_bar.h"
#include "trainer/eval/report/html.h"
#include "trainer/evaluate.h"
#include "trainer/report.h"

struct arguments {
	const char *policy;
	const char *report;
	bool json;
	unsigned threads;
	struct evaluate_files files;
	const char ***list; /* to which the next file belongs */
	size_t *n;
};

static const struct argp_option options[] = {
	{"policy", 'p', "DIR", 0, "Policy to evaluate", 0},
	{"normal", 'n', "FILE...", 0, "Benign runs that it was not trained on", 0},
	{"attack", 'a', "FILE...", 0, "Runs with an attack, labelled or all attack", 0},
	{"adaptive", 'A', "FILE...", 0, "Attacks made to look benign: reported apart", 0},
	{"train", 'T', "FILE...", 0, "Runs that the policy was trained on: baselines are, too", 0},
	{"report", 'r', "FILE.html", 0, "Write a report to read in a browser", 0},
	{"json", 'j', NULL, 0, "Print JSON", 0},
	{"threads", 't', "N", 0, "Threads (one a processor); the result is the same", 0},
	{0},
};

/* A file for the list at hand, argv's. */
static void add_trace_file(struct arguments *a, const char *file)
{
	(*a->list)[(*a->n)++] = file;
}

static error_t start_list(struct arguments *a, const char ***list, size_t *n, const char *file)
{
	a->list = list;
	a->n = n;
	add_trace_file(a, file);
	return 0;
}

static error_t check_arguments(const struct arguments *a, struct argp_state *state)
{
	if (!a->policy)
		return args_usage(state, "no policy: give --policy DIR");
	if (!a->files.n_normal && !a->files.n_attack && !a->files.n_adaptive)
		return args_usage(state, "no runs: give --normal FILE... and --attack FILE...");
	return 0;
}

static error_t parse_eval_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct evaluate_files *f = &a->files;
	unsigned long long n;
	error_t r;

	switch (key) {
	case 'p':
		a->policy = arg;
		return 0;
	case 'n':
		return start_list(a, &f->normal, &f->n_normal, arg);
	case 'a':
		return start_list(a, &f->attack, &f->n_attack, arg);
	case 'A':
		return start_list(a, &f->adaptive, &f->n_adaptive, arg);
	case 'T':
		return start_list(a, &f->train, &f->n_train, arg);
	case 'r':
		a->report = arg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 't':
		r = args_number(state, arg, POOL_THREADS_MAX, "--threads", &n);
		a->threads = r || n == 0 ? 1 : (unsigned)n;
		return r;
	case ARGP_KEY_ARG:
		if (!a->list)
			return args_usage(state, "%s: of what kind? put --normal before it", arg);
		add_trace_file(a, arg);
		return 0;
	case ARGP_KEY_END:
		return check_arguments(a, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse_eval_option,
	"--policy DIR [--train FILE...] --normal FILE... --attack FILE...",
	"Count false alarms on benign runs, and detection, harmful calls in time and delay on "
	"attacks, rule by rule.\vFalse alarms are episodes (gap 1 s) with the exact 95 % Poisson "
	"interval of their rate. What comes before a labelled attack counts as benign time.",
	NULL,
	NULL,
	NULL};

static void print_eval_warning(void *ctx, const char *line)
{
	bar_done(ctx);
	fprintf(stderr, "lutra eval: warning: %s\n", line);
}

static int print_summary_json(const struct summary *o, struct err *err)
{
	json_t *j = summary_to_json(o);
	int r = j ? json_dumpf(j, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : -1;

	json_decref(j);
	putchar('\n');
	return r < 0 ? err_oom(err) : 0;
}

static int run_evaluation(const struct arguments *a, struct err *err)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(bar_done) struct bar bar;
	struct progress progress = {bar_show, &bar};
	struct evaluate_options o = {.files = &a->files,
				     .progress = &progress,
				     .warn = print_eval_warning,
				     .warn_ctx = &bar,
				     .threads = a->threads,
				     .timeline = a->report != NULL};
	struct summary outcome = {.baselines = a->files.n_train > 0};
	struct evaluated_run *trials = NULL;
	int r;

	bar_init(&bar, stderr);
	r = policy_load(&policy, a->policy, err);
	if (r < 0)
		return r;
	o.policy = policy;
	r = evaluate_runs(&o, &trials, &outcome.n, err);
	bar_done(&bar);
	if (r < 0)
		return r;
	outcome.trials = trials;
	outcome.policy_image = policy->image;
	outcome.th_a = policy->th_a;
	outcome.th_b = policy->th_b;
	if (a->report)
		r = html_report(&outcome, a->report, err);
	if (r == 0 && a->json)
		r = print_summary_json(&outcome, err);
	else if (r == 0)
		summary_print(&outcome, stdout);
	evaluate_free(trials, outcome.n);
	return r;
}

int main(int argc, char **argv)
{
	size_t n = (size_t)argc;
	_cleanup_free_ const char **files = calloc(4 * n, sizeof(*files));
	struct arguments a = {.threads = pool_processors()};
	char name[] = "lutra eval";
	struct err err = {""};
	int r;

	if (!files) {
		fputs("lutra eval: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	a.files.train = files;
	a.files.normal = files + n;
	a.files.attack = files + 2 * n;
	a.files.adaptive = files + 3 * n;
	argv[0] = name;
	args_parse(&argp, argc, argv, true, &a);
	r = run_evaluation(&a, &err);
	if (r == 0 && fflush(stdout) != 0)
		r = err_set(&err, -errno, "cannot write to the standard output: %s",
			    strerror(errno));
	if (r < 0)
		fprintf(stderr, "lutra eval: %s\n", err.msg);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
