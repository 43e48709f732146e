/* SPDX-License-Identifier: Apache-2.0 */
/* Options, one-line errors, exit codes. */
#include "user/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/names.h"

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

void cli_parse(const struct argp *argp, int argc, char **argv, bool in_order, void *input)
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

error_t cli_usage(struct argp_state *state, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", state->name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return EINVAL;
}

error_t cli_number(struct argp_state *state, const char *arg, unsigned long long max,
		   const char *what, unsigned long long *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (arg[0] < '0' || arg[0] > '9' || *end || errno || v > max)
		return cli_usage(state, "%s must be a number from 0 to %llu, not '%s'", what, max,
				 arg);
	*ret = v;
	return 0;
}

error_t cli_mode(struct argp_state *state, const char *arg, int *ret)
{
	unsigned mode;

	if (mode_parse(arg, &mode) < 0)
		return cli_usage(state,
				 "unknown mode '%s': learn, audit, deny, kill, kill-container or "
				 "freeze",
				 arg);
	*ret = (int)mode;
	return 0;
}

int cli_fail(const struct err *err)
{
	fprintf(stderr, "lutra: %s\n", err->msg);
	return 1;
}

int cli_failf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("lutra: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return 1;
}

int cli_print_json(json_t *j, bool pretty)
{
	int r;

	if (!j)
		return cli_failf("out of memory");
	r = json_dumpf(j, stdout,
		       (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_REAL_PRECISION(12));
	json_decref(j);
	if (r < 0 || fputc('\n', stdout) == EOF)
		return cli_failf("cannot write to standard output");
	return 0;
}

bool cli_is_policy_path(const char *name)
{
	struct stat st;

	return strchr(name, '/') || (stat(name, &st) == 0 && S_ISDIR(st.st_mode));
}

void cli_policy_dir(const char *name, char *buf, size_t size)
{
	if (cli_is_policy_path(name))
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s/%s", DEFAULT_POLICIES_DIR, name);
}
