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
	uint64_t threads;
	struct evaluate_files files;
	struct file_list *list; /* to which the next file belongs */
};

static error_t add_file(struct argp_state *state, const char *file, void *args)
{
	struct arguments *a = args;

	if (!a->list)
		return args_usage(state, "%s: of what kind? put --normal before it", file);
	a->list->file[a->list->n++] = file;
	return 0;
}

/* Begins a list with the option's file; the arguments that follow are more of its files. */
static error_t start_list(struct argp_state *state, const char *file, void *list)
{
	struct arguments *a = args_struct(state);

	a->list = list;
	return add_file(state, file, a);
}

static error_t check_arguments(struct argp_state *state, void *args)
{
	const struct arguments *a = args;

	if (!a->policy)
		return args_usage(state, "no policy: give --policy DIR");
	if (!a->files.normal.n && !a->files.attack.n && !a->files.adaptive.n)
		return args_usage(state, "no runs: give --normal FILE... and --attack FILE...");
	return 0;
}

#define A struct arguments

static const struct args_option options[] = {
	ARGS_STRING("policy", 'p', "DIR", "Policy to evaluate", A, policy),
	ARGS_CALL("normal", 'n', "FILE...", "Benign runs that the policy was not trained on",
		  start_list, A, files.normal),
	ARGS_CALL("attack", 'a', "FILE...", "Runs with an attack, labelled or all attack",
		  start_list, A, files.attack),
	ARGS_CALL("adaptive", 'A', "FILE...", "Attacks made to look benign: reported apart",
		  start_list, A, files.adaptive),
	ARGS_CALL("train", 'T', "FILE...", "Runs that the policy and the baselines are trained on",
		  start_list, A, files.train),
	ARGS_STRING("report", 'r', "FILE.html", "Write a report to read in a browser", A, report),
	ARGS_FLAG("json", 'j', "Print JSON", A, json),
	ARGS_NUMBER("threads", 't', "N", "Threads (one a processor); the result is the same", 1,
		    POOL_THREADS_MAX, A, threads),
	{},
};

static const struct args_command command = {
	.options = options,
	.usage = "--policy DIR [--train FILE...] --normal FILE... --attack FILE...",
	.doc = "Count false alarms on benign runs, and detection, harmful calls in time and delay "
	       "on attacks, rule by rule.\vFalse alarms are episodes (gap 1 s) with the exact 95 % "
	       "Poisson interval of their rate. What comes before a labelled attack counts as "
	       "benign time.",
	.in_order = true,
	.on_arg = add_file,
	.check = check_arguments,
};

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
				     .threads = (unsigned)a->threads,
				     .timeline = a->report != NULL};
	struct summary outcome = {.baselines = a->files.train.n > 0};
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
	outcome.threshold_a = policy->threshold_a;
	outcome.threshold_b = policy->threshold_b;
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
	a.files.train.file = files;
	a.files.normal.file = files + n;
	a.files.attack.file = files + 2 * n;
	a.files.adaptive.file = files + 3 * n;
	argv[0] = name;
	args_read(&command, argc, argv, &a);
	r = run_evaluation(&a, &err);
	if (r == 0 && fflush(stdout) != 0)
		r = err_set(&err, -errno, "cannot write to the standard output: %s",
			    strerror(errno));
	if (r < 0)
		fprintf(stderr, "lutra eval: %s\n", err.msg);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
