/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads package databases below a root directory: dpkg (Debian, Ubuntu), apk (Alpine), and rpm (Fedora,
 * RHEL) if its database is an SQLite file. The root belongs to a container, which may write anything
 * into the database. So the readers limit how much they read, and callers must not trust the result.
 */
#ifndef LUTRA_LIB_BASE_PACKAGE_PACKAGE_H
#define LUTRA_LIB_BASE_PACKAGE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKAGE_WORD 96 /* bytes of a name or a version, with the NUL */

struct package {
	char name[PACKAGE_WORD];
	char version[PACKAGE_WORD]; /* "": unknown */
};

/*
 * Finds the package that holds a path. root: descriptor of the root directory. Follows no link out of
 * the root, and no mount below it. Returns 0; -ENOENT: no package holds the path; or -errno.
 */
int package_find(int root, const char *path, struct package *ret);

/* Callbacks of package_each_file(). path is len bytes without a NUL at the end. */
struct package_visitor {
	/* Returns true if the files of this package are wanted. Is called once for each package. */
	bool (*wants)(void *ctx, const char *name);
	/* Is called for each file, with the whole path. Returns 0, or -errno to end the walk. */
	int (*on_file)(void *ctx, const char *name, const char *path, size_t len);
	void *ctx;
};

/*
 * Calls on_file for each file of the installed packages that wants() accepts. Reads dpkg and apk only.
 * Returns 0; -ENOENT: there is no database; another -errno if it cannot be opened; or the error of
 * on_file.
 */
int package_each_file(int root, const struct package_visitor *v);

/* Copies a name or version. Returns false if it is not of letters, digits and "+-.:~_^", or too long. */
bool package_word_set(const char *s, size_t len, char ret[static PACKAGE_WORD]);
/* Returns the path without a leading /usr: databases list /bin/x where /bin is a link to /usr/bin. */
const char *package_short_path(const char *path);

/* The functions below take any bytes as text. */

/* Returns true if a list of files of dpkg holds the path. */
bool package_list_has(const char *text, size_t len, const char *path);
/* Sets ret->version to the version of ret->name in a status file of dpkg, if it is there. */
void package_status_read(const char *text, size_t len, struct package *ret);
/* Finds the package of a path in the database of apk. Returns 0 or -ENOENT. */
int package_apk_find(const char *text, size_t len, const char *path, struct package *ret);
/* Calls v for the files in the database of apk, like package_each_file(). Returns 0 or on_file's error. */
int package_apk_walk(const char *text, size_t len, const struct package_visitor *v);

#endif
