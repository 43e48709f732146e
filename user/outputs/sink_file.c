/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts as JSON lines, in a file or on standard output. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/outputs/json_lines.h"
#include "user/outputs/sink.h"

struct file {
	struct sink *sink;
	struct output_json *out; /* NULL: it could not be opened anew */
	char *path;
};

static void file_free(void *impl)
{
	struct file *f = impl;

	if (!f)
		return;
	output_json_free(f->out);
	free(f->path);
	free(f);
}

/* What was written while it was being renamed is in the old file, the next line in the new one. */
static void file_reopen(void *impl)
{
	struct file *f = impl;
	struct output_json *out = NULL;
	struct err err;

	if (strcmp(f->path, "-") == 0)
		return;
	if (output_json_new(&out, f->path, &err) < 0) {
		sink_failing(f->sink, err.msg);
		return;
	}
	output_json_free(f->out);
	f->out = out;
}

static unsigned file_handle(void *impl, const struct message *list)
{
	struct file *f = impl;

	for (; list; list = list->next) {
		int r = output_json_line(f->out, list->json, list->json_len);

		sink_count(f->sink, r == 0, r < 0);
		if (r < 0)
			sink_failing(f->sink, strerror(-r));
		else
			sink_works(f->sink);
	}
	return 0;
}

static const struct sink_ops ops = {
	.handle = file_handle, .reopen = file_reopen, .free = file_free};

int sink_file_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   struct err *err)
{
	struct file *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return err_oom(err);
	f->sink = s;
	f->path = strdup(c->type == OUTPUT_STDOUT ? "-" : c->path);
	r = f->path ? output_json_new(&f->out, f->path, err) : err_oom(err);
	if (r < 0) {
		file_free(f);
		return r;
	}
	*ret = (struct sink_kind){&ops, f};
	return 0;
}
