/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The package that a program or library of a container belongs to, as the container's package
 * database tells it: that of dpkg (Debian, Ubuntu), of apk (Alpine) or of rpm (Fedora, RHEL), if rpm
 * has it in an SQLite file. What the database says is the container's word: it goes into the text of
 * an alert, and decides nothing.
 */
#ifndef LUTRA_USER_ALERTS_PACKAGE_H
#define LUTRA_USER_ALERTS_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"
#include "user/sys/rate_limit.h"

#define PACKAGE_WORD 96	 /* a name or a version, with its end */
#define PACKAGE_TEXT 200 /* both */

struct package {
	char name[PACKAGE_WORD];
	char version[PACKAGE_WORD]; /* "": unknown */
};

/*
 * Returns "NAME VERSION" of the package of an updated file, in buf, or NULL: it is of none, no
 * database is known, the process and its parent are gone, or too many alerts were looked up. Reads
 * the files of the container, through the root of the process. May block on their disk.
 */
const char *package_describe(struct throttle *limit, const struct lutra_evidence *ev,
			     const char *path, size_t path_len, char buf[static PACKAGE_TEXT]);

/*
 * Finds the package of a path below a root directory (a descriptor). Follows no link out of it and
 * no mount below it. Returns 0; -ENOENT: none has it; or -errno.
 */
int package_find(int root, const char *path, struct package *ret);

/*
 * Copies a name or version if it is one: letters, digits and "+-.:~_^". Returns false if not.
 */
bool package_word_set(const char *s, size_t len, char ret[static PACKAGE_WORD]);
/* Returns the path without a leading /usr: files may have come by a link from there. */
const char *package_short_path(const char *path);

/* Returns true if a list of files of dpkg names the path. Any bytes. */
bool package_list_has(const char *text, size_t len, const char *path);
/* Finds the version of ret->name in a status file of dpkg, and sets it. Any bytes. */
void package_status_read(const char *text, size_t len, struct package *ret);
/* Finds the package of a path in the database of apk. Returns 0 or -ENOENT. Any bytes. */
int package_apk_find(const char *text, size_t len, const char *path, struct package *ret);

#endif
