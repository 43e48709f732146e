/* SPDX-License-Identifier: Apache-2.0 */
/* lutra train: recorded runs of an image to its policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/abi/mode_args.h"
#include "lib/base/args.h"
#include "lib/base/progress_bar.h"
#include "lib/base/file.h"
#include "lib/policy/policy_diff.h"
#include "trainer/model/tables/update.h"
#include "trainer/report.h"
#include "trainer/train.h"

struct arguments {
	struct train_options train;
	const char *output;
	const char *update;	   /* policy directory, or NULL */
	const char *coverage_file; /* file, or NULL */
	bool seeded;
	const char **files, **heldout; /* as argv: what they point at is argv's */
	size_t n_files, n_heldout;
};

static const struct argp_option options[] = {
	{"image", 'i', "REF", 0, "Image that the policy is for", 0},
	{"output", 'o', "DIR", 0, "Policy directory to write; a policy there is replaced", 0},
	{"update", 'u', "DIR", 0,
	 "Policy to update with the runs, which are new to it: counts, weights and thresholds are "
	 "made "
	 "anew, codes stay; the runs it was trained on are not needed",
	 0},
	{"seed", 's', "N", 0, "Random seed (1): same seed, same traces, same bytes", 0},
	{"threads", 't', "N", 0, "Threads (one a processor); the result is the same", 0},
	{"heldout", 'H', "FILE", 0, "Run to calibrate with but not to train on; repeatable", 0},
	{"digest", 'd', "DIGEST", 0, "Digest of the image, for the policy to name", 0},
	{"kill-signals", 'k', "1|2", 0, "Signals within a second that kill, in mode kill (2)", 0},
	{"news", 'n', "FILE", 0,
	 "Write what each run brought that none before it had, as JSON: how far learning has come",
	 0},
	{"mode", 'm', "MODE", 0,
	 "Mode of the policy: learn, audit, deny, kill, kill-container, freeze (deny; audit where "
	 "there are fewer than 3 runs)",
	 0},
	{0},
};

/* An option's number, at least min. */
static error_t parse_number(struct argp_state *state, const char *name, const char *arg,
			    uint64_t min, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	error_t r = args_number(state, arg, max, name, &n);

	if (r)
		return r;
	if (n < min)
		return args_usage(state, "%s must be at least %llu", name, (unsigned long long)min);
	*ret = n;
	return 0;
}

