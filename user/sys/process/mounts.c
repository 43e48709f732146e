/* SPDX-License-Identifier: Apache-2.0 */
/* Reads mountinfo. */
#include "user/sys/process/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/cleanup.h"
#include "user/sys/thread.h"

/* A part of a line. */
struct span {
	const char *s;
	size_t len;
};

void mounts_done(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->mount[i].root);
		free(m->mount[i].point);
	}
	free(m->mount);
	*m = (struct mounts){};
}

/*
 * Splits *rest at its first byte end: *ret is the part before it, *rest becomes the part behind it.
 * Returns false if *rest has no such byte.
 */
static bool take_part(struct span *rest, char end, struct span *ret)
{
	const char *at = memchr(rest->s, end, rest->len);

	if (!at)
		return false;
	*ret = (struct span){rest->s, (size_t)(at - rest->s)};
	rest->len -= ret->len + 1;
	rest->s = at + 1;
	return true;
}

static bool parse_number(struct span s, uint32_t *ret)
{
	uint64_t v = 0;

	if (s.len == 0 || s.len > 10)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.s[i] < '0' || s.s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.s[i] - '0');
	}
	*ret = (uint32_t)v;
	return v <= UINT32_MAX;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Returns the byte of the octal escape at the start of s, such as "\040". 0: there is none. */
static char escaped_byte(struct span s)
{
	if (s.len < 4 || s.s[1] > '3' || !is_octal(s.s[1]) || !is_octal(s.s[2]) ||
	    !is_octal(s.s[3]))
		return 0;
	return (char)((s.s[1] - '0') << 6 | (s.s[2] - '0') << 3 | (s.s[3] - '0'));
}

/*
 * Copies a field and decodes its escapes. The caller frees *ret. Returns 0, -EBADMSG if the field
 * is empty, too long or has a wrong escape, or -ENOMEM.
 */
static int copy_field(struct span s, char **ret)
{
	_cleanup_free_ char *out = NULL;
	size_t n = 0;

	if (s.len == 0 || s.len >= 4 * PATH_MAX)
		return -EBADMSG;
	out = malloc(s.len + 1);
	if (!out)
		return -ENOMEM;
	while (s.len) {
		bool escaped = *s.s == '\\';
		size_t step = escaped ? 4 : 1;

		out[n] = escaped ? escaped_byte(s) : *s.s;
		if (!out[n++])
			return -EBADMSG;
		s.s += step;
		s.len -= step;
	}
	out[n] = '\0';
	*ret = TAKE_PTR(out);
	return 0;
}

/* Returns true for "/" and for an absolute path without ".", ".." and empty components. */
static bool is_plain_path(const char *path)
{
	if (*path != '/' || strlen(path) >= PATH_MAX)
		return false;
	for (const char *at = path; path[1] && at; at = strchr(at + 1, '/')) {
		size_t len = strcspn(at + 1, "/");

		if (len == 0 || (len <= 2 && strncmp(at + 1, "..", len) == 0))
			return false;
	}
	return true;
}

/*
 * Parses a line. The caller frees the strings of *ret, also after an error. Returns 0, -EBADMSG if
 * the line is not as the kernel writes it, or -ENOMEM.
 */
static int parse_line(struct span line, struct mount *ret)
{
	struct span id, parent, major, minor, root, point, options, rest = line;
	int r;

	if (!take_part(&rest, ' ', &id) || !take_part(&rest, ' ', &parent) ||
	    !take_part(&rest, ':', &major) || !take_part(&rest, ' ', &minor) ||
	    !take_part(&rest, ' ', &root) || !take_part(&rest, ' ', &point) ||
	    !take_part(&rest, ' ', &options) || !parse_number(id, &ret->id) ||
	    !parse_number(parent, &ret->parent) || !parse_number(major, &ret->major) ||
	    !parse_number(minor, &ret->minor))
		return -EBADMSG;
	/* Skip the optional fields. A "-" ends them. */
	while (take_part(&rest, ' ', &options) && !(options.len == 1 && *options.s == '-'))
		;
	if (options.len != 1 || *options.s != '-' || rest.len == 0)
		return -EBADMSG;
	r = copy_field(point, &ret->point);
	if (r == 0)
		r = copy_field(root, &ret->root);
	if (r == 0 && !is_plain_path(ret->point))
		r = -EBADMSG;
	/* A namespace, a deleted directory, or a cgroup above the reader's has no such path. */
	if (r == 0 && !is_plain_path(ret->root))
		free(TAKE_PTR(ret->root));
	return r;
}

