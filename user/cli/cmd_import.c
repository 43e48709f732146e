/* SPDX-License-Identifier: Apache-2.0 */
/* lutra import: a recording of another tool becomes a trace. */
#include <errno.h>
#include <string.h>

#include "user/cli/cli.h"
#include "user/import/import.h"

struct import_args {
	const struct import_format *format;
	const char *path;
	const char *output;
	const char *image;
};

static const struct argp_option options[] = {
	{"format", 'F', "FORMAT", 0, "services", 0},
	{"image", 'i', "REF", 0, "Image reference to note in the trace", 0},
	{"output", 'o', "FILE", 0, "Trace to write; it must not exist", 0},
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct import_args *a = state->input;

	switch (key) {
	case 'F':
		a->format = import_find(arg);
		return a->format ? 0 : args_usage(state, "unknown format '%s': services", arg);
	case 'i':
		a->image = arg;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->path)
			return args_usage(state, "takes one recording: each run is a trace");
		a->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->format || !a->path || !a->output)
			return args_usage(state,
					  "--format, -o FILE.ltr and a recording are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"--format FORMAT -o FILE.ltr PATH",
	"Make a trace of a recording that another tool made, labels of attacks included."
	"\vFormat services: PATH is SVC.RUN.raw.zst; SVC.RUN.raw.str.zst and SVC.RUN.json are "
	"found "
	"beside it.",
	NULL,
	NULL,
	NULL};

int cmd_import(int argc, char **argv)
{
	struct import_args a = {.image = ""};
	struct err err;

	args_parse(&argp, argc, argv, false, &a);
	return a.format->read(a.path, a.output, a.image, &err) < 0 ? cli_fail(&err) : 0;
}
