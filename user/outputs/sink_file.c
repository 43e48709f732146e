/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output to a file or standard output: JSON lines, each in one write. A named pipe that nobody reads is
 * opened again before each line, and the lines until then are lost and counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "user/outputs/sink.h"

#define READER_MS 500 /* that a pipe's reader may take */

struct file_sink {
	struct sink *sink;
	const char *path; /* "-": standard output */
	int fd;		  /* -1: a pipe that nobody reads */
	bool torn;	  /* a full disk cut the last line: it has no end */
};

/* Opens the file and does not wait. -ENXIO: it is a pipe that nobody reads, or a socket. */
static int open_lines(const char *path, struct err *err)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = strcmp(path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
					: open(path, flags, 0640);

	if (fd < 0 && errno == ENXIO)
		return err_set(err, -ENXIO, "%s: a pipe that nobody reads", path);
	return fd < 0 ? err_set(err, -errno, "%s: %s", path, strerror(errno)) : fd;
}

static void free_file_sink(void *impl)
{
	struct file_sink *f = impl;

	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

/* Opens the path again after it was renamed; on failure the old file stays in use. */
static void reopen_file(void *impl)
{
	struct file_sink *f = impl;
	struct err err;
	int fd;

	if (strcmp(f->path, "-") == 0)
		return;
	fd = open_lines(f->path, &err);
	if (fd < 0) {
		sink_set_failing(f->sink, err.msg);
		return;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->torn = false;
}

/* Writes all of a line. Waits for a reader that is slow, but not for long. */
static int write_whole(int fd, const char *line, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	while (len) {
		ssize_t n = write(fd, line, len);

		if (n < 0 && errno == EAGAIN && poll(&p, 1, READER_MS) > 0)
			continue;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		line += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Ends a line that was cut first, so that only that line is damaged. */
static int write_line(void *impl, const struct alert_json *a)
{
	struct file_sink *f = impl;
	_cleanup_free_ char *line = NULL;
	int r;

	if (f->fd < 0)
		f->fd = open_lines(f->path, NULL);
	if (f->fd < 0)
		return f->fd;
	r = asprintf(&line, "%s%s\n", f->torn ? "\n" : "", a->text);
	if (r < 0)
		return -ENOMEM;
	r = write_whole(f->fd, line, (size_t)r);
	f->torn = r < 0;
	if (r == -EPIPE) {
		/* The reader has gone; the next one begins with a whole line. */
		close(f->fd);
		f->fd = -1;
		f->torn = false;
	}
	return r;
}

int sink_file_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   struct err *err)
{
	_cleanup_free_ struct file_sink *f = calloc(1, sizeof(*f));
	struct err why;

	if (!f)
		return err_oom(err);
	f->sink = s;
	f->path = c->type == OUTPUT_STDOUT ? "-" : c->path;
	f->fd = open_lines(f->path, &why);
	if (f->fd == -ENXIO)
		sink_set_failing(s, why.msg);
	else if (f->fd < 0)
		return err_set(err, f->fd, "%s", why.msg);
	*ret = (struct sink_kind){.impl = TAKE_PTR(f),
				  .write = write_line,
				  .reopen = reopen_file,
				  .free = free_file_sink};
	return 0;
}