static error_t parse_train_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	uint64_t n = 0;
	error_t r = 0;
	int mode;

	switch (key) {
	case 'i':
		a->train.image = arg;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case 'u':
		a->update = arg;
		return 0;
	case 's':
		a->seeded = true;
		return parse_number(state, "--seed", arg, 0, INT64_MAX, &a->train.seed);
	case 't':
		r = parse_number(state, "--threads", arg, 1, POOL_THREADS_MAX, &n);
		a->train.threads = (unsigned)n;
		return r;
	case 'H':
		a->heldout[a->n_heldout++] = arg;
		return 0;
	case 'd':
		a->train.digest = arg;
		return 0;
	case 'k':
		r = parse_number(state, "--kill-signals", arg, 1, 2, &n);
		a->train.kill_signals = (uint8_t)n;
		return r;
	case 'n':
		a->coverage_file = arg;
		return 0;
	case 'm':
		r = mode_args_read(state, arg, &mode);
		a->train.mode = r ? a->train.mode : (unsigned)mode;
		return r;
	case ARGP_KEY_ARG:
		a->files[a->n_files++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->update && a->seeded)
			return args_usage(state, "--seed: an update keeps the policy's own");
		if ((!a->update && (!a->train.image || !*a->train.image)) || !a->output ||
		    a->n_files == 0)
			return args_usage(state, "--image (or --update), -o and at least one trace "
						 "are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse_train_option,
	"FILE.ltr...",
	"Train the policy of an image from recorded runs, each file one start-to-stop of its "
	"container.\vThree runs are needed to deny, 9 or 10 for few alerts.",
	NULL,
	NULL,
	NULL};

static void print_train_warning(void *ctx, const char *line)
{
	bar_done(ctx);
	fprintf(stderr, "lutra train: warning: %s\n", line);
}

/* Fail before the work, not after it. */
static int check_output(const char *dir, struct err *err)
{
	struct stat st;
	char path[4096];

	if (stat(dir, &st) < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s is no directory: name another with -o", dir);
	if (snprintf(path, sizeof(path), "%s/policy.json", dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: name too long", dir);
	/* rmdir(2) would take an empty one; this asks without trying. */
	if (access(path, F_OK) < 0 && st.st_nlink > 2)
		return err_set(err, -EEXIST, "%s is no policy: name another directory with -o",
			       dir);
	return 0;
}

static int load_runs(struct corpus *c, const struct arguments *a, const struct progress *progress,
		     struct err *err)
{
	size_t n = a->n_files + a->n_heldout;

	for (size_t i = 0; i < n; i++) {
		bool heldout = i >= a->n_files;
		int r;

		progress_show(progress, "reading", (double)i / (double)n);
		r = corpus_load(c, heldout ? a->heldout[i - a->n_files] : a->files[i], heldout,
				err);
		if (r < 0)
			return r;
	}
	corpus_sort(c);
	return 0;
}

/* The policy to update: its runs begin the corpus, and what is not asked for stays as it is. */
static int load_old_policy(const struct arguments *a, struct corpus *corpus,
			   struct train_options *o, struct policy **ret, struct err *err)
{
	struct policy *old;
	int r = policy_load(ret, a->update, err);

	if (r < 0)
		return r;
	old = *ret;
	r = policy_load_model(old, a->update, err);
	if (r == 0)
		r = update_restore_corpus(old, corpus, err);
	if (r < 0)
		return r;
	o->old = old;
	o->seed = old->seed;
	o->image = o->image ? o->image : old->image;
	o->digest = o->digest ? o->digest : old->digest;
	o->kill_signals = o->kill_signals ? o->kill_signals : old->kill_signals;
	/* One that only alerted because it had too few runs may have enough now. */
	if (o->mode == TRAIN_MODE_DEFAULT && !old->calibration.audit_only)
		o->mode = old->mode;
	return 0;
}

/* What an update brought. */
static int print_changes(const struct policy *old, const struct policy *p)
{
	json_auto_t *diff = policy_diff(old, p);

	if (!diff)
		return -ENOMEM;
	printf("  changed   since the policy that was updated:\n");
	policy_diff_print(diff, stdout);
	return 0;
}

static int write_coverage(const char *file, const json_t *found, struct err *err)
{
	_cleanup_free_ char *text = json_dumps(found, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	int r = text ? file_replace(file, 0600, text, strlen(text)) : -ENOMEM;

	return r < 0 ? err_set(err, r, "%s: %s", file, strerror(-r)) : 0;
}

static int run_training(const struct arguments *a, struct err *err)
{
	json_auto_t *found = NULL;
	_cleanup_(corpus_done) struct corpus corpus = {0};
	_cleanup_(policy_freep) struct policy *p = NULL, *old = NULL;
	_cleanup_(bar_done) struct bar bar;
	struct progress progress = {bar_show, &bar};
	struct train_options o = a->train;
	int r = check_output(a->output, err);

	bar_init(&bar, stderr);
	if (a->coverage_file)
		o.ret_coverage = &found;
	if (r < 0)
		return r;
	if (corpus_init(&corpus) < 0)
		return err_oom(err);
	corpus.warn = print_train_warning;
	corpus.warn_ctx = &bar;
	if (a->update)
		r = load_old_policy(a, &corpus, &o, &old, err);
	if (r == 0)
		r = load_runs(&corpus, a, &progress, err);
	if (r == 0)
		r = train_policy(&corpus, &o, &progress, &p, err);
	if (r == 0)
		r = policy_save(p, a->output, err);
	if (r == 0 && a->coverage_file)
		r = write_coverage(a->coverage_file, found, err);
	if (r < 0)
		return r;
	bar_done(&bar);
	report_print_policy(p, stdout);
	if (old && print_changes(old, p) < 0)
		return err_oom(err);
	printf("  saved     %s\n", a->output);
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_free_ const char **files = calloc((size_t)argc, sizeof(*files));
	_cleanup_free_ const char **heldout = calloc((size_t)argc, sizeof(*heldout));
	struct arguments a = {.files = files, .heldout = heldout};
	char name[] = "lutra train";
	struct err err = {""};
	int r;

	if (!files || !heldout) {
		fputs("lutra train: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	a.train = (struct train_options){
		.seed = 1, .threads = pool_processors(), .mode = TRAIN_MODE_DEFAULT};
	argv[0] = name;
	args_parse(&argp, argc, argv, false, &a);
	r = run_training(&a, &err);
	if (r == 0 && fflush(stdout) != 0)
		r = err_set(&err, -errno, "cannot write to the standard output: %s",
			    strerror(errno));
	if (r < 0)
		fprintf(stderr, "lutra train: %s\n", err.msg);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
