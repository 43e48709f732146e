/* SPDX-License-Identifier: Apache-2.0 */
/* Trains the baselines, then judges the runs on all threads, a piece of work for each. */
#include "trainer/evaluate.h"

#include <errno.h>
#include <string.h>

#include "trainer/model/compute/pool.h"

/* What is trained on the same runs as the policy. */
struct baseline_set {
	struct corpus corpus;
	struct baselines baselines;
	struct reconstruction reconstruction;
	struct lutra_policy *image; /* of the policy: its roles count */
	struct token_panel panel;
};

static void baseline_set_done(struct baseline_set *v)
{
	baselines_done(&v->baselines);
	reconstruction_done(&v->reconstruction);
	token_panel_done(&v->panel);
	free(v->image);
	corpus_done(&v->corpus);
}

static int load_corpus(struct baseline_set *v, const struct evaluate_options *o, struct err *err)
{
	int r = corpus_init(&v->corpus);

	if (r < 0)
		return err_oom(err);
	v->corpus.warn = o->warn;
	v->corpus.warn_ctx = o->warn_ctx;
	for (size_t i = 0; r == 0 && i < o->files->train.n; i++) {
		progress_show(o->progress, "reading", (double)i / (double)o->files->train.n);
		r = corpus_load(&v->corpus, o->files->train.file[i], false, err);
	}
	/* Run i is of file i: the baselines read the traces once more. */
	if (r == 0 && v->corpus.n_runs != o->files->train.n)
		return err_set(
			err, -EINVAL,
			"nothing happened in a run of --train, as the warning says: leave it "
			"out");
	if (r == 0 && strcmp(v->corpus.arch, o->policy->arch) != 0)
		return err_set(err, -ENOEXEC, "%s was recorded on %s, the policy is for %s",
			       o->files->train.file[0], v->corpus.arch, o->policy->arch);
	return r;
}

static int train_reconstruction(struct baseline_set *v, const struct evaluate_options *o,
				struct err *err)
{
	const struct reconstruction_options options = {.seed = o->policy->seed,
						       .threads = o->threads,
						       .sessions = !o->policy->audit_sessions};
	int r = reconstruction_train(&v->reconstruction, &v->corpus, &options);

	return r < 0 ? err_set(err, r, "the baselines cannot be trained: %s", strerror(-r)) : 0;
}

/* Trains level M and its rivals. */
static int train_panel(struct baseline_set *v, const struct evaluate_options *o, struct err *err)
{
	const struct token_panel_options options = {.seed = o->policy->seed,
						    .threads = o->threads,
						    .sessions = !o->policy->audit_sessions};
	int r;

	v->image = calloc(1, sizeof(*v->image));
	if (!v->image)
		return err_oom(err);
	r = policy_to_kernel(o->policy, 1, v->image, err);
	if (r < 0)
		return r;
	r = token_panel_train(&v->panel, &v->corpus, v->image, &options);
	return r < 0 ? err_set(err, r, "level M cannot be trained: %s", strerror(-r)) : 0;
}

/* Warns if the runs are not those that the policy was trained on. */
static void compare_policy_runs(const struct baseline_set *v, const struct evaluate_options *o)
{
	size_t found = 0;

	for (size_t i = 0; i < v->corpus.n_runs; i++)
		for (size_t k = 0; k < o->policy->n_runs; k++)
			found += strcmp(v->corpus.runs[i].sha256, o->policy->runs[k].sha256) == 0;
	if (o->warn && (found != o->policy->n_runs || found != v->corpus.n_runs))
		o->warn(o->warn_ctx, "the runs of --train are not those that the policy was "
				     "trained on: the comparison with baselines is not fair");
}

static int train_baseline_set(struct baseline_set *v, const struct evaluate_options *o,
			      struct err *err)
{
	int r = load_corpus(v, o, err);

	if (r < 0)
		return r;
	compare_policy_runs(v, o);
	r = baselines_train(&v->baselines, o->files->train.file, o->files->train.n, o->threads,
			    err);
	if (r == 0)
		r = train_reconstruction(v, o, err);
	return r < 0 ? r : train_panel(v, o, err);
}

/* ---- judging ---- */

struct judge_job {
	const struct detectors *detectors;
	const struct evaluate_options *options;
	struct evaluated_run *runs; /* (n) */
	struct progress_pieces progress;
};

static int judge_run(void *ctx, size_t i, struct err *err)
{
	struct judge_job *j = ctx;
	const struct file_list *from = j->options->files->judged;
	enum run_kind kind = RUN_KIND_NORMAL;
	size_t at = i;
	int r;

	for (; at >= from[kind].n; kind++)
		at -= from[kind].n;
	r = evaluated_run_judge(&j->runs[i], j->detectors, from[kind].file[at], kind,
				j->options->timeline, err);
	progress_piece(&j->progress);
	return r;
}

void evaluate_free(struct evaluated_run *runs, size_t n)
{
	for (size_t i = 0; runs && i < n; i++)
		evaluated_run_done(&runs[i]);
	free(runs);
}

/* Judges the adaptive attacks, if there are runs in which they start. */
static int judge_adapted(const struct evaluate_options *o, const struct detectors *detectors,
			 struct err *err)
{
	const struct evaluate_files *files = o->files;
	const struct adapt_options adapt = {.detectors = detectors,
					    .known = files->train.file,
					    .n_known = files->train.n,
					    .starts = files->starts.file,
					    .n_starts = files->starts.n,
					    .seed = o->adapt_seed,
					    .threads = o->threads,
					    .progress = o->progress};

	return files->starts.n ? adapt_judge(&adapt, o->adapt, err) : 0;
}

static int judge_runs(const struct evaluate_options *o, const struct baseline_set *v,
		      struct evaluated_run **ret, size_t *ret_n, struct err *err)
{
	const struct file_list *from = o->files->judged;
	size_t n = from[RUN_KIND_NORMAL].n + from[RUN_KIND_ATTACK].n + from[RUN_KIND_ADAPTIVE].n;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct evaluated_run *runs = calloc(n + 1, sizeof(*runs));
	struct detectors detectors = {.policy = o->policy, .image = image};
	struct judge_job j = {&detectors, o, runs, {o->progress, "judging", n, 0}};
	int r = -ENOMEM;

	if (o->files->train.n)
		detectors = (struct detectors){o->policy, image, &v->baselines, &v->reconstruction,
					       &v->panel};
	if (image && runs)
		r = policy_to_kernel(o->policy, 1, image, err);
	if (r == 0)
		r = pool_run(o->threads, judge_run, &j, n, err);
	if (r == 0)
		r = judge_adapted(o, &detectors, err);
	if (r < 0) {
		evaluate_free(runs, n);
		return r == -ENOMEM ? err_oom(err) : r;
	}
	*ret = runs;
	*ret_n = n;
	return 0;
}

int evaluate_runs(const struct evaluate_options *options, struct evaluated_run **ret, size_t *ret_n,
		  struct err *err)
{
	_cleanup_(baseline_set_done) struct baseline_set v = {0};
	int r = options->files->train.n ? train_baseline_set(&v, options, err) : 0;

	return r < 0 ? r : judge_runs(options, &v, ret, ret_n, err);
}
