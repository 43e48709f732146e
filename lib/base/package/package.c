/* SPDX-License-Identifier: Apache-2.0 */
/* Reads package databases of a root directory. */
#include "lib/base/package/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/base/package/file_below.h"
#include "lib/base/package/package_rpm.h"

#define PACKAGES_MAX 8192	   /* of a database, that are looked at */
#define LIST_BYTES (8u << 20)	   /* of one of them */
#define LISTS_BYTES (64u << 20)	   /* of all that are read */
#define DATABASE_BYTES (64u << 20) /* of a status file, or of the database of apk or rpm */
#define PATH_BYTES 1024

/* ---- texts ---- */

/* Takes the next line of a text, without its end. Returns false at the end of the text. */
static bool next_text_line(const char **at, const char *end, const char **ret, size_t *ret_len)
{
	const char *stop;

	if (*at >= end)
		return false;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	stop = stop ? stop : end;
	*ret = *at;
	*ret_len = (size_t)(stop - *at);
	*at = stop + 1;
	return true;
}

bool package_word_set(const char *s, size_t len, char ret[static PACKAGE_WORD])
{
	if (len == 0 || len >= PACKAGE_WORD)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    !(c && strchr("+-.:~_^", c)))
			return false;
	}
	memcpy(ret, s, len);
	ret[len] = '\0';
	return true;
}

const char *package_short_path(const char *path)
{
	return strncmp(path, "/usr/", 5) == 0 ? path + 4 : path;
}

static bool is_text(const char *s, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(s, text, len) == 0;
}

bool package_list_has(const char *text, size_t len, const char *path)
{
	const char *at = text, *line;
	size_t n;

	while (next_text_line(&at, text + len, &line, &n))
		if (is_text(line, n, path) || is_text(line, n, package_short_path(path)))
			return true;
	return false;
}

/* Returns what follows a key in a line, or NULL. */
static const char *value_of(const char *line, size_t len, const char *key, size_t *ret_len)
{
	size_t n = strlen(key);

	if (len < n || memcmp(line, key, n) != 0)
		return NULL;
	*ret_len = len - n;
	return line + n;
}

void package_status_read(const char *text, size_t len, struct package *ret)
{
	const char *at = text, *line, *value;
	bool found = false;
	size_t n, value_len;

	while (next_text_line(&at, text + len, &line, &n)) {
		if ((value = value_of(line, n, "Package: ", &value_len))) {
			found = is_text(value, value_len, ret->name);
		} else if (found && (value = value_of(line, n, "Version: ", &value_len))) {
			package_word_set(value, value_len, ret->version);
			return;
		}
	}
}

/* Returns true if directory and name make the path. Neither begins with a slash. */
static bool is_joined_path(const char *dir, size_t dir_len, const char *name, size_t name_len,
			   const char *path)
{
	size_t len = strlen(path), slash = dir_len ? 1 : 0;

	if (len != 1 + dir_len + slash + name_len || path[0] != '/' ||
	    memcmp(path + 1, dir, dir_len) != 0 || (slash && path[1 + dir_len] != '/'))
		return false;
	return memcmp(path + 1 + dir_len + slash, name, name_len) == 0;
}

/* A walk over the files in a database of apk. */
struct apk_walk {
	const char *at, *end;
	struct package package; /* of the file; "": its name is bad */
	const char *dir, *name; /* of the file */
	size_t dir_len, name_len;
};

/* Goes to the next file. Returns false at the end of the database. */
static bool next_apk_file(struct apk_walk *w)
{
	const char *line, *value;
	size_t n, value_len;

	while (next_text_line(&w->at, w->end, &line, &n)) {
		if (n == 0) {
			w->package = (struct package){};
			w->dir_len = 0;
		} else if ((value = value_of(line, n, "P:", &value_len))) {
			package_word_set(value, value_len, w->package.name);
		} else if ((value = value_of(line, n, "V:", &value_len))) {
			package_word_set(value, value_len, w->package.version);
		} else if ((value = value_of(line, n, "F:", &value_len))) {
			w->dir = value;
			w->dir_len = value_len;
		} else if ((value = value_of(line, n, "R:", &value_len))) {
			w->name = value;
			w->name_len = value_len;
			return true;
		}
	}
	return false;
}

int package_apk_find(const char *text, size_t len, const char *path, struct package *ret)
{
	struct apk_walk w = {.at = text, .end = text + len, .dir = ""};

	while (next_apk_file(&w)) {
		if (w.package.name[0] &&
		    (is_joined_path(w.dir, w.dir_len, w.name, w.name_len, path) ||
		     is_joined_path(w.dir, w.dir_len, w.name, w.name_len,
				    package_short_path(path)))) {
			*ret = w.package;
			return 0;
		}
	}
	return -ENOENT;
}

