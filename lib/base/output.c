/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs. The file's own directory holds the part, so that a rename puts it in place. */
#include "lib/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"

#define COPY_BYTES 65536

static int out_of_memory(const char *path, struct err *err)
{
	err_set(err, -ENOMEM, "%s: out of memory", path);
	return -ENOMEM;
}

/* Checks what has the name of the output. Returns 0 or -errno. */
static int check_place(const char *path, bool force, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT)
			return err_set(err, -errno, "%s: %s", path, strerror(errno));
		if (lstat(path, &st) == 0)
			return err_set(err, -EINVAL,
				       "%s: a symbolic link to a file that does not exist", path);
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return err_set(
			err, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
			"%s: not a regular file: only files are written, and standard output "
			"as -",
			path);
	if (!force)
		return err_set(err, -EEXIST, "%s: exists: --force replaces it", path);
	return 0;
}

int output_begin(struct output *o, const char *path, bool force, struct err *err)
{
	const char *dir = getenv("TMPDIR");
	int r;

	o->force = force;
	if (strcmp(path, "-") == 0) {
		if (asprintf(&o->part, "%s/lutra.%d.part", dir && *dir ? dir : "/tmp",
			     (int)getpid()) < 0)
			return out_of_memory(path, err);
		return 0;
	}
	r = check_place(path, force, err);
	if (r < 0)
		return r;
	o->path = realpath(path, NULL);
	if (!o->path)
		o->path = strdup(path);
	if (!o->path || asprintf(&o->part, "%s.%d.part", o->path, (int)getpid()) < 0)
		return out_of_memory(path, err);
	return 0;
}

/* Copies the part to standard output. */
static int copy_part(const struct output *o, struct err *err)
{
	_cleanup_close_ int fd = open(o->part, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = malloc(COPY_BYTES);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", o->part, strerror(errno));
	if (!buf)
		return out_of_memory(o->part, err);
	while (r == 0 && (n = read(fd, buf, COPY_BYTES)) != 0) {
		if (n < 0)
			return err_set(err, -errno, "%s: %s", o->part, strerror(errno));
		r = file_write_all(STDOUT_FILENO, buf, (size_t)n);
	}
	return r < 0 ? err_set(err, r, "standard output: %s", strerror(-r)) : 0;
}

/* Renames the part. Not every file system can refuse to replace a file. */
static int rename_part(const struct output *o)
{
	struct stat st;

	if (!o->force && renameat2(AT_FDCWD, o->part, AT_FDCWD, o->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (!o->force && (errno != EINVAL || lstat(o->path, &st) == 0))
		return errno == EINVAL ? -EEXIST : -errno;
	return rename(o->part, o->path) < 0 ? -errno : 0;
}

int output_end(struct output *o, struct err *err)
{
	int r;

	if (!o->path)
		return copy_part(o, err);
	r = rename_part(o);
	if (r == -EEXIST)
		return err_set(err, r, "%s: exists: --force replaces it", o->path);
	if (r < 0)
		return err_set(err, r, "%s: cannot create: %s", o->path, strerror(-r));
	free(TAKE_PTR(o->part));
	r = file_sync_parent(o->path);
	return r < 0 ? err_set(err, r, "%s: cannot sync: %s", o->path, strerror(-r)) : 0;
}

void output_done(struct output *o)
{
	if (o->part)
		unlink(o->part);
	free(TAKE_PTR(o->part));
	free(TAKE_PTR(o->path));
}

int output_write(const char *path, bool force, unsigned mode, const void *data, size_t len,
		 struct err *err)
{
	_cleanup_(output_done) struct output o = {};
	int r;

	if (strcmp(path, "-") == 0) {
		r = file_write_all(STDOUT_FILENO, data, len);
		return r < 0 ? err_set(err, r, "standard output: %s", strerror(-r)) : 0;
	}
	r = output_begin(&o, path, force, err);
	if (r < 0)
		return r;
	r = file_create(AT_FDCWD, o.part, mode, data, len);
	if (r < 0) {
		if (r == -EEXIST) /* it is not ours */
			free(TAKE_PTR(o.part));
		return err_set(err, r, "%s: cannot create: %s", path, strerror(-r));
	}
	return output_end(&o, err);
}
