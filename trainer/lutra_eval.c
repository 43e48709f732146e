/* SPDX-License-Identifier: Apache-2.0 */
/* lutra eval: evaluates a policy on recorded runs, beside baselines. */
#include <stdlib.h>

#include "lib/base/command/args.h"
#include "trainer/eval/report/html.h"
#include "trainer/evaluate.h"
#include "trainer/model/compute/pool.h"
#include "trainer/report.h"
#include "version.h"

struct eval_arguments {
	const char *policy;
	const char *report;
	bool json, force;
	uint64_t threads;
	uint64_t seed;
	struct evaluate_files files;
	struct file_list adapt; /* runs of --adapt, of both kinds */
	struct file_list *list; /* the list that the next file belongs to, or NULL */
};

static error_t add_trace_file(struct argp_state *state, const char *file, void *args)
{
	struct eval_arguments *a = args;

	if (!a->list)
		return args_usage(
			state, "%s: put --normal, --attack, --adaptive, --train or --adapt first",
			file);
	a->list->file[a->list->n++] = file;
	return 0;
}

/* Begins a list with the option's file; the arguments that follow belong to it too. */
static error_t start_list(struct argp_state *state, const char *file, void *list)
{
	struct eval_arguments *a = args_struct(state);

	a->list = list;
	return add_trace_file(state, file, a);
}

/* Sets the policy; the arguments that follow are the runs of --adapt. */
static error_t start_adapt(struct argp_state *state, const char *policy, void *list)
{
	struct eval_arguments *a = args_struct(state);

	if (a->policy && strcmp(a->policy, policy) != 0)
		return args_usage(state, "--adapt %s is another policy than --policy %s", policy,
				  a->policy);
	a->policy = policy;
	a->list = list;
	return 0;
}

static error_t check_eval_arguments(struct argp_state *state, void *args)
{
	const struct eval_arguments *a = args;
	const struct file_list *from = a->files.judged;
	bool has_runs =
		from[RUN_KIND_NORMAL].n || from[RUN_KIND_ATTACK].n || from[RUN_KIND_ADAPTIVE].n;

	if (!a->policy)
		return args_usage(state, "no policy: give --policy DIR");
	if (!has_runs && !a->adapt.n)
		return args_usage(state, "no runs: give --normal FILE... and --attack FILE..., or "
					 "--adapt DIR FILE...");
	if (a->report && !has_runs)
		return args_usage(state, "--report shows runs: give --normal or --attack too");
	return 0;
}

/* A letter means the same in all commands of lutra, so these have none. */
enum { OPT_NORMAL = 256, OPT_ATTACK, OPT_REPORT };

#define A struct eval_arguments /* whose members the options set */

static const struct args_option eval_options[] = {
	ARGS_STRING("policy", 'p', "DIR", "Policy to evaluate", A, policy),
	ARGS_CALL("normal", OPT_NORMAL, "FILE...", "Benign runs that the policy was not trained on",
		  start_list, A, files.judged[RUN_KIND_NORMAL]),
	ARGS_CALL("attack", OPT_ATTACK, "FILE...",
		  "Runs with a labelled attack, or attacks from begin to end", start_list, A,
		  files.judged[RUN_KIND_ATTACK]),
	ARGS_CALL("adaptive", 'A', "FILE...", "Attacks made to look benign; counted apart",
		  start_list, A, files.judged[RUN_KIND_ADAPTIVE]),
	ARGS_CALL("train", 'T', "FILE...",
		  "Runs that the policy was trained on, to train baselines on", start_list, A,
		  files.train),
	ARGS_CALL("adapt", 'D', "DIR FILE...",
		  "Make adaptive attacks of the runs that DIR was trained on", start_adapt, A,
		  adapt),
	ARGS_NUMBER("seed", 's', "N", "Seed of the attacks of --adapt (1)", 0, INT64_MAX, A, seed),
	ARGS_STRING("report", OPT_REPORT, "FILE.html", "Write a report to read in a browser", A,
		    report),
	ARGS_FLAG("force", 'f', "Replace a report that exists", A, force),
	ARGS_FLAG("json", 'j', "Print JSON", A, json),
	ARGS_NUMBER("threads", 't', "N",
		    "Threads to use; the result is the same (one for each processor)", 1,
		    POOL_THREADS_MAX, A, threads),
	{},
};

static const struct args_command eval_command = {
	.options = eval_options,
	.version = LUTRA_VERSION,
	.usage = "--policy DIR [--train FILE...] --normal FILE... --attack FILE...\n"
		 "--adapt DIR FILE...",
	.doc = "Count the false alarms of a policy on benign runs, and its detection on attacks.\v"
	       "False alarms are episodes: alarms less than 1 s apart are one. Their rate has the "
	       "exact 95 % Poisson interval. The time before a labelled attack is benign time.",
	.in_order = true,
	.on_arg = add_trace_file,
	.check = check_eval_arguments,
};

