/* SPDX-License-Identifier: Apache-2.0 */
/* Reads traces into runs. Runs on one thread. */
#include "trainer/data/corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include "lib/abi/op_set.h"
#include "lib/abi/syscall_traits.h"
#include "lib/base/file.h"
#include "lib/abi/syscalls.h"
#include "lib/trace/trace.h"

int corpus_init(struct corpus *c)
{
	memset(c, 0, sizeof(*c));
	return run_names_init(&c->names);
}

void corpus_done(struct corpus *c)
{
	for (size_t i = 0; i < c->n_runs + c->n_heldout; i++)
		run_done(&c->runs[i]);
	free(c->runs);
	free(c->arch);
	run_names_done(&c->names);
	memset(c, 0, sizeof(*c));
}

int corpus_add(struct corpus *c, struct run *run)
{
	size_t n = c->n_runs + c->n_heldout;
	struct run *runs = realloc(c->runs, (n + 1) * sizeof(*runs));

	if (!runs)
		return -ENOMEM;
	c->runs = runs;
	if (run->heldout) {
		runs[n] = *run;
		c->n_heldout++;
	} else {
		memmove(runs + c->n_runs + 1, runs + c->n_runs, c->n_heldout * sizeof(*runs));
		runs[c->n_runs++] = *run;
	}
	memset(run, 0, sizeof(*run));
	return 0;
}

static int compare_run_names(const void *a, const void *b)
{
	const struct run *x = a, *y = b;
	int r = strcmp(x->file, y->file);

	return r ? r : strcmp(x->sha256, y->sha256);
}

void corpus_sort(struct corpus *c)
{
	qsort(c->runs + c->n_old, c->n_runs - c->n_old, sizeof(*c->runs), compare_run_names);
	qsort(c->runs + c->n_runs, c->n_heldout, sizeof(*c->runs), compare_run_names);
}

/*
 * Calibration judges each run by the others: a run that is in the corpus twice would judge itself.
 */
static int check_duplicate(const struct corpus *c, const char *path, const char *sha256,
			   struct err *err)
{
	for (size_t i = 0; i < c->n_runs + c->n_heldout; i++)
		if (strcmp(c->runs[i].sha256, sha256) == 0)
			return err_set(err, -EINVAL, "%s is the same run as %s: name each run once",
				       path, c->runs[i].file);
	return 0;
}

uint32_t corpus_ops(const struct corpus *c)
{
	uint32_t ops = UINT32_MAX, added = c->n_runs > c->n_old ? OPS_OF_HOOKS : 0;

	/* What only hooks see is learned from the new runs, if the old ones saw nothing of it. */
	for (size_t i = 0; i < c->n_runs; i++)
		ops &= c->runs[i].ops |
		       (i < c->n_old && op_set_lacks_hooks(c->runs[i].ops) ? added : 0);
	return c->n_runs ? ops : 0;
}

int corpus_hash_file(const char *path, char ret[65], struct err *err)
{
	_cleanup_close_ int fd = file_open_read(AT_FDCWD, path, err);
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	char buf[65536];
	ssize_t n;

	if (fd < 0)
		return fd;
	crypto_hash_sha256_init(&state);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		crypto_hash_sha256_update(&state, (unsigned char *)buf, (unsigned long long)n);
	if (n < 0)
		return err_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
	crypto_hash_sha256_final(&state, sum);
	sodium_bin2hex(ret, 65, sum, sizeof(sum));
	return 0;
}

static void warn_about_file(const struct corpus *c, const char *path, const char *what)
{
	struct err line;

	err_set(&line, 0, "%s: %s", path, what);
	if (c->warn)
		c->warn(c->warn_ctx, line.msg);
}

/* Warns if the run's recording is damaged, has gaps, or has system calls that are never known. */
static void warn_about_run(const struct corpus *c, const char *path, const struct run *run,
			   const char *torn)
{
	struct err line;

	if (torn) {
		err_set(&line, 0, "%s, and count as a run that ends there", torn);
		warn_about_file(c, path, line.msg);
	}
	if (run->partial) {
		err_set(&line, 0,
			"only a part of a run (%s): a policy of it stays in audit, for it does not "
			"know "
			"the rest",
			run->partial);
		warn_about_file(c, path, line.msg);
	}
	if (run->lost) {
		err_set(&line, 0,
			"the recorder lost %llu records: what was in them counts as never seen",
			(unsigned long long)run->lost);
		warn_about_file(c, path, line.msg);
	}
	if (run->foreign) {
		err_set(&line, 0,
			"%llu system calls through the 32-bit or x32 entry: they always count as "
			"unknown",
			(unsigned long long)run->foreign);
		warn_about_file(c, path, line.msg);
	}
}

static int check_arch(struct corpus *c, const char *path, const struct trace_meta *meta,
		      struct err *err)
{
	if (!syscall_arch_is_known(meta->arch))
		return err_set(
			err, -ENOEXEC,
			"%s was recorded on %s, an architecture that lutra does not know: leave "
			"it out",
			path, meta->arch);
	if (c->arch && strcmp(c->arch, meta->arch) != 0)
		return err_set(
			err, -ENOEXEC,
			"%s was recorded on %s, the other runs on %s: train one policy for each",
			path, meta->arch, c->arch);
	if (!c->arch)
		c->arch = strdup(meta->arch);
	return c->arch ? 0 : err_oom(err);
}

