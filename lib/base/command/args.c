/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command line, by argp, with one line on a mistake. */
#include "lib/base/command/args.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/command/closest.h"

#define OPTIONS_MAX 24
#define LISTED_MAX 12 /* names that fit into a line */

static const struct argp_option help_option = {"help", 'h', NULL, 0, "Show this help", -1};
static const struct argp_option version_option = {
	"version", 'V', NULL, 0, "Print the version and end", -1};

/* Returns the option that a line of getopt on an unknown one may mean, or NULL. */
static const char *find_meant_option(const char *said, const struct argp_option *options)
{
	const char *word = strstr(said, "unrecognized option '--");
	_cleanup_free_ char *copy = NULL;
	size_t n = 0;

	if (!word)
		return NULL;
	word += strlen("unrecognized option '--");
	copy = strndup(word, strcspn(word, "='\n"));
	while (options[n].name)
		n++;
	return copy ? closest_name(copy, options, n, sizeof(options[0])) : NULL;
}

/* The first line of what getopt and argp had to say, and where to read on. */
static void print_mistake(const char *said, const char *name, const struct argp_option *options)
{
	const char *meant = find_meant_option(said, options);
	int len = (int)strcspn(said, "\n");

	if (meant)
		fprintf(stderr, "%.*s: did you mean '--%s'?\n", len, said, meant);
	else if (len)
		fprintf(stderr, "%.*s; see `%s --help`\n", len, said, name);
	else
		fprintf(stderr, "%s: wrong use; see `%s --help`\n", name, name);
}

/* Runs argp, which writes whole paragraphs on a mistake, and reports its first line. */
static void run_argp(const struct argp *argp, int argc, char **argv, bool in_order, void *input)
{
	unsigned flags = ARGP_NO_HELP | ARGP_NO_EXIT | (in_order ? ARGP_IN_ORDER : 0);
	_cleanup_free_ char *said = NULL;
	FILE *real = stderr;
	size_t size;
	error_t r;

	/* One option, one line; no remark on the arguments of short options. */
	setenv("ARGP_HELP_FMT", "rmargin=100,no-dup-args-note", 0);
	/* getopt and argp print to stderr, which glibc allows to be exchanged. */
	stderr = open_memstream(&said, &size);
	if (!stderr)
		stderr = real;
	r = argp_parse(argp, argc, argv, flags, NULL, input);
	if (stderr != real)
		fclose(stderr);
	stderr = real;
	if (r == 0)
		return;
	print_mistake(said ? said : "", argv[0], argp->options);
	exit(EXIT_USAGE);
}

/* What the parser of args_read() works on. */
struct reading {
	const struct args_command *command;
	char *ret;
};

static error_t read_option(struct argp_state *state, const struct args_option *o, const char *arg,
			   void *member)
{
	char *end;

	switch (o->type) {
	case ARGS_BOOL:
		*(bool *)member = true;
		return 0;
	case ARGS_TEXT:
		*(const char **)member = arg;
		return 0;
	case ARGS_UINT64:
		errno = 0;
		*(uint64_t *)member = strtoull(arg, &end, 10);
		if (arg[0] >= '0' && arg[0] <= '9' && !*end && !errno &&
		    *(uint64_t *)member >= o->min && *(uint64_t *)member <= o->max)
			return 0;
		return args_usage(state, "--%s must be a number from %llu to %llu, not '%s'",
				  o->name, (unsigned long long)o->min, (unsigned long long)o->max,
				  arg);
	case ARGS_CALLBACK:
		return o->call(state, arg, member);
	}
	return ARGP_ERR_UNKNOWN;
}

/* Takes all arguments that are not options at once. */
static error_t read_list(struct argp_state *state, const struct reading *r)
{
	struct args_list *list = (void *)(r->ret + r->command->list);
	int n = state->argc - state->next;

	if (r->command->max == 0)
		return args_usage(state, "takes no argument");
	if (n > r->command->max)
		return args_usage(state, "takes at most %d argument%s", r->command->max,
				  r->command->max == 1 ? "" : "s");
	*list = (struct args_list){state->argv + state->next, n};
	state->next = state->argc;
	return 0;
}

static error_t read_key(int key, char *arg, struct argp_state *state)
{
	struct reading *r = state->input;

	switch (key) {
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		exit(fflush(stdout) == 0 ? 0 : 1);
	case 'V':
		if (!r->command->version)
			break;
		printf("%s %s\n", state->name, r->command->version);
		exit(fflush(stdout) == 0 ? 0 : 1);
	case ARGP_KEY_ARG:
		return r->command->on_arg ? r->command->on_arg(state, arg, r->ret)
					  : ARGP_ERR_UNKNOWN;
	case ARGP_KEY_ARGS:
		return read_list(state, r);
	case ARGP_KEY_END:
		return r->command->check ? r->command->check(state, r->ret) : 0;
	}
	for (const struct args_option *o = r->command->options; o->name; o++)
		if (o->key == key)
			return read_option(state, o, arg, r->ret + o->offset);
	return ARGP_ERR_UNKNOWN;
}

void *args_struct(const struct argp_state *state)
{
	return ((const struct reading *)state->input)->ret;
}

void args_read(const struct args_command *command, int argc, char **argv, void *ret)
{
	struct argp_option options[OPTIONS_MAX + 3] = {};
	const struct argp argp = {options, read_key, command->usage, command->doc, NULL,
				  NULL,	   NULL};
	struct reading reading = {command, ret};
	size_t n = 0;

	for (const struct args_option *o = command->options; o->name; o++) {
		assert(n < OPTIONS_MAX);
		options[n++] = (struct argp_option){o->name, o->key, o->arg, 0, o->help, 0};
	}
	options[n++] = help_option; /* the last, with a group of its own */
	if (command->version)
		options[n] = version_option;
	run_argp(&argp, argc, argv, command->in_order, &reading);
}

static const char *name_at(const void *names, size_t i, size_t stride)
{
	const char *name;

	memcpy(&name, (const char *)names + i * stride, sizeof(name));
	return name;
}

error_t args_unknown(struct argp_state *state, const char *what, const char *word,
		     const void *names, size_t n, size_t stride)
{
	const char *meant = closest_name(word, names, n, stride);
	char list[256] = "";
	size_t len = 0;

	if (meant)
		return args_usage(state, "unknown %s '%.60s': did you mean '%s'?", what, word,
				  meant);
	for (size_t i = 0; n <= LISTED_MAX && i < n && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					i == 0	    ? ": "
					: i + 1 < n ? ", "
						    : " or ",
					name_at(names, i, stride));
	return args_usage(state, "unknown %s '%.60s'%s", what, word, list);
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