static void print_eval_warning(void *ctx, const char *line)
{
	progress_bar_done(ctx);
	fprintf(stderr, "lutra eval: warning: %s\n", line);
}

static int print_summary_json(const struct summary *s, const struct splice_summary *splices,
			      struct err *err)
{
	json_t *j = summary_to_json(s);
	int r;

	if (j && splices->n)
		json_object_set_new(j, "adapt", splice_summary_to_json(splices));
	r = j ? json_dumpf(j, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : -1;

	json_decref(j);
	putchar('\n');
	return r < 0 ? err_oom(err) : 0;
}

static void print_summaries(const struct eval_arguments *a, const struct summary *s,
			    const struct splice_summary *splices)
{
	if (s->n || !a->adapt.n)
		summary_print(s, stdout);
	if (splices->n)
		splice_summary_print(splices, stdout);
}

/*
 * Sorts the runs of --adapt: those that the policy was trained on are what the attacker knows, and
 * baselines are trained on them too.
 */
static int sort_adapt_runs(struct eval_arguments *a, const struct policy *policy, struct err *err)
{
	bool have_train = a->files.train.n > 0;

	for (size_t i = 0; i < a->adapt.n; i++) {
		const char *file = a->adapt.file[i];
		struct file_list *to = &a->files.starts;
		char sha256[65];
		int r = corpus_hash_file(file, sha256, err);

		if (r < 0)
			return r;
		for (size_t k = 0; k < policy->n_runs; k++)
			if (strcmp(policy->runs[k].sha256, sha256) == 0)
				to = &a->files.train;
		if (to == &a->files.starts || !have_train)
			to->file[to->n++] = file;
	}
	if (a->adapt.n && !a->files.train.n)
		return err_set(
			err, -EINVAL,
			"--adapt has none of the runs that the policy was trained on: give them "
			"too");
	if (a->adapt.n && !a->files.starts.n)
		return err_set(
			err, -EINVAL,
			"--adapt has only runs that the policy was trained on: give others too, "
			"in which attacks start");
	return 0;
}

static int run_evaluation(struct eval_arguments *a, struct err *err)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(progress_bar_done) struct progress_bar bar;
	struct progress progress = {progress_bar_show, &bar};
	struct evaluate_options o = {.files = &a->files,
				     .progress = &progress,
				     .warn = print_eval_warning,
				     .warn_ctx = &bar,
				     .threads = (unsigned)a->threads,
				     .timeline = a->report != NULL,
				     .adapt_seed = a->seed};
	_cleanup_free_ struct adapt_results *adapt = calloc(1, sizeof(*adapt));
	struct summary summary = {0};
	struct evaluated_run *runs = NULL;
	int r;

	progress_bar_init(&bar, stderr);
	if (!adapt)
		return err_oom(err);
	r = policy_load(&policy, a->policy, err);
	if (r == 0)
		r = sort_adapt_runs(a, policy, err);
	if (r < 0)
		return r;
	o.policy = policy;
	o.adapt = adapt;
	r = evaluate_runs(&o, &runs, &summary.n, err);
	progress_bar_done(&bar);
	if (r < 0)
		return r;
	summary.runs = runs;
	summary.baselines = a->files.train.n > 0;
	summary.policy_image = policy->image;
	summary.threshold = policy->threshold;
	r = summary_init(&summary) < 0 ? err_oom(err) : 0;
	if (r == 0 && a->report)
		r = html_report(&summary, a->report, a->force, err);
	if (r == 0 && a->json)
		r = print_summary_json(&summary, &adapt->summary, err);
	else if (r == 0)
		print_summaries(a, &summary, &adapt->summary);
	evaluate_free(runs, summary.n);
	return r;
}

int main(int argc, char **argv)
{
	size_t n = (size_t)argc;
	_cleanup_free_ const char **files = calloc((RUN_KINDS + 3) * n, sizeof(*files));
	struct eval_arguments a = {.threads = pool_processors(), .seed = 1};
	char name[] = "lutra eval";
	struct err err = {""};

	if (!files) {
		fputs("lutra eval: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	a.files.train.file = files;
	for (size_t i = 0; i < RUN_KINDS; i++)
		a.files.judged[i].file = files + (i + 1) * n;
	a.files.starts.file = files + (RUN_KINDS + 1) * n;
	a.adapt.file = files + (RUN_KINDS + 2) * n;
	argv[0] = name;
	args_read(&eval_command, argc, argv, &a);
	return report_exit_status(name, run_evaluation(&a, &err), &err);
}