/* Merges a system call's recorded argument into the arguments that the run used. */
static void note_arguments(const struct trace_meta *meta, const struct lutra_record *rec,
			   struct policy_arguments *ret)
{
	int i = rec->type == LUTRA_RECORD_SYSCALL ? policy_args_find(meta->arch, rec->nr) : -1;

	if (i < 0)
		return;
	if (trace_meta_has_arguments(meta))
		policy_args_add(ret, (unsigned)i, policy_args_value((unsigned)i, rec->arg));
	else
		policy_args_add_any(ret, (unsigned)i);
}

/* A trace that is read into a run. */
struct loading {
	struct run_builder *b;
	struct left_out_filter *filter; /* or NULL */
	uint64_t idle[LUTRA_NR / 64];
	struct policy_arguments args;
	bool worked; /* something happened in the run */
};

static void loading_done(struct loading *l)
{
	run_builder_free(l->b);
	left_out_filter_free(l->filter);
}

static int load_record(struct loading *l, const struct trace_meta *meta,
		       const struct lutra_record *rec, const char *str, size_t str_len,
		       struct err *err)
{
	int r = l->filter ? left_out_filter_step(l->filter, rec) : 0;

	if (r < 0)
		return err_set(err, r, "%s", strerror(-r));
	if (r)
		return run_builder_pass(l->b, rec, str, str_len, err);
	r = run_builder_add(l->b, rec, str, str_len, err);
	if (r < 0)
		return r;
	note_arguments(meta, rec, &l->args);
	l->worked |= syscall_is_work(rec, l->idle);
	return 0;
}

static int read_records(struct loading *l, struct trace_reader *reader, const char *path,
			struct err *err)
{
	const struct trace_meta *meta = trace_reader_meta(reader);
	const struct lutra_record *rec;
	const char *str;
	size_t str_len;
	struct err why;
	int r;

	syscall_idle_mask(meta->arch, l->idle);
	while ((r = trace_reader_next(reader, &rec, &str, &str_len)) > 0) {
		r = load_record(l, meta, rec, str, str_len, &why);
		if (r < 0)
			return err_set(err, r, "%s: %s", path, why.msg);
	}
	return r < 0 ? err_set(err, r, "cannot read %s: %s", path, strerror(-r)) : 0;
}

/* Makes the builder of a run, and the filter if tasks are left out of the trace. */
static int begin_loading(struct loading *l, struct corpus *c, const struct left_out_run *left,
			 bool heldout)
{
	int r = run_builder_new(&l->b, &c->names, heldout ? RUN_NOT_TRAINED : c->n_runs);

	return r == 0 && left && left->n_tasks ? left_out_filter_new(&l->filter, left) : r;
}

static void warn_about_left_out(const struct corpus *c, const char *path,
				const struct left_out_run *left)
{
	struct err line;

	if (!left || !(left->lineages || left->sessions))
		return;
	err_set(&line, 0,
		"left out: %u tasks from their first unusual event on, with all that they "
		"started, and %u exec sessions",
		left->lineages, left->sessions);
	warn_about_file(c, path, line.msg);
}

int corpus_load(struct corpus *c, const char *path, bool heldout, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *reader = NULL;
	const struct left_out_run *left = c->left_out ? left_out_of(c->left_out, path) : NULL;
	_cleanup_(loading_done) struct loading l = {0};
	_cleanup_(run_done) struct run run = {0};
	const char *slash = strrchr(path, '/');
	int r;

	if (c->n_runs + c->n_heldout >= CORPUS_RUNS_MAX)
		return err_set(err, -E2BIG, "more than %d runs: leave some out", CORPUS_RUNS_MAX);
	r = trace_reader_new(&reader, path, err);
	if (r < 0)
		return r;
	r = check_arch(c, path, trace_reader_meta(reader), err);
	if (r < 0)
		return r;
	if (begin_loading(&l, c, left, heldout) < 0)
		return err_oom(err);
	r = read_records(&l, reader, path, err);
	if (r < 0)
		return r;
	r = run_builder_take(l.b, &run);
	if (r < 0)
		return err_set(err, r, "%s: %s", path, strerror(-r));
	warn_about_run(c, path, &run, trace_reader_torn(reader));
	warn_about_left_out(c, path, left);
	if (run.calls == 0 && !l.filter)
		return err_set(err, -EINVAL, "%s has no system calls: record it again", path);
	if (!l.worked) {
		warn_about_file(
			c, path,
			"nothing happened in it, the service only waited: it does not count");
		return 0;
	}
	r = corpus_hash_file(path, run.sha256, err);
	if (r == 0)
		r = check_duplicate(c, path, run.sha256, err);
	if (r < 0)
		return r;
	run.file = strdup(slash ? slash + 1 : path);
	run.ops = trace_reader_meta(reader)->ops;
	if (run.ops >> LUTRA_OP_CONNECT & 1 && !run.is_coarse)
		run.ops |= 1u << LUTRA_OP_ADDR_CLASSES;
	/* Every recording of lutra's own has 32-bit calls, if there were some. */
	if (run.ops >> LUTRA_OP_CONNECT & 1)
		run.ops = run.foreign ? run.ops & ~(1u << LUTRA_OP_NATIVE)
				      : run.ops | 1u << LUTRA_OP_NATIVE;
	/* Recordings have always told in which role a capability was used. */
	if (run.ops >> LUTRA_OP_CAPABLE & 1)
		run.ops |= 1u << LUTRA_OP_CAPABILITY_ROLES;
	run.heldout = heldout;
	run.args = l.args;
	if (!run.file || corpus_add(c, &run) < 0)
		return err_oom(err);
	return 0;
}
