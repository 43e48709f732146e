/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of formats, and the import into a part file: reads recordings line by line. Uses signal
 * handlers of the process.
 */
#include "user/import/import.h"

#include <argz.h>
#include <fts.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/base/output.h"
#include "lib/base/text.h"
#include "user/import/input.h"
#include "user/import/lines.h"

#define LINES_SHOWN 4096 /* lines between two looks at the clock */

const struct import_format import_formats[] = {
	{"adfa-ld", "i386", adfa_line, NULL, NULL, NULL, true},
	{"unm", "i386", unm_line, NULL, NULL, NULL, false},
	{"strace", "x86_64", strace_line, strace_file, NULL, strace_last, false},
	{"perf", "x86_64", perf_line, NULL, NULL, NULL, false},
	{"lid-ds", "x86_64", lid_ds_line, NULL, NULL, NULL, false},
	{"falco", "x86_64", falco_line, NULL, falco_end, falco_last, false},
	{},
};

const struct import_format *import_find(const char *name)
{
	for (const struct import_format *f = import_formats; f->name; f++) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

static void lines_done(struct lines *l)
{
	trace_writer_free(l->trace);
	free(l->met);
	free(l->state);
}

/* Shows how much of all n files was read; called for each line. */
static void show_progress(const struct lines *l, size_t n, FILE *in)
{
	struct stat st;

	if (l->line % LINES_SHOWN || fstat(fileno(in), &st) < 0 || st.st_size <= 0)
		return;
	progress_show(l->options->progress, "importing",
		      ((double)l->file - 1 + (double)ftello(in) / (double)st.st_size) / (double)n);
}

/* Writes file, line and reason. */
static int say_where(const struct lines *l, int r, const struct err *why, struct err *err)
{
	return err_set(err, r, "%s:%llu: %s", l->path, (unsigned long long)l->line, why->msg);
}

/* Counts a line that cannot be read, and keeps the reason of the first one. */
static int skip_line(struct lines *l, int r, const struct err *why, struct err *err)
{
	struct import_result *result = l->result;
	struct err first;

	if (l->options->strict)
		return say_where(l, r, why, err);
	if (result->skipped++ == 0) {
		say_where(l, r, why, &first);
		TEXT_COPY(result->first_skipped, first.msg);
	}
	return 0;
}

/* Takes the line in buf, which input_line() returned with got. Returns 1, 0 at the end, or -errno. */
static int take_line(struct lines *l, const struct import_format *f, char *buf, int got,
		     struct err *why, struct err *err)
{
	int r = got;

	l->result->lines += got < 0 || (got > 0 && buf[strspn(buf, " \t")]);
	if (got > 0 && buf[strspn(buf, " \t")])
		r = f->on_line(l, buf, why);
	if (got == 0 && f->on_end)
		r = f->on_end(l, why);
	if (r >= 0)
		return got > 0;
	if (!why->msg[0])
		err_set(why, r, "%s", strerror(-r));
	if (r != -EBADMSG && r != -EFBIG)
		return say_where(l, r, why, err);
	r = skip_line(l, r, why, err);
	why->msg[0] = '\0';
	return r < 0 ? r : got != 0;
}

/* Reads the file l->path, one of n files. */
static int read_file(struct lines *l, const struct import_format *f, size_t n, char *buf,
		     struct err *err)
{
	_cleanup_(input_close) struct input in;
	struct err why = {""};
	int r = input_open(&in, l->path, err);

	if (r < 0)
		return r;
	l->line = 0;
	l->file++;
	r = f->on_file ? f->on_file(l) : 0;
	if (r < 0)
		return err_set(err, r, "%s: %s", l->path, strerror(-r));
	do {
		int got = input_line(&in, buf, &why);

		l->line = got ? in.line : l->line;
		r = take_line(l, f, buf, got, &why, err);
		show_progress(l, n, in.file);
	} while (r > 0);
	return r;
}

static int compare_entry_names(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/*
 * Adds the paths of the files below a directory, sorted by name. Links are followed; one that leads to a
 * folder above is left out. So are hidden files, and what archivers of macOS add.
 */
static int add_directory(const char *dir, char **paths, size_t *len)
{
	_cleanup_free_ char *copy = strdup(dir);
	char *const roots[] = {copy, NULL};
	FTS *t = copy ? fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, compare_entry_names) : NULL;
	FTSENT *e;
	int r = 0;

	if (!t)
		return -ENOMEM;
	while (r == 0 && (errno = 0, e = fts_read(t))) {
		bool hidden = e->fts_level > 0 &&
			      (e->fts_name[0] == '.' || strcmp(e->fts_name, "__MACOSX") == 0);

		if (hidden)
			fts_set(t, e, FTS_SKIP);
		else if (e->fts_info == FTS_F)
			r = -argz_add(paths, len, e->fts_path);
		else if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR)
			r = -e->fts_errno;
	}
	if (r == 0)
		r = -errno;
	fts_close(t);
	return r;
}

/* Returns the number behind the last dot of a path, and its place, or -1. */
static long long number_of_file(const char *path, size_t *ret_at)
{
	const char *dot = strrchr(path, '.');
	char *end;
	long long n;

	if (!dot || dot[1] < '0' || dot[1] > '9')
		return -1;
	n = strtoll(dot + 1, &end, 10);
	*ret_at = (size_t)(dot - path);
	return *end ? -1 : n;
}

static int compare_numbered(const void *a, const void *b)
{
	size_t at;
	long long x = number_of_file(*(char *const *)a, &at),
		  y = number_of_file(*(char *const *)b, &at);

	return x < y ? -1 : x > y;
}

