/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: a command describes its options in a table, and args_read() fills in a struct.
 * A mistake is reported on stderr in one line, and the program exits with EXIT_USAGE.
 */
#ifndef LUTRA_LIB_BASE_ARGS_H
#define LUTRA_LIB_BASE_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXIT_USAGE 2

/* What an option stores in the struct. */
enum args_type {
	ARGS_FLAG,   /* bool: true */
	ARGS_STRING, /* const char *, into argv */
	ARGS_NUMBER, /* uint64_t, from min to max */
	ARGS_CALL,   /* what call() stores */
};

/* An option. A table of them ends with {}. */
struct args_option {
	const char *name; /* without the dashes */
	int key;	  /* the short option, or from 256 on: there is none */
	const char *arg;  /* name of the value in --help, or NULL: takes none */
	const char *help;
	enum args_type type;
	size_t offset; /* of the member of the struct */
	uint64_t min, max;
	/* ARGS_CALL. arg: the value or NULL. Returns 0, or what args_usage() returned. */
	error_t (*call)(struct argp_state *state, const char *arg, void *member);
};

/* Arguments that are not options: part of argv. */
struct args_list {
	char **arg;
	int n;
};

struct args_command {
	const struct args_option *options;
	const char *usage; /* the arguments, for --help, or NULL */
	const char *doc;   /* for --help; what comes after a \v is printed after the options */
	bool in_order;	   /* the first argument ends the options: the rest is another command */
	int max;	   /* arguments allowed; 0: none, and list is not used */
	size_t list;	   /* offset of the struct args_list */
	/* Called for each argument in place of max and list, or NULL. */
	error_t (*on_arg)(struct argp_state *state, const char *arg, void *ret);
	/* Called at the end: says what is missing by args_usage(). Or NULL. */
	error_t (*check)(struct argp_state *state, void *ret);
};

/* Fills in ret, the command's struct, from argv. Exits after --help and on a mistake. */
void args_read(const struct args_command *command, int argc, char **argv, void *ret);

/*
 * argp_parse() with --help and one line on a mistake: prints it and exits with EXIT_USAGE.
 * in_order: arguments come to the parser where they stand among the options, not after them.
 */
void args_parse(const struct argp *argp, int argc, char **argv, bool in_order, void *input);

/* Reports a mistake on stderr. Returns the error that a callback must return. */
error_t args_usage(struct argp_state *state, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Stores a whole decimal number from 0 to max; what: name of the value in the usage error. */
error_t args_number(struct argp_state *state, const char *arg, unsigned long long max,
		    const char *what, unsigned long long *ret);

#endif
