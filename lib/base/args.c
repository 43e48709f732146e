/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command line, by argp, with one line on a mistake. */
#include "lib/base/args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/abi/names.h"

static const struct argp_option help_option[] = {
	{"help", 'h', NULL, 0, "Say what the command does and which options it takes", -1},
	{},
};

/* The parser above a command's own: it takes --help and hands the input down. */
static error_t parse_help(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		exit(fflush(stdout) == 0 ? 0 : 1);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The first line of what getopt and argp had to say, and where to read on. */
static void print_mistake(const char *said, const char *name)
{
	int len = (int)strcspn(said, "\n");

	if (len)
		fprintf(stderr, "%.*s; see `%s --help`\n", len, said, name);
	else
		fprintf(stderr, "%s: wrong use; see `%s --help`\n", name, name);
}

void args_parse(const struct argp *argp, int argc, char **argv, bool in_order, void *input)
{
	struct argp own = *argp;
	const struct argp_child children[] = {{&own, 0, NULL, 0}, {}};
	const struct argp top = {.options = help_option,
				 .parser = parse_help,
				 .args_doc = argp->args_doc,
				 .doc = argp->doc,
				 .children = children};
	unsigned flags = ARGP_NO_HELP | ARGP_NO_EXIT | (in_order ? ARGP_IN_ORDER : 0);
	_cleanup_free_ char *said = NULL;
	FILE *real = stderr;
	size_t size;
	error_t r;

	own.args_doc = own.doc = NULL;
	/* Both write whole paragraphs to stderr, which glibc allows to be exchanged. */
	stderr = open_memstream(&said, &size);
	if (!stderr)
		stderr = real;
	r = argp_parse(&top, argc, argv, flags, NULL, input);
	if (stderr != real)
		fclose(stderr);
	stderr = real;
	if (r == 0)
		return;
	print_mistake(said ? said : "", argv[0]);
	exit(EXIT_USAGE);
}

error_t args_usage(struct argp_state *state, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", state->name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return EINVAL;
}

error_t args_number(struct argp_state *state, const char *arg, unsigned long long max,
		    const char *what, unsigned long long *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (arg[0] < '0' || arg[0] > '9' || *end || errno || v > max)
		return args_usage(state, "%s must be a number from 0 to %llu, not '%s'", what, max,
				  arg);
	*ret = v;
	return 0;
}

error_t args_mode(struct argp_state *state, const char *arg, int *ret)
{
	unsigned mode;

	if (mode_parse(arg, &mode) < 0)
		return args_usage(state,
				  "unknown mode '%s': learn, audit, deny, kill, kill-container or "
				  "freeze",
				  arg);
	*ret = (int)mode;
	return 0;
}
