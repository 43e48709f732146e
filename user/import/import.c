/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of formats, and the import into a part file: reads text files line by line. Uses signal
 * handlers of the process.
 */
#include "user/import/import.h"

#include <argz.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "user/import/lines.h"

#define LINES_SHOWN 4096 /* lines between two looks at the clock */

const struct import_format import_formats[] = {
	{"adfa-ld", "i386", adfa_line, adfa_file, true},
	{"unm", "i386", unm_line, NULL, false},
	{"strace", "x86_64", strace_line, strace_file, false},
	{"lid-ds", "x86_64", lid_ds_line, NULL, false},
	{"falco", "x86_64", falco_line, NULL, false},
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

/*
 * Reads the next line into buf. Returns 1, or 0 at the end. -EFBIG: longer than LINES_LINE_MAX.
 * -EBADMSG: the line holds a NUL byte.
 */
static int next_line(FILE *f, char *buf, struct err *err)
{
	size_t len = 0;
	int c;

	while ((c = getc_unlocked(f)) != EOF && c != '\n') {
		if (len == LINES_LINE_MAX)
			return err_set(err, -EFBIG, "line is longer than %u bytes", LINES_LINE_MAX);
		if (c == '\0')
			return err_set(err, -EBADMSG, "holds a NUL byte: not a text file");
		buf[len++] = (char)c;
	}
	if (c == EOF && ferror(f))
		return err_set(err, -errno, "%s", strerror(errno));
	while (len && buf[len - 1] == '\r')
		len--;
	buf[len] = '\0';
	return c != EOF || len > 0;
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

/* Reads the file l->path, one of n files. */
static int read_file(struct lines *l, const struct import_format *f, size_t n, char *buf,
		     struct err *err)
{
	_cleanup_close_ int fd = file_open_read(AT_FDCWD, l->path, err);
	_cleanup_fclose_ FILE *in = NULL;
	struct err why = {""};
	int r;

	if (fd < 0)
		return fd;
	in = fdopen(fd, "r");
	if (!in)
		return err_set(err, -errno, "%s: %s", l->path, strerror(errno));
	TAKE_FD(fd);
	l->line = 0;
	l->file++;
	r = f->on_file ? f->on_file(l) : 0;
	while (r >= 0) {
		l->line++;
		r = next_line(in, buf, &why);
		if (r == 0)
			return 0;
		show_progress(l, n, in);
		if (r > 0 && buf[strspn(buf, " \t")])
			r = f->on_line(l, buf, &why);
	}
	if (!why.msg[0])
		err_set(&why, r, "%s", strerror(-r));
	return err_set(err, r, "%s:%llu: %s", l->path, (unsigned long long)l->line, why.msg);
}

static int is_visible_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && (e->d_type == DT_REG || e->d_type == DT_UNKNOWN);
}

/* Adds the paths of the files in a directory, sorted by name. */
static int add_directory(const char *dir, char **paths, size_t *len)
{
	char path[PATH_MAX];
	struct dirent **names;
	int n = scandir(dir, &names, is_visible_file, alphasort), r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		r = r < 0 ? r : -argz_add(paths, len, path);
		free(names[i]);
	}
	free(names);
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
	return *len ? 0 : err_set(err, -EBADMSG, "%s: holds no files", o->paths[0]);
}

/* Reads all files and writes the trace; leaves an incomplete one after a failure. */
static int read_all_files(const struct import_format *f, const struct import_options *o,
			  struct import_result *ret, struct err *err)
{
	_cleanup_(lines_done) struct lines l = {.options = o, .result = ret, .arch = f->arch};
	const struct trace_meta meta = {
		.image = strdupa(o->image), .arch = strdupa(f->arch), .source = strdupa(f->name)};
	_cleanup_free_ char *buf = malloc(LINES_LINE_MAX + 1), *paths = NULL;
	size_t len = 0;
	int r = list_files(f, o, &paths, &len, err);

	*ret = (struct import_result){};
	l.met = calloc(LINES_PIDS, sizeof(*l.met));
	if (r < 0)
		return r;
	if (!buf || !l.met)
		return err_oom(err);
	r = trace_writer_new(&l.trace, o->output, &meta, err);
	while (r == 0 && (l.path = argz_next(paths, len, l.path)))
		r = read_file(&l, f, argz_count(paths, len), buf, err);
	if (r == 0 && ret->calls == 0)
		r = err_set(err, -EBADMSG, "%s: holds no system calls", o->paths[0]);
	return r < 0 ? r : trace_writer_close(TAKE_PTR(l.trace), 0, err);
}

/* Path of the part file, for the signal handler; "": none. */
static char part[4096];

static void remove_part(int sig)
{
	unlink(part);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Renames the finished trace, unless a file of that name exists by now. */
static int name_part(const char *output, struct err *err)
{
	if (renameat2(AT_FDCWD, part, AT_FDCWD, output, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST)
		return trace_exists(output, err);
	/* Not every file system can refuse to replace. */
	if (errno == EINVAL && rename(part, output) == 0)
		return 0;
	return err_set(err, -errno, "%s: cannot create: %s", output, strerror(errno));
}

int import_trace(const struct import_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	const size_t n_signals = sizeof(signals) / sizeof(signals[0]);
	struct import_options to_part = *o;
	struct sigaction act = {.sa_handler = remove_part}, old[sizeof(signals) / sizeof(int)];
	int r;

	if (access(o->output, F_OK) == 0)
		return trace_exists(o->output, err);
	if (snprintf(part, sizeof(part), "%s.%d.part", o->output, (int)getpid()) >=
	    (int)sizeof(part))
		return err_set(err, -ENAMETOOLONG, "%s: name too long", o->output);
	to_part.output = part;
	for (size_t i = 0; i < n_signals; i++)
		sigaction(signals[i], &act, &old[i]);
	r = read_all_files(f, &to_part, ret, err);
	if (r == 0)
		r = name_part(o->output, err);
	if (r < 0)
		unlink(part);
	for (size_t i = 0; i < n_signals; i++)
		sigaction(signals[i], &old[i], NULL);
	return r;
}
