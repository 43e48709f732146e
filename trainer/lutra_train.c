/* SPDX-License-Identifier: Apache-2.0 */
/* lutra train: trains the policy of an image from recorded runs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/abi/mode_args.h"
#include "lib/base/command/progress_bar.h"
#include "lib/base/output.h"
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/diff/policy_diff.h"
#include "trainer/model/compute/pool.h"
#include "trainer/model/tables/update.h"
#include "trainer/report.h"
#include "trainer/train.h"
#include "trainer/weaker.h"
#include "version.h"

#define NO_SEED UINT64_MAX

struct train_arguments {
	struct train_options train; /* main() sets seed, threads and kill_matches last */
	uint64_t seed;		    /* or NO_SEED */
	uint64_t threads, kill_signals;
	const char *output;
	const char *update;	   /* policy directory, or NULL */
	const char *exec_sessions; /* or NULL: as the policy that is updated, else audit */
	const char *coverage_file; /* or NULL */
	const char *knowledge;	   /* directory, "none", or NULL: where it is installed */
	const char *root;	   /* directory, or NULL: packs are recognised by paths alone */
	bool force;		   /* replace coverage_file */
	bool accept_new;	   /* an update may make the policy weaker */
	bool leave_out_alerts;	   /* the policy that is updated judges the new runs */
	const char *judge;	   /* another policy that judges the runs, or NULL */
	struct args_list files;
	const char **heldout; /* (n_heldout), with room for argc */
	int n_heldout;
};

static error_t add_heldout(struct argp_state *state, const char *file, void *args)
{
	struct train_arguments *a = args_struct(state);

	(void)args;
	a->heldout[a->n_heldout++] = file;
	return 0;
}

/* A letter means the same in all commands of lutra, so these have none. */
enum {
	OPT_DIGEST = 256,
	OPT_KILL_SIGNALS,
	OPT_EXEC_SESSIONS,
	OPT_NEWS,
	OPT_ROOT,
	OPT_ACCEPT_NEW,
	OPT_LEAVE_OUT_ALERTS,
	OPT_JUDGE,
};

#define A struct train_arguments /* whose members the options set */

static const struct args_option train_options[] = {
	ARGS_STRING("image", 'i', "REF", "Image that the policy is for", A, train.image),
	ARGS_STRING("output", 'o', "DIR", "Policy directory to write; a policy there is replaced",
		    A, output),
	ARGS_STRING("update", 'u', "DIR",
		    "Policy to update with new runs; the runs it was trained on are not needed", A,
		    update),
	ARGS_NUMBER("seed", 's', "N", "Random seed: same seed and traces, same bytes (1)", 0,
		    INT64_MAX, A, seed),
	ARGS_NUMBER("threads", 't', "N",
		    "Threads to use; the result is the same (one for each processor)", 1,
		    POOL_THREADS_MAX, A, threads),
	ARGS_CALL("heldout", 'H', "FILE",
		  "Run to calibrate with but not to train on; may be repeated", add_heldout, A,
		  heldout),
	ARGS_STRING("digest", OPT_DIGEST, "DIGEST", "Digest of the image, to write into the policy",
		    A, train.digest),
	ARGS_NUMBER("kill-signals", OPT_KILL_SIGNALS, "1|2",
		    "In mode kill, 1: a match of M kills; 2: it alerts (2)", 1, 2, A, kill_signals),
	ARGS_STRING("exec-sessions", OPT_EXEC_SESSIONS, "audit|guard",
		    "Rights of exec sessions: see lutra-policy.json(5) (audit)", A, exec_sessions),
	ARGS_STRING("news", OPT_NEWS, "FILE",
		    "Write what each run did that no run before it had done, as JSON", A,
		    coverage_file),
	ARGS_FLAG("force", 'f', "Replace a file of --news that exists", A, force),
	ARGS_STRING("knowledge", 'K', "DIR",
		    "Directory of the base and packs, or none (PREFIX/share/lutra)", A, knowledge),
	ARGS_STRING("root", OPT_ROOT, "DIR",
		    "Root directory of the container: packs are recognised by its packages", A,
		    root),
	ARGS_FLAG("accept-new", OPT_ACCEPT_NEW,
		  "With --update: let the policy become weaker where the new runs ask for it", A,
		  accept_new),
	ARGS_FLAG("leave-out-alerts", OPT_LEAVE_OUT_ALERTS,
		  "With --update: leave out what the policy alerts about in the runs", A,
		  leave_out_alerts),
	ARGS_STRING("judge", OPT_JUDGE, "DIR",
		    "Without --update: leave out what the policy DIR alerts about in the runs", A,
		    judge),
	ARGS_CALL("mode", 'm', "MODE",
		  "Mode of the policy (deny; audit if there are fewer than 3 runs)", mode_args_read,
		  A, train.mode),
	{},
};

