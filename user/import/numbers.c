/* SPDX-License-Identifier: Apache-2.0 */
/* Imports numbers of system calls: ADFA-LD, and data of the University of New Mexico. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/array.h"
#include "user/import/lines.h"

/* Both data sets were recorded on 32-bit x86. */
#define ARCH "i386"

static int bad_number(char *at, struct err *err)
{
	return err_set(err, -EBADMSG, "'%.20s' is not a system call number from 0 to %d", at,
		       LUTRA_NR - 1);
}

/* ---- ADFA-LD ---- */

/* Each file is a task; its id is the index of the file. */
static int adfa_file(struct lines *l, void *ctx, const char *path, struct err *err)
{
	uint32_t *tid = ctx;

	(void)path;
	(void)err;
	return lines_plain(l, ++*tid, LUTRA_RECORD_ARM);
}

static int adfa_line(struct lines *l, void *ctx, char *line, struct err *err)
{
	const uint32_t *tid = ctx;
	char *s = line + strspn(line, " \t");
	int r = 0;

	while (r == 0 && *s) {
		char *at = s;
		uint64_t nr;

		if (!lines_number(&s, LUTRA_NR - 1, &nr))
			return bad_number(at, err);
		l->ts_ns += LINES_STEP_NS;
		r = lines_call(l, *tid, *tid, (uint16_t)nr);
		s += strspn(s, " \t");
	}
	return r;
}

/* The files to read. A directory stands for its files, sorted by name. */
struct files {
	char **paths;
	size_t n, size;
};

static void files_done(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->paths[i]);
	free(f->paths);
}

static int add_path(struct files *f, const char *dir, const char *name)
{
	if (ARRAY_RESERVE(f->paths, f->size, f->n + 1) < 0)
		return -ENOMEM;
	if (asprintf(&f->paths[f->n], "%s%s%s", dir, *name ? "/" : "", name) < 0)
		return -ENOMEM;
	f->n++;
	return 0;
}

static int is_visible_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && (e->d_type == DT_REG || e->d_type == DT_UNKNOWN);
}

static int add_paths_of(struct files *f, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_visible_file, alphasort), r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		r = r < 0 ? r : add_path(f, dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return r;
}

int import_adfa(const struct import_options *o, struct import_result *ret, struct err *err)
{
	_cleanup_(files_done) struct files files = {0};
	struct import_options all = *o;
	uint32_t tid = 0;
	struct lines_format f = {"adfa-ld", ARCH, adfa_line, adfa_file, &tid};

	for (size_t i = 0; i < o->n; i++) {
		struct stat st;
		int r = stat(o->paths[i], &st) < 0 ? -errno : 0;

		if (r == 0 && S_ISDIR(st.st_mode))
			r = add_paths_of(&files, o->paths[i]);
		else if (r == 0)
			r = add_path(&files, o->paths[i], "");
		if (r < 0)
			return err_set(err, r, "%s: %s", o->paths[i], strerror(-r));
	}
	if (files.n == 0)
		return err_set(err, -EBADMSG, "%s: holds no files", o->paths[0]);
	all.paths = (const char *const *)files.paths;
	all.n = files.n;
	return lines_import(&f, &all, ret, err);
}

/* ---- UNM ---- */

static int unm_line(struct lines *l, void *ctx, char *line, struct err *err)
{
	char *s = line + strspn(line, " \t"), *at = s;
	uint64_t pid, nr;

	(void)ctx;
	if (!*s)
		return 0;
	if (!lines_number(&s, LINES_PIDS - 1, &pid))
		return err_set(err, -EBADMSG, "'%.20s' is not a process id", at);
	at = s;
	if (!lines_number(&s, LUTRA_NR - 1, &nr))
		return bad_number(at, err);
	if (s[strspn(s, " \t")])
		return err_set(err, -EBADMSG,
			       "holds more than a process id and a system call number");
	l->ts_ns += LINES_STEP_NS;
	return lines_call(l, (uint32_t)pid, (uint32_t)pid, (uint16_t)nr);
}

int import_unm(const struct import_options *o, struct import_result *ret, struct err *err)
{
	struct lines_format f = {"unm", ARCH, unm_line, NULL, NULL};

	return lines_import(&f, o, ret, err);
}
