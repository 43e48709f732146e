/* SPDX-License-Identifier: Apache-2.0 */
/* Appends JSON lines. Used on one thread. */
#include "user/outputs/json_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"

struct json_lines {
	int fd;
	bool torn; /* the last line was cut and has no end */
};

int json_lines_new(struct json_lines **ret, const char *path, struct err *err)
{
	_cleanup_(json_lines_freep) struct json_lines *o = calloc(1, sizeof(*o));

	if (!o)
		return err_oom(err);
	if (strcmp(path, "-") == 0)
		o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		o->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (o->fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	*ret = TAKE_PTR(o);
	return 0;
}

void json_lines_free(struct json_lines *o)
{
	if (!o)
		return;
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

int json_lines_write(struct json_lines *o, const char *text, size_t len)
{
	_cleanup_free_ char *line = malloc(len + 3);
	char *at = line;
	int r;

	if (!line)
		return -ENOMEM;
	if (o->torn)
		*at++ = '\n';
	memcpy(at, text, len);
	at += len;
	*at++ = '\n';
	r = file_write_all(o->fd, line, (size_t)(at - line));
	o->torn = r < 0;
	return r;
}