int package_apk_walk(const char *text, size_t len, const struct package_visitor *v)
{
	struct apk_walk w = {.at = text, .end = text + len, .dir = ""};
	char path[PATH_BYTES], asked[PACKAGE_WORD] = "";
	unsigned n_packages = 0;
	bool wanted = false;

	while (next_apk_file(&w)) {
		int n, r;

		if (!w.package.name[0] || w.dir_len + w.name_len + 2 >= sizeof(path))
			continue;
		if (strcmp(asked, w.package.name) != 0) {
			if (n_packages++ >= PACKAGES_MAX)
				return 0;
			wanted = v->wants(v->ctx, w.package.name);
			memcpy(asked, w.package.name, sizeof(asked));
		}
		if (!wanted)
			continue;
		n = snprintf(path, sizeof(path), "/%.*s%s%.*s", (int)w.dir_len, w.dir,
			     w.dir_len ? "/" : "", (int)w.name_len, w.name);
		/* A name may be empty, or begin with a NUL. */
		r = n > 1 ? v->on_file(v->ctx, w.package.name, path, (size_t)n) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- files of the container ---- */

/* Returns true and sets the name if a file is the list of a package: "NAME.list" or "NAME:ARCH.list". */
static bool list_name(const char *file, struct package *ret)
{
	size_t len = strlen(file);

	if (len <= 5 || strcmp(file + len - 5, ".list") != 0)
		return false;
	return package_word_set(file, strcspn(file, ":") < len ? strcspn(file, ":") : len - 5,
				ret->name);
}

/* A walk over the lists of dpkg. */
struct list_walk {
	int lists; /* their directory */
	DIR *dir;
	unsigned n;   /* names that were looked at */
	size_t bytes; /* that were read */
	struct package package;
};

/* Opens the directory of the lists. The caller calls list_walk_done(). Returns 0 or -errno. */
static int list_walk_init(struct list_walk *w, int root)
{
	int copy, r;

	*w = (struct list_walk){
		.lists = file_open_below(root, "var/lib/dpkg/info", O_RDONLY | O_DIRECTORY)};
	if (w->lists < 0)
		return w->lists;
	copy = fcntl(w->lists, F_DUPFD_CLOEXEC, 0);
	w->dir = fdopendir(copy);
	if (w->dir)
		return 0;
	r = -errno;
	if (copy >= 0)
		close(copy);
	return r;
}

static void list_walk_done(struct list_walk *w)
{
	if (w->dir)
		closedir(w->dir);
	if (w->lists >= 0)
		close(w->lists);
}

/* Goes to the list of the next package. Sets *ret to its file's name, or to NULL at the end. */
static void next_list(struct list_walk *w, const char **ret)
{
	*ret = NULL;
	while (!*ret && w->n++ < PACKAGES_MAX && w->bytes < LISTS_BYTES) {
		const struct dirent *d = w->dir ? readdir(w->dir) : NULL;

		if (!d)
			return;
		if (list_name(d->d_name, &w->package))
			*ret = d->d_name;
	}
}

/* Reads a list. The caller frees *ret. Returns 0 or -errno. */
static int read_package_list(struct list_walk *w, const char *file, char **ret, size_t *ret_len)
{
	int r = file_read_below(w->lists, file, LIST_BYTES, ret, ret_len);

	w->bytes += r == 0 ? *ret_len : 0;
	return r;
}

/* Finds the list that names the path, and sets the name. Returns 0 or -errno. */
static int find_list(int root, const char *path, struct package *ret)
{
	_cleanup_(list_walk_done) struct list_walk w;
	const char *file;
	int r = list_walk_init(&w, root);

	if (r < 0)
		return r;
	for (next_list(&w, &file); file; next_list(&w, &file)) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (read_package_list(&w, file, &text, &len) < 0 ||
		    !package_list_has(text, len, path))
			continue;
		*ret = w.package;
		return 0;
	}
	return -ENOENT;
}

/* Walks over the paths in a list of dpkg. */
static int walk_list(const struct package *p, const char *text, size_t len,
		     const struct package_visitor *v)
{
	const char *at = text, *line;
	size_t n;
	int r = 0;

	while (r == 0 && next_text_line(&at, text + len, &line, &n))
		if (n > 1 && line[0] == '/')
			r = v->on_file(v->ctx, p->name, line, n);
	return r;
}

int package_each_file(int root, const struct package_visitor *v)
{
	_cleanup_(list_walk_done) struct list_walk w = {.lists = -1};
	_cleanup_free_ char *database = NULL;
	const char *file;
	size_t len;
	int r = file_read_below(root, "lib/apk/db/installed", DATABASE_BYTES, &database, &len);

	if (r == 0)
		return package_apk_walk(database, len, v);
	r = list_walk_init(&w, root);
	if (r < 0)
		return r;
	for (next_list(&w, &file); file && r == 0; next_list(&w, &file)) {
		_cleanup_free_ char *text = NULL;

		if (v->wants(v->ctx, w.package.name) &&
		    read_package_list(&w, file, &text, &len) == 0)
			r = walk_list(&w.package, text, len, v);
	}
	return r;
}

/* Finds the package in the first database of rpm that there is. Returns 0 or -errno. */
static int find_rpm(int root, const char *path, struct package *ret)
{
	static const char *const databases[] = {"usr/lib/sysimage/rpm/rpmdb.sqlite",
						"var/lib/rpm/rpmdb.sqlite"};
	int r = -ENOENT;

	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++) {
		_cleanup_free_ char *database = NULL;
		size_t len;

		r = file_read_below(root, databases[i], DATABASE_BYTES, &database, &len);
		if (r == 0)
			return package_rpm_find(database, len, path, ret);
	}
	return r;
}

int package_find(int root, const char *path, struct package *ret)
{
	_cleanup_free_ char *text = NULL;
	struct package p = {};
	size_t len;
	int r;

	r = file_read_below(root, "lib/apk/db/installed", DATABASE_BYTES, &text, &len);
	if (r == 0)
		return package_apk_find(text, len, path, ret);
	r = find_rpm(root, path, &p);
	if (r == 0)
		*ret = p;
	if (r != -ENOENT)
		return r;
	r = find_list(root, path, &p);
	if (r < 0)
		return r;
	if (file_read_below(root, "var/lib/dpkg/status", DATABASE_BYTES, &text, &len) == 0)
		package_status_read(text, len, &p);
	*ret = p;
	return 0;
}