static error_t check_train_arguments(struct argp_state *state, void *args)
{
	const struct train_arguments *a = args;

	if (a->update && a->seed != NO_SEED)
		return args_usage(state, "--seed: an update keeps the seed of its policy");
	if (!a->update && (a->leave_out_alerts || a->accept_new))
		return args_usage(state, "%s: needs a policy to --update",
				  a->accept_new ? "--accept-new" : "--leave-out-alerts");
	if (a->update && a->judge)
		return args_usage(state, "--judge: with --update, use --leave-out-alerts");
	if ((!a->update && (!a->train.image || !*a->train.image)) || !a->output || !a->files.n)
		return args_usage(state,
				  "--image (or --update), -o and at least one trace are needed");
	if (a->exec_sessions && strcmp(a->exec_sessions, "audit") != 0 &&
	    strcmp(a->exec_sessions, "guard") != 0)
		return args_usage(state, "--exec-sessions: must be audit or guard");
	return 0;
}

static const struct args_command train_command = {
	.options = train_options,
	.version = LUTRA_VERSION,
	.usage = "FILE.ltr...",
	.doc = "Train the policy of an image from recorded runs. Each file is one run of its "
	       "container from start to stop.\vA policy needs 3 runs to deny, and 9 or 10 to "
	       "alert rarely.",
	.max = INT_MAX,
	.list = offsetof(A, files),
	.check = check_train_arguments,
};

static void print_train_warning(void *ctx, const char *line)
{
	progress_bar_done(ctx);
	fprintf(stderr, "lutra train: warning: %s\n", line);
}

/* Refuses an output directory that policy_save() would refuse after all the work. */
static int check_output(const char *dir, struct err *err)
{
	struct stat st;
	char path[4096];

	if (stat(dir, &st) < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s is not a directory: name another one with -o",
			       dir);
	if (snprintf(path, sizeof(path), "%s/policy.json", dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: name too long", dir);
	/* A directory without policy.json may be replaced if it has no sub-directories. */
	if (access(path, F_OK) < 0 && st.st_nlink > 2)
		return err_set(err, -EEXIST, "%s is not a policy: name another directory with -o",
			       dir);
	return 0;
}

/* Returns the name of trace i: first those to train on, then those held out. */
static const char *file_name(const struct train_arguments *a, int i)
{
	return i < a->files.n ? a->files.arg[i] : a->heldout[i - a->files.n];
}

/*
 * Loads the policy that judges the new runs, with what was accepted for it: the one that is updated,
 * or the one of --judge. If the runs are of a new release, the policy expects what their image
 * brings, as it did in force.
 */
static int load_judge(const struct train_arguments *a, struct policy **ret, struct err *err)
{
	const char *digest = a->train.digest;
	struct err left_out = {""};
	const char *dir = a->leave_out_alerts ? a->update : a->judge;
	int r = dir ? accepted_load(ret, dir, NULL, &left_out, err) : 0;

	if (r == 0 && *left_out.msg)
		fprintf(stderr,
			"lutra train: warning: the new runs are judged without all that was "
			"accepted: %s\n",
			left_out.msg);
	if (r == 0 && *ret)
		(*ret)->expects_image =
			digest && (*ret)->digest && strcmp(digest, (*ret)->digest) != 0;
	return r;
}

/* Finds what the runs leave out: see trainer/data/left_out.h. */
static int find_left_out(const struct train_arguments *a, struct left_out *ret, struct err *err)
{
	_cleanup_(policy_freep) struct policy *judge = NULL;
	struct left_out_options options = {.is_update = a->update};
	size_t n = (size_t)a->files.n + (size_t)a->n_heldout;
	_cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));
	int r = load_judge(a, &judge, err);

	if (r < 0)
		return r;
	if (!names)
		return err_oom(err);
	for (size_t i = 0; i < n; i++)
		names[i] = file_name(a, (int)i);
	options.judge = judge;
	return left_out_find(ret, names, n, &options, err);
}

