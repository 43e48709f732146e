/* SPDX-License-Identifier: Apache-2.0 */
/* lutra import: turns a recording of another tool into a trace. */
#include "user/cli/cli.h"
#include "user/import/import.h"

enum { OPT_CONTAINER = 256, OPT_STRICT };

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
	ARGS_STRING("container", OPT_CONTAINER, "ID",
		    "falco: take events of this container only: name, or beginning of id", S,
		    options.container),
	ARGS_FLAG("force", 'f', "Replace an output that exists", S, options.force),
	CLI_OPTION_OUTPUT(S, options.output, "Trace to write; - is standard output"),
	ARGS_FLAG("strict", OPT_STRICT, "Refuse a recording with a line that cannot be read", S,
		  options.strict),
	{},
};
#undef S

static error_t check_import_args(struct argp_state *state, void *ret)
{
	const struct import_args *a = ret;

	if (!a->format || !a->files.n || !a->options.output)
		return args_usage(
			state, "give --format, -o FILE.ltr and a recording (- is standard input)");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "--format FORMAT -o FILE.ltr PATH...",
	.doc = "Turn a recording of another tool into a trace; several PATHs are one run; "
	       "- is standard input."
	       "\vThe formats hold system calls, forks and execs, but no objects: a policy that is "
	       "trained on them knows no files and no addresses. A line that cannot be read is "
	       "skipped, "
	       "and counted at the end. A recording that is known to be partial is marked so.\n\n"
	       "Formats:\n" IMPORT_FORMATS_HELP,
	.max = INT_MAX,
	.list = offsetof(struct import_args, files),
	.check = check_import_args,
};

/* Says what was left out, and what the trace lacks. */
static void report_import(const struct import_result *r)
{
	char what[CLI_TEXT];

	if (r->left_out)
		fprintf(stderr,
			"lutra import: left out %llu events that are no system calls of this run; "
			"first: %s\n",
			(unsigned long long)r->left_out, cli_clean_text(r->first, what));
	if (r->skipped)
		fprintf(stderr,
			"lutra import: skipped %llu of %llu lines that could not be read (--strict "
			"refuses them); first: %s\n",
			(unsigned long long)r->skipped, (unsigned long long)r->lines,
			r->first_skipped);
	if (r->guessed)
		fprintf(stderr,
			"lutra import: guessed the parents of %llu tasks: their forks tell numbers "
			"of "
			"another PID namespace; strace --pidns-translation tells both\n",
			(unsigned long long)r->guessed);
	if (r->lost)
		fprintf(stderr, "lutra import: the recording lost %llu events\n",
			(unsigned long long)r->lost);
	if (r->partial[0])
		fprintf(stderr, "lutra import: the trace is marked as partial: %s\n",
			cli_clean_text(r->partial, what));
}

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
	report_import(&result);
	return 0;
}
