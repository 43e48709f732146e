/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command line, by argp, with one line on a mistake. */
#ifndef LUTRA_LIB_BASE_ARGS_H
#define LUTRA_LIB_BASE_ARGS_H

#include <argp.h>
#include <stdbool.h>

#define EXIT_USAGE 2

/*
 * argp_parse() with --help and one line on a mistake: prints it and exits with EXIT_USAGE.
 * in_order: arguments come to the parser where they stand among the options, not after them.
 */
void args_parse(const struct argp *argp, int argc, char **argv, bool in_order, void *input);

/* For parsers: a usage error. Returns an error_t. */
error_t args_usage(struct argp_state *state, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A whole decimal number in [0, max] or a usage error; what: what it is, for the line. */
error_t args_number(struct argp_state *state, const char *arg, unsigned long long max,
		    const char *what, unsigned long long *ret);

/* A mode's name or a usage error. */
error_t args_mode(struct argp_state *state, const char *arg, int *ret);

#endif
