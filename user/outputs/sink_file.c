/* SPDX-License-Identifier: Apache-2.0 */
/* Output to a file or standard output: JSON lines. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/outputs/json_lines.h"
#include "user/outputs/sink.h"

struct file_sink {
	struct sink *sink;
	struct json_lines *out;
	char *path;
};

static void free_file_sink(void *impl)
{
	struct file_sink *f = impl;

	if (!f)
		return;
	json_lines_free(f->out);
	free(f->path);
	free(f);
}

/* Opens the path again after it was renamed; on failure the old file stays in use. */
static void reopen_file(void *impl)
{
	struct file_sink *f = impl;
	struct json_lines *out = NULL;
	struct err err;

	if (strcmp(f->path, "-") == 0)
		return;
	if (json_lines_new(&out, f->path, &err) < 0) {
		sink_set_failing(f->sink, err.msg);
		return;
	}
	json_lines_free(f->out);
	f->out = out;
}

static unsigned write_lines(void *impl, const struct sink_item *items)
{
	struct file_sink *f = impl;

	for (const struct sink_item *i = items; i; i = sink_item_next(i)) {
		int r = json_lines_write(f->out, i->alert->text, i->alert->len);

		sink_count(f->sink, r == 0, r < 0);
		if (r < 0)
			sink_set_failing(f->sink, strerror(-r));
		else
			sink_set_working(f->sink);
	}
	return 0;
}

static const struct sink_ops file_ops = {
	.handle = write_lines, .reopen = reopen_file, .free = free_file_sink};

int sink_file_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   struct err *err)
{
	struct file_sink *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return err_oom(err);
	f->sink = s;
	f->path = strdup(c->type == OUTPUT_STDOUT ? "-" : c->path);
	r = f->path ? json_lines_new(&f->out, f->path, err) : err_oom(err);
	if (r < 0) {
		free_file_sink(f);
		return r;
	}
	*ret = (struct sink_kind){&file_ops, f};
	return 0;
}
