/* SPDX-License-Identifier: Apache-2.0 */
/* Output to a file or standard output: JSON lines, each in one write. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/file.h"
#include "user/outputs/sink.h"

struct file_sink {
	struct sink *sink;
	const char *path; /* "-": standard output */
	int fd;
	bool torn; /* a full disk cut the last line: it has no end */
};

static int open_lines(const char *path, struct err *err)
{
	int fd = strcmp(path, "-") == 0
			 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
			 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	return fd < 0 ? err_set(err, -errno, "%s: %s", path, strerror(errno)) : fd;
}

static void free_file_sink(void *impl)
{
	struct file_sink *f = impl;

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
	close(f->fd);
	f->fd = fd;
	f->torn = false;
}

/* Ends a line that was cut first, so that only that line is damaged. */
static int write_line(void *impl, const struct alert_json *a)
{
	struct file_sink *f = impl;
	_cleanup_free_ char *line = NULL;
	int r = asprintf(&line, "%s%s\n", f->torn ? "\n" : "", a->text);

	if (r < 0)
		return -ENOMEM;
	r = file_write_all(f->fd, line, (size_t)r);
	f->torn = r < 0;
	return r;
}

int sink_file_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   struct err *err)
{
	_cleanup_free_ struct file_sink *f = calloc(1, sizeof(*f));

	if (!f)
		return err_oom(err);
	f->sink = s;
	f->path = c->type == OUTPUT_STDOUT ? "-" : c->path;
	f->fd = open_lines(f->path, err);
	if (f->fd < 0)
		return f->fd;
	*ret = (struct sink_kind){.impl = TAKE_PTR(f),
				  .write = write_line,
				  .reopen = reopen_file,
				  .free = free_file_sink};
	return 0;
}