static int load_runs(struct corpus *c, const struct train_arguments *a,
		     const struct progress *progress, struct err *err)
{
	int n = a->files.n + a->n_heldout;

	for (int i = 0; i < n; i++) {
		int r;

		progress_show(progress, "reading", (double)i / (double)n);
		r = corpus_load(c, file_name(a, i), i >= a->files.n, err);
		if (r < 0)
			return r;
	}
	corpus_sort(c);
	if (!c->n_runs)
		return err_set(err, -EINVAL,
			       "there is no run in which something happened: record the service at "
			       "work");
	return 0;
}

/*
 * Loads the policy to update. Its runs begin the corpus, and its settings hold where the command
 * line gives none.
 */
static int load_old_policy(const struct train_arguments *a, struct corpus *corpus,
			   struct train_options *o, struct policy **ret, struct err *err)
{
	struct policy *old;
	int r = policy_load(ret, a->update, err);

	if (r < 0)
		return r;
	old = *ret;
	r = update_check_policy(old, err);
	if (r == 0)
		r = policy_load_model(old, a->update, err);
	if (r == 0)
		r = update_restore_corpus(old, corpus, err);
	if (r < 0)
		return r;
	o->old = old;
	o->seed = old->seed;
	o->image = o->image ? o->image : old->image;
	o->digest = o->digest ? o->digest : old->digest;
	o->kill_matches = o->kill_matches ? o->kill_matches : old->kill_matches;
	if (!a->exec_sessions)
		o->guard_sessions = !old->audit_sessions;
	/* A policy that only audited for lack of runs may have enough of them now. */
	if (o->mode == TRAIN_MODE_DEFAULT && !old->calibration.audit_only)
		o->mode = old->mode;
	return 0;
}

/* Prints how the updated policy differs from the old one. Returns 0 or -ENOMEM. */
static int print_update_changes(const struct policy *old, const struct policy *p)
{
	json_auto_t *diff = policy_diff(old, p);

	if (!diff)
		return -ENOMEM;
	printf("  changed   since the policy that was updated:\n");
	policy_diff_print(diff, stdout);
	return 0;
}

/* Loads the base and the packs. */
static int load_knowledge(const struct train_arguments *a, struct knowledge_set *ret,
			  struct err *err)
{
	char dir[PATH_MAX];

	if (a->knowledge && strcmp(a->knowledge, "none") == 0)
		return 0;
	if (!a->knowledge && knowledge_find(dir, sizeof(dir), err) < 0)
		return -ENOENT;
	return knowledge_load(a->knowledge ? a->knowledge : dir, ret, err);
}

/*
 * Reads the packages of the container's root. It is done before the runs are read, because the
 * container may end meanwhile. Without a database the packs are recognised by paths.
 */
static int read_packages(const struct train_arguments *a, struct knowledge_set *set,
			 struct err *err)
{
	struct err why = {""};
	int r = a->root ? knowledge_read_packages(set, a->root, &why) : 0;

	if (r == -ENOMEM)
		return err_oom(err);
	if (r < 0)
		fprintf(stderr, "lutra train: warning: %s: packs are recognised by paths\n",
			why.msg);
	return 0;
}

/* Writes the coverage report, with what the policy would become weaker by. */
static int write_coverage(const struct train_arguments *a, json_t *found,
			  const struct weaker *weaker, struct err *err)
{
	json_object_set(found, "accepted", weaker->accepted);
	json_object_set(found, "not_taken", weaker->kept);
	_cleanup_free_ char *text = json_dumps(found, JSON_INDENT(1) | JSON_REAL_PRECISION(12));

	return text ? output_write(a->coverage_file, a->force, 0600, text, strlen(text), err)
		    : err_oom(err);
}

