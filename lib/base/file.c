/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files. */
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

int file_open_read(int dirfd, const char *path, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		return err_set(err, r, "%s: %s", path, strerror(-r));
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: not a regular file", path);
	return TAKE_FD(fd);
}

int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *buf = NULL;
	struct stat st;
	size_t len = 0;
	ssize_t n;

	fd = file_open_read(dirfd, path, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return err_set(err, -EFBIG, "%s: larger than the %zu bytes allowed", path, max);
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	while (len < (size_t)st.st_size) {
		n = read(fd, buf + len, (size_t)st.st_size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "%s: %s", path, strerror(errno));
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	*ret = TAKE_PTR(buf);
	*ret_len = len;
	return 0;
}

int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_create(int dirfd, const char *path, unsigned mode, const void *data, size_t len)
{
	_cleanup_close_ int fd = -1;
	int r;

	fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, data, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, path, 0);
	return r;
}

int file_sync_parent(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Some file systems cannot sync a directory; then there is nothing to wait for. */
	if (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS)
		return -errno;
	return 0;
}

int file_replace(const char *path, unsigned mode, const void *data, size_t len)
{
	_cleanup_free_ char *tmp = NULL;
	struct stat st;
	int r;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (asprintf(&tmp, "%s.new", path) < 0)
		return -ENOMEM;
	unlink(tmp);
	r = file_create(AT_FDCWD, tmp, mode, data, len);
	if (r < 0)
		return r;
	if (rename(tmp, path) < 0) {
		r = -errno;
		unlink(tmp);
		return r;
	}
	return file_sync_parent(path);
}

int file_set_aside(const char *path, const char *const *also, char **ret)
{
	_cleanup_free_ char *aside = NULL;
	char time_text[32];
	time_t now = time(NULL);
	struct tm tm;
	int r;

	strftime(time_text, sizeof(time_text), "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
	for (unsigned n = 1; n < 100; n++) {
		free(TAKE_PTR(aside));
		r = n == 1 ? asprintf(&aside, "%s.damaged-%s", path, time_text)
			   : asprintf(&aside, "%s.damaged-%s-%u", path, time_text, n);
		if (r < 0)
			return -ENOMEM;
		if (renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE) == 0)
			break;
		if (errno != EEXIST)
			return -errno;
	}
	for (; also && *also; also++) {
		_cleanup_free_ char *from = NULL, *to = NULL;

		if (asprintf(&from, "%s%s", path, *also) < 0 ||
		    asprintf(&to, "%s%s", aside, *also) < 0)
			return -ENOMEM;
		rename(from, to);
	}
	*ret = TAKE_PTR(aside);
	return 0;
}

int file_own_directory(char ret[static PATH_MAX], struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return err_set(err, -errno, "/proc/self/exe: %s: mount /proc", strerror(errno));
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (slash && slash != ret)
		*slash = '\0';
	return 0;
}
