/* SPDX-License-Identifier: Apache-2.0 */
/* Reads package databases. Used on the pipeline's thread. */
#include "user/alerts/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "user/alerts/package_rpm.h"
#include "user/sys/clock.h"

#define LISTS_MAX 8192		   /* files of dpkg, of a package each */
#define LIST_BYTES (8u << 20)	   /* of one of them */
#define LISTS_BYTES (64u << 20)	   /* of all that are read */
#define DATABASE_BYTES (64u << 20) /* of a status file, or of the database of apk or rpm */
#define PATH_BYTES 1024

/* ---- texts ---- */

/* Takes the next line of a text, without its end. Returns false at the end of the text. */
static bool next_line(const char **at, const char *end, const char **ret, size_t *ret_len)
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

	while (next_line(&at, text + len, &line, &n))
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

	while (next_line(&at, text + len, &line, &n)) {
		if ((value = value_of(line, n, "Package: ", &value_len))) {
			found = is_text(value, value_len, ret->name);
		} else if (found && (value = value_of(line, n, "Version: ", &value_len))) {
			package_word_set(value, value_len, ret->version);
			return;
		}
	}
}

/* Returns true if directory and name make the path. Neither begins with a slash. */
static bool is_path(const char *dir, size_t dir_len, const char *name, size_t name_len,
		    const char *path)
{
	size_t len = strlen(path), slash = dir_len ? 1 : 0;

	if (len != 1 + dir_len + slash + name_len || path[0] != '/' ||
	    memcmp(path + 1, dir, dir_len) != 0 || (slash && path[1 + dir_len] != '/'))
		return false;
	return memcmp(path + 1 + dir_len + slash, name, name_len) == 0;
}

int package_apk_find(const char *text, size_t len, const char *path, struct package *ret)
{
	const char *at = text, *line, *value, *dir = "";
	struct package p = {};
	size_t n, value_len, dir_len = 0;

	while (next_line(&at, text + len, &line, &n)) {
		if (n == 0) {
			p = (struct package){};
			dir_len = 0;
		} else if ((value = value_of(line, n, "P:", &value_len))) {
			package_word_set(value, value_len, p.name);
		} else if ((value = value_of(line, n, "V:", &value_len))) {
			package_word_set(value, value_len, p.version);
		} else if ((value = value_of(line, n, "F:", &value_len))) {
			dir = value;
			dir_len = value_len;
		} else if ((value = value_of(line, n, "R:", &value_len)) && p.name[0] &&
			   (is_path(dir, dir_len, value, value_len, path) ||
			    is_path(dir, dir_len, value, value_len, package_short_path(path)))) {
			*ret = p;
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- files of the container ---- */

/* Opens a path below a directory, and follows no link out of it. Returns a descriptor or -errno. */
static int open_below(int dir, const char *path, int flags)
{
	const struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
				     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
						RESOLVE_NO_XDEV};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Reads a regular file below a directory. The caller frees *ret. Returns 0 or -errno. */
static int read_below(int dir, const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = open_below(dir, path, O_PATH);
	struct stat st;
	char self[32];

	if (fd < 0)
		return fd;
	/* What is no file is not opened: that could run a driver. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return file_read(AT_FDCWD, self, max, ret, ret_len, NULL);
}

/* Returns true and sets the name if a file is the list of a package: "NAME.list" or "NAME:ARCH.list". */
static bool list_name(const char *file, struct package *ret)
{
	size_t len = strlen(file);

	if (len <= 5 || strcmp(file + len - 5, ".list") != 0)
		return false;
	return package_word_set(file, strcspn(file, ":") < len ? strcspn(file, ":") : len - 5,
				ret->name);
}

/* Finds the list that names the path, and sets the name. Returns 0 or -errno. */
static int find_list(int lists, const char *path, struct package *ret)
{
	int copy = fcntl(lists, F_DUPFD_CLOEXEC, 0), r = -ENOENT;
	DIR *dir = fdopendir(copy);
	size_t bytes = 0;

	if (!dir) {
		r = -errno;
		close(copy);
		return r;
	}
	for (unsigned i = 0; r < 0 && i < LISTS_MAX && bytes < LISTS_BYTES; i++) {
		const struct dirent *d = readdir(dir);
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (!d)
			break;
		if (!list_name(d->d_name, ret) ||
		    read_below(lists, d->d_name, LIST_BYTES, &text, &len) < 0)
			continue;
		bytes += len;
		if (package_list_has(text, len, path))
			r = 0;
	}
	closedir(dir);
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

		r = read_below(root, databases[i], DATABASE_BYTES, &database, &len);
		if (r == 0)
			return package_rpm_find(database, len, path, ret);
	}
	return r;
}

int package_find(int root, const char *path, struct package *ret)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int lists = -1;
	struct package p = {};
	size_t len;
	int r;

	r = read_below(root, "lib/apk/db/installed", DATABASE_BYTES, &text, &len);
	if (r == 0)
		return package_apk_find(text, len, path, ret);
	r = find_rpm(root, path, ret);
	if (r != -ENOENT)
		return r;
	lists = open_below(root, "var/lib/dpkg/info", O_RDONLY | O_DIRECTORY);
	r = lists < 0 ? lists : find_list(lists, path, &p);
	if (r < 0)
		return r;
	if (read_below(root, "var/lib/dpkg/status", DATABASE_BYTES, &text, &len) == 0)
		package_status_read(text, len, &p);
	*ret = p;
	return 0;
}

/* Opens the root of a process. Returns a descriptor or -errno. */
static int open_root(uint32_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	fd = pid ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	return fd < 0 ? -ESRCH : fd;
}

const char *package_describe(struct throttle *limit, const struct lutra_evidence *ev,
			     const char *path, size_t path_len, char buf[static PACKAGE_TEXT])
{
	static const struct throttle_rate rate = {.per_second = 2, .burst = 10};
	_cleanup_close_ int root = -1;
	char name[PATH_BYTES];
	struct package p = {};
	uint64_t folded;

	if (ev->rule != LUTRA_RULE_UPDATED || path_len == 0 || path_len >= sizeof(name) ||
	    path[0] != '/' || memchr(path, '\0', path_len) ||
	    !throttle_pass(limit, &rate, clock_now_ns(), &folded))
		return NULL;
	memcpy(name, path, path_len);
	name[path_len] = '\0';
	root = open_root(ev->tgid);
	if (root < 0)
		root = open_root(ev->ppid);
	if (root < 0 || package_find(root, name, &p) < 0)
		return NULL;
	snprintf(buf, PACKAGE_TEXT, "%s%s%s", p.name, p.version[0] ? " " : "", p.version);
	return buf;
}
