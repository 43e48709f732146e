/* SPDX-License-Identifier: Apache-2.0 */
/* lutra import: a recording of another tool becomes a trace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/progress_bar.h"
#include "lib/base/cleanup.h"
#include "user/cli/cli.h"
#include "user/import/import.h"

struct import_args {
	const struct import_format *format;
	const char **paths; /* argv's */
	struct import_options o;
};

static const struct argp_option options[] = {
	{"format", 'F', "FORMAT", 0, "Format of the recording, see below", 0},
	{"image", 'i', "REF", 0, "Image reference to note in the trace", 0},
	{"container", 'c', "ID", 0, "Of falco's events, take this container's", 0},
	{"output", 'o', "FILE", 0, "Trace to write; it must not exist", 0},
	{},
};

static error_t usage_format(struct argp_state *state, const char *name)
{
	char known[256] = "";

	for (const struct import_format *f = import_formats; f->name; f++) {
		size_t n = strlen(known);

		snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", f->name);
	}
	return args_usage(state, "unknown format '%s': %s", name, known);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct import_args *a = state->input;

	switch (key) {
	case 'F':
		a->format = import_find(arg);
		return a->format ? 0 : usage_format(state, arg);
	case 'i':
		a->o.image = arg;
		return 0;
	case 'c':
		a->o.container = arg;
		return 0;
	case 'o':
		a->o.output = arg;
		return 0;
	case ARGP_KEY_ARG:
		a->paths[a->o.n++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->format || !a->o.n || !a->o.output)
			return args_usage(state,
					  "--format, -o FILE.ltr and a recording are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The list of formats, below all else that --help says. */
static char *filter(int key, const char *text, void *input)
{
	const struct import_format *f = import_formats;
	char *doc = NULL;
	size_t size;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_EXTRA)
		return text ? strdup(text) : NULL;
	out = open_memstream(&doc, &size);
	if (!out)
		return NULL;
	fputs("Formats:\n", out);
	for (; f->name; f++)
		fprintf(out, "  %-9s %s\n", f->name, f->summary);
	fclose(out);
	return doc;
}

static const struct argp argp = {
	options,
	parse,
	"--format FORMAT -o FILE.ltr PATH...",
	"Make a trace of a recording that another tool made; several PATHs are one run, in turn."
	"\vAn imported trace has system calls, forks and execs. A policy that is trained on it "
	"knows nothing of files or addresses.",
	NULL,
	filter,
	NULL};

int cmd_import(int argc, char **argv)
{
	_cleanup_free_ const char **paths = calloc((size_t)argc, sizeof(*paths));
	struct import_args a = {.paths = paths, .o = {.image = ""}};
	_cleanup_(bar_done) struct bar bar;
	struct progress progress = {bar_show, &bar};
	struct import_result result;
	struct err err;
	int r;

	bar_init(&bar, stderr);
	if (!paths)
		return cli_failf("out of memory");
	a.o.paths = paths;
	args_parse(&argp, argc, argv, false, &a);
	a.o.progress = &progress;
	r = import_trace(a.format, &a.o, &result, &err);
	bar_done(&bar);
	if (r < 0)
		return cli_fail(&err);
	if (result.left_out)
		fprintf(stderr,
			"lutra import: %llu events left out, no calls of this run; first: %s\n",
			(unsigned long long)result.left_out, result.first);
	return 0;
}
