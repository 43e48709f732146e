/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package databases below a root directory: that of dpkg (Debian, Ubuntu), of apk (Alpine), and of
 * rpm (Fedora, RHEL), if rpm has it in an SQLite file. The root is a container's, so a database may
 * hold anything: what is read is bounded, and what it says is the container's word.
 */
#ifndef LUTRA_LIB_BASE_PACKAGE_H
#define LUTRA_LIB_BASE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKAGE_WORD 96 /* a name or a version, with its end */

struct package {
	char name[PACKAGE_WORD];
	char version[PACKAGE_WORD]; /* "": unknown */
};

/*
 * Finds the package of a path below a root directory (a descriptor). Follows no link out of it and
 * no mount below it. Returns 0; -ENOENT: none has it; or -errno.
 */
int package_find(int root, const char *path, struct package *ret);

/* What package_each_file() calls. Neither text ends with NUL: each has a length. */
struct package_visitor {
	/* Returns true if the files of this package are wanted. */
	bool (*wants)(void *ctx, const char *name);
	/* Takes a file of it: its whole path. Returns 0, or -errno to end the walk. */
	int (*on_file)(void *ctx, const char *name, const char *path, size_t len);
	void *ctx;
};

/*
 * Walks over the files of those installed packages that are wanted. Reads dpkg and apk only. Returns 0; -ENOENT: there is no
 * database; or what on_file returned.
 */
int package_each_file(int root, const struct package_visitor *v);

/* Copies a name or version if it is one: letters, digits and "+-.:~_^". Returns false if not. */
bool package_word_set(const char *s, size_t len, char ret[static PACKAGE_WORD]);
/* Returns the path without a leading /usr: files may have come by a link from there. */
const char *package_short_path(const char *path);

/* Returns true if a list of files of dpkg names the path. Any bytes. */
bool package_list_has(const char *text, size_t len, const char *path);
/* Finds the version of ret->name in a status file of dpkg, and sets it. Any bytes. */
void package_status_read(const char *text, size_t len, struct package *ret);
/* Finds the package of a path in the database of apk. Returns 0 or -ENOENT. Any bytes. */
int package_apk_find(const char *text, size_t len, const char *path, struct package *ret);
/* Walks over the database of apk as package_each_file(). Any bytes. */
int package_apk_walk(const char *text, size_t len, const struct package_visitor *v);

#endif
