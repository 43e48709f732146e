/* SPDX-License-Identifier: Apache-2.0 */
/* lutra import: turns a recording of another tool into a trace. */
#include "user/cli/cli.h"
#include "user/import/import.h"

struct import_args {
	const struct import_format *format;
	struct import_options options;
	struct args_list files;
};

static error_t read_format(struct argp_state *state, const char *arg, void *member)
{
	const struct import_format **format = member;

	*format = import_find(arg);
	return *format ? 0 : args_usage(state, "unknown format '%s': " IMPORT_FORMATS, arg);
}

#define S struct import_args
static const struct args_option options[] = {
	ARGS_CALL("format", 'F', "FORMAT", "Format of the recording, listed below", read_format, S,
		  format),
	CLI_OPTION_IMAGE(S, options.image, "Image reference for the trace"),
	ARGS_STRING("container", 'c', "ID", "falco: take events of this container only", S,
		    options.container),
	CLI_OPTION_OUTPUT(S, options.output, "Trace to write; the file must not exist"),
	{},
};
#undef S

static error_t check_import_args(struct argp_state *state, void *ret)
{
	const struct import_args *a = ret;

	if (!a->format || !a->files.n || !a->options.output)
		return args_usage(state, "give --format, -o FILE.ltr and a recording");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "--format FORMAT -o FILE.ltr PATH...",
	.doc = "Turn a recording of another tool into a trace; several PATHs are one run."
	       "\vThe formats hold system calls, forks and execs, but no objects: a policy that is "
	       "trained on them knows no files and no addresses.\n\nFormats:\n" IMPORT_FORMATS_HELP,
	.max = INT_MAX,
	.list = offsetof(struct import_args, files),
	.check = check_import_args,
};

int cmd_import(int argc, char **argv)
{
	_cleanup_(progress_bar_done) struct progress_bar bar;
	struct progress progress = {progress_bar_show, &bar};
	struct import_args a = {.options = {.image = "", .progress = &progress}};
	struct import_result result;
	struct err err;
	int r;

	progress_bar_init(&bar, stderr);
	args_read(&command, argc, argv, &a);
	a.options.paths = (const char *const *)a.files.arg;
	a.options.n = (size_t)a.files.n;
	r = import_trace(a.format, &a.options, &result, &err);
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