int mounts_parse(const char *text, size_t len, struct mounts *ret)
{
	struct span rest = {text, len}, line;
	struct mounts all = {};

	while (take_part(&rest, '\n', &line)) {
		struct mount m = {};
		int r;

		if (all.n >= MOUNTS_MAX) {
			all.truncated = true;
			break;
		}
		r = ARRAY_RESERVE(all.mount, all.size, all.n + 1);
		if (r == 0)
			r = parse_line(line, &m);
		if (r == 0) {
			all.mount[all.n++] = m;
			continue;
		}
		free(m.root);
		free(m.point);
		if (r == -ENOMEM) {
			mounts_done(&all);
			return r;
		}
	}
	*ret = all;
	return 0;
}

/* Returns the error of an operation in /proc, by errno: of a process that has ended, it is -ESRCH. */
static int proc_error(void)
{
	return errno == ENOENT ? -ESRCH : -errno;
}

/* Reads a mountinfo. Returns 0 or -errno. */
static int read_mountinfo(int fd, struct mounts *ret)
{
	_cleanup_free_ char *text = malloc(MOUNTS_BYTES_MAX);
	size_t len = 0;
	ssize_t n;
	int r;

	if (!text)
		return -ENOMEM;
	do {
		n = read(fd, text + len, MOUNTS_BYTES_MAX - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len < MOUNTS_BYTES_MAX);
	if (n < 0)
		return -errno;
	r = mounts_parse(text, len, ret);
	if (r == 0 && len == MOUNTS_BYTES_MAX)
		ret->truncated = true;
	return r;
}

int mounts_read(int proc, struct mounts *ret)
{
	_cleanup_close_ int fd = openat(proc, "mountinfo", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? proc_error() : read_mountinfo(fd, ret);
}

struct namespace_reader {
	int namespace, proc_fs; /* descriptors: of a mount namespace, and of /proc */
	int r;
	struct mounts mounts;
};

/* A thread that joins a mount namespace gets the root of the namespace: setns(2). */
static void *read_joined(void *ctx)
{
	struct namespace_reader *j = ctx;
	_cleanup_close_ int fd = -1;

	j->r = unshare(CLONE_FS) < 0 || setns(j->namespace, CLONE_NEWNS) < 0 ? -errno : 0;
	if (j->r < 0)
		return NULL;
	fd = openat(j->proc_fs, "thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
	j->r = fd < 0 ? -errno : read_mountinfo(fd, &j->mounts);
	return NULL;
}

int mounts_read_namespace(int proc, struct mounts *ret)
{
	_cleanup_close_ int namespace = openat(proc, "ns/mnt", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int proc_fs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct namespace_reader j = {.namespace = namespace, .proc_fs = proc_fs};
	struct stat own, its;
	pthread_t thread;
	int r;

	if (namespace < 0 || fstat(namespace, &its) < 0)
		return proc_error();
	if (proc_fs < 0 || fstatat(proc_fs, "self/ns/mnt", &own, 0) < 0)
		return -errno;
	if (own.st_dev == its.st_dev && own.st_ino == its.st_ino)
		return mounts_read(proc, ret);
	r = thread_start(&thread, "mounts", read_joined, &j);
	if (r < 0)
		return r;
	pthread_join(thread, NULL);
	if (j.r == 0)
		*ret = j.mounts;
	return j.r;
}
