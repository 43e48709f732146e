/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts as JSON lines. */
#include "user/outputs/json_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"

struct output_json {
	int fd;
	bool torn; /* the last line has no end */
};

int output_json_new(struct output_json **ret, const char *path, struct err *err)
{
	_cleanup_(output_json_freep) struct output_json *o = calloc(1, sizeof(*o));

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

void output_json_free(struct output_json *o)
{
	if (!o)
		return;
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

int output_json_line(struct output_json *o, const char *text, size_t len)
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

int output_json_write(struct output_json *o, const json_t *alert)
{
	_cleanup_free_ char *text = json_dumps(alert, JSON_COMPACT | JSON_REAL_PRECISION(12));

	return text ? output_json_line(o, text, strlen(text)) : -ENOMEM;
}
