/* SPDX-License-Identifier: Apache-2.0 */
/* lutra import: turns a recording of another tool into a trace. */
#include "lib/base/progress_bar.h"
#include "user/cli/cli.h"
#include "user/import/import.h"

struct import_args {
	const struct import_format *format;
	const char *image, *container, *output;
	struct args_list files;
};

static error_t read_format(struct argp_state *state, const char *arg, void *member)
{
	const struct import_format **format = member;
	char known[256] = "";

	*format = import_find(arg);
	if (*format)
		return 0;
	for (const struct import_format *f = import_formats; f->name; f++) {
		size_t n = strlen(known);

		snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", f->name);
	}
	return args_usage(state, "unknown format '%s': %s", arg, known);
}

#define S struct import_args
static const struct args_option options[] = {
	ARGS_CALL("format", 'F', "FORMAT", "Format of the recording, listed below", read_format, S,
		  format),
	CLI_OPTION_IMAGE(S, image, "Image reference for the trace"),
	ARGS_STRING("container", 'c', "ID", "falco: take events of this container only", S,
		    container),
	CLI_OPTION_OUTPUT(S, output, "Trace to write; the file must not exist"),
	{},
};
#undef S

static error_t check_import_args(struct argp_state *state, void *ret)
{
	const struct import_args *a = ret;

	if (!a->format || !a->files.n || !a->output)
		return args_usage(state, "give --format, -o FILE.ltr and a recording");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "--format FORMAT -o FILE.ltr PATH...",
	.doc = "Turn a recording of another tool into a trace; several PATHs are one run.",
	.max = INT_MAX,
	.list = offsetof(struct import_args, files),
	.check = check_import_args,
};

/* The help text with the list of formats at its end. The caller frees it. */
static char *make_import_help(void)
{
	char *doc = NULL;
	size_t size;
	FILE *out = open_memstream(&doc, &size);

	if (!out)
		return NULL;
	fprintf(out,
		"%s\vThe formats hold system calls, forks and execs, but no objects: a policy that "
		"is "
		"trained on them knows no files and no addresses.\n\nFormats:\n",
		command.doc);
	for (const struct import_format *f = import_formats; f->name; f++)
		fprintf(out, "  %-9s %s\n", f->name, f->summary);
	fclose(out);
	return doc;
}

int cmd_import(int argc, char **argv)
{
	_cleanup_free_ char *help = make_import_help();
	struct args_command with_formats = command;
	struct import_args a = {.image = ""};
	_cleanup_(progress_bar_done) struct progress_bar bar;
	struct progress progress = {progress_bar_show, &bar};
	struct import_options o = {.progress = &progress};
	struct import_result result;
	struct err err;
	int r;

	progress_bar_init(&bar, stderr);
	if (!help)
		return cli_failf("out of memory");
	with_formats.doc = help;
	args_read(&with_formats, argc, argv, &a);
	o.paths = (const char *const *)a.files.arg;
	o.n = (size_t)a.files.n;
	o.output = a.output;
	o.image = a.image;
	o.container = a.container;
	r = import_trace(a.format, &o, &result, &err);
	progress_bar_done(&bar);
	if (r < 0)
		return cli_fail(&err);
	if (result.left_out)
		fprintf(stderr,
			"lutra import: left out %llu events that are no system calls of this run; "
			"first: %s\n",
			(unsigned long long)result.left_out, result.first);
	return 0;
}