/*
 * Sorts files that differ only in a number behind the last dot, as strace -ff names them: a shell sorts
 * 1000 before 999. Other lists keep their order.
 */
static int sort_numbered(char **paths, size_t *len)
{
	size_t n = argz_count(*paths, *len), at = 0, first = 0;
	_cleanup_free_ char **path = calloc(n + 1, sizeof(*path));
	char *sorted = NULL;
	size_t sorted_len = 0;
	int r = path ? 0 : -ENOMEM;

	if (n < 2 || r < 0)
		return r;
	argz_extract(*paths, *len, path);
	for (size_t i = 0; i < n; i++)
		if (number_of_file(path[i], i ? &at : &first) < 0 || (i && at != first) ||
		    strncmp(path[i], path[0], first) != 0)
			return 0;
	qsort(path, n, sizeof(*path), compare_numbered);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = -argz_add(&sorted, &sorted_len, path[i]);
	free(*paths);
	*paths = sorted;
	*len = sorted_len;
	return r;
}

/* Lists the files to read, as argz_add(3) does. The caller frees *paths, also on failure. */
static int list_files(const struct import_format *f, const struct import_options *o, char **paths,
		      size_t *len, struct err *err)
{
	for (size_t i = 0; i < o->n; i++) {
		struct stat st;
		int r;

		if (f->directories && stat(o->paths[i], &st) == 0 && S_ISDIR(st.st_mode))
			r = add_directory(o->paths[i], paths, len);
		else
			r = -argz_add(paths, len, o->paths[i]);
		if (r < 0)
			return err_set(err, r, "%s: %s", o->paths[i], strerror(-r));
	}
	if (!*len)
		return err_set(err, -EBADMSG, "%s: holds no files", o->paths[0]);
	return sort_numbered(paths, len) < 0 ? err_oom(err) : 0;
}

/* Refuses a recording that is not of the format: most of it could not be read. */
static int check_result(const struct import_result *result, const char *path, struct err *err)
{
	if (result->calls == 0)
		return err_set(err, -EBADMSG, "%s: holds no system calls%s%s", path,
			       result->skipped ? ": " : "", result->first_skipped);
	if (result->skipped > result->calls)
		return err_set(err, -EBADMSG,
			       "%s: %llu of %llu lines are not of the format, the first: %s", path,
			       (unsigned long long)result->skipped,
			       (unsigned long long)result->lines, result->first_skipped);
	return 0;
}

/* Writes the mark of a partial recording, and ends the trace. */
static int end_trace(struct lines *l, struct err *err)
{
	struct import_result *result = l->result;
	const struct lutra_record mark = {
		.ts_ns = l->ts_ns, .type = LUTRA_RECORD_MARK, .aux = LUTRA_MARK_PARTIAL};
	int r = 0;

	if (result->skipped)
		lines_partial(l, "%llu of %llu lines could not be read",
			      (unsigned long long)result->skipped,
			      (unsigned long long)result->lines);
	if (result->partial[0])
		r = trace_writer_add(l->trace, &mark, result->partial, strlen(result->partial));
	if (r < 0)
		return err_set(err, r, "cannot write the trace: %s", strerror(-r));
	return trace_writer_close(TAKE_PTR(l->trace), result->lost, err);
}

/* Reads all files and writes the trace; leaves an incomplete one after a failure. */
static int read_all_files(const struct import_format *f, const struct import_options *o,
			  const char *output, struct import_result *ret, struct err *err)
{
	_cleanup_(lines_done) struct lines l = {.options = o, .result = ret, .arch = f->arch};
	const struct trace_meta meta = {
		.image = strdupa(o->image), .arch = strdupa(f->arch), .source = strdupa(f->name)};
	_cleanup_free_ char *buf = malloc(INPUT_LINE_MAX + 1), *paths = NULL;
	size_t len = 0;
	int r = list_files(f, o, &paths, &len, err);

	*ret = (struct import_result){};
	l.met = calloc(LINES_PIDS, sizeof(*l.met));
	if (r < 0)
		return r;
	if (!buf || !l.met)
		return err_oom(err);
	r = trace_writer_new(&l.trace, output, &meta, err);
	while (r == 0 && (l.path = argz_next(paths, len, l.path)))
		r = read_file(&l, f, argz_count(paths, len), buf, err);
	if (r == 0 && f->on_last)
		r = f->on_last(&l, err);
	if (r == 0)
		r = check_result(ret, o->paths[0], err);
	return r < 0 ? r : end_trace(&l, err);
}

/* Path of the part file, for the signal handler; "": none. */
static char part[4096];

static void remove_part(int sig)
{
	unlink(part);
	signal(sig, SIG_DFL);
	raise(sig);
}

int import_trace(const struct import_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	const size_t n_signals = sizeof(signals) / sizeof(signals[0]);
	struct sigaction act = {.sa_handler = remove_part}, old[sizeof(signals) / sizeof(int)];
	_cleanup_(output_done) struct output output = {};
	int r = output_begin(&output, o->output, o->force, err);

	if (r < 0)
		return r;
	if (strlen(output.part) >= sizeof(part))
		return err_set(err, -ENAMETOOLONG, "%s: name too long", o->output);
	TEXT_COPY(part, output.part);
	for (size_t i = 0; i < n_signals; i++)
		sigaction(signals[i], &act, &old[i]);
	r = read_all_files(f, o, output.part, ret, err);
	if (r == 0)
		r = output_end(&output, err);
	output_done(&output);
	for (size_t i = 0; i < n_signals; i++)
		sigaction(signals[i], &old[i], NULL);
	return r;
}