/* Writes the coverage report, and prints the policy and what an update changed. */
static int report_training(const struct train_arguments *a, const struct policy *old,
			   const struct policy *p, const struct weaker *weaker, json_t *found,
			   struct err *err)
{
	int r = a->coverage_file ? write_coverage(a, found, weaker, err) : 0;

	if (r < 0)
		return r;
	progress_bar_done(weaker->bar);
	report_print_policy(p, stdout);
	if (old && print_update_changes(old, p) < 0)
		return err_oom(err);
	weaker_print(weaker, stdout);
	printf("  saved     %s\n", a->output);
	return 0;
}

/*
 * Gives an updated policy in a directory of its own what a person added to the old one, unless it
 * has such a file. A signature is of the old one's name, so it is not taken over.
 */
static int keep_accepted(const struct train_arguments *a, struct err *err)
{
	json_auto_t *delta = NULL, *own = NULL, *empty = NULL;
	struct err why = {""};
	int r;

	if (accepted_read(a->output, NULL, &own, NULL) != -ENOENT)
		return 0;
	r = accepted_read(a->update, NULL, &delta, &why);
	if (r < 0 && r != -ENOENT)
		fprintf(stderr, "lutra train: warning: what was accepted is not taken over: %s\n",
			why.msg);
	if (r < 0)
		return 0;
	empty = accepted_new(a->output);
	if (!empty || json_object_set(delta, "policy", json_object_get(empty, "policy")) < 0)
		return err_oom(err);
	return accepted_write(a->output, delta, NULL, err);
}

static int run_training(const struct train_arguments *a, struct err *err)
{
	json_auto_t *found = NULL;
	_cleanup_(corpus_done) struct corpus corpus = {0};
	_cleanup_(knowledge_set_done) struct knowledge_set knowledge = {0};
	_cleanup_(left_out_done) struct left_out left_out = {0};
	_cleanup_(policy_freep) struct policy *p = NULL, *old = NULL;
	_cleanup_(progress_bar_done) struct progress_bar bar;
	_cleanup_(weaker_done) struct weaker weaker;
	struct progress progress = {progress_bar_show, &bar};
	struct train_options o = a->train;
	int r = check_output(a->output, err);

	progress_bar_init(&bar, stderr);
	weaker_init(&weaker, a->accept_new, &bar);
	o.may_weaken = weaker_may;
	o.may_weaken_ctx = &weaker;
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
		r = load_knowledge(a, &knowledge, err);
	if (r == 0)
		r = read_packages(a, &knowledge, err);
	if (r == 0)
		r = find_left_out(a, &left_out, err);
	corpus.left_out = &left_out;
	if (r == 0)
		r = load_runs(&corpus, a, &progress, err);
	o.knowledge = &knowledge;
	if (r == 0)
		r = train_policy(&corpus, &o, &progress, &p, err);
	if (r == 0)
		r = policy_save(p, a->output, err);
	if (r == 0 && a->update)
		r = keep_accepted(a, err);
	return r < 0 ? r : report_training(a, old, p, &weaker, found, err);
}

int main(int argc, char **argv)
{
	_cleanup_free_ const char **heldout = calloc((size_t)argc, sizeof(*heldout));
	struct train_arguments a = {.train.mode = TRAIN_MODE_DEFAULT,
				    .seed = NO_SEED,
				    .threads = pool_processors(),
				    .heldout = heldout};
	char name[] = "lutra train";
	struct err err = {""};

	if (!heldout) {
		fputs("lutra train: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	argv[0] = name;
	args_read(&train_command, argc, argv, &a);
	a.train.seed = a.seed == NO_SEED ? 1 : a.seed;
	a.train.threads = (unsigned)a.threads;
	a.train.kill_matches = (uint8_t)a.kill_signals;
	a.train.guard_sessions = a.exec_sessions && strcmp(a.exec_sessions, "guard") == 0;
	return report_exit_status(name, run_training(&a, &err), &err);
}
