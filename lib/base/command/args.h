/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: a command describes its options in a table, and args_read() fills in a struct.
 * A mistake is reported on stderr in one line, and the program exits with EXIT_USAGE.
 */
#ifndef LUTRA_LIB_BASE_COMMAND_ARGS_H
#define LUTRA_LIB_BASE_COMMAND_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXIT_USAGE 2

/* An option, one row of a table that ends with {}. Write rows by the macros below. */
struct args_option {
	const char *name; /* without the dashes */
	int key;	  /* the short option; 256 and above: there is none */
	const char *arg;  /* name of the value in --help, or NULL: takes none */
	const char *help;
	enum { ARGS_BOOL, ARGS_TEXT, ARGS_UINT64, ARGS_CALLBACK } type;
	size_t offset; /* of the member that is stored to */
	uint64_t min, max;
	/* Stores to the member. Returns 0, or what args_usage() returned. */
	error_t (*call)(struct argp_state *state, const char *arg, void *member);
};

/* Stores true in a bool. The last two arguments name the struct's type and its member. */
#define ARGS_FLAG(name_, key_, help_, type_, member_)                                              \
	{                                                                                          \
		.name = name_, .key = key_, .help = help_, .type = ARGS_BOOL,                      \
		.offset = ARGS_OFFSET(type_, member_, bool)                                        \
	}

/* Stores the value in a const char *: it points into argv. */
#define ARGS_STRING(name_, key_, arg_, help_, type_, member_)                                      \
	{                                                                                          \
		.name = name_, .key = key_, .arg = arg_, .help = help_, .type = ARGS_TEXT,         \
		.offset = ARGS_OFFSET(type_, member_, const char *)                                \
	}

/* Stores a decimal number in a uint64_t, or reports that it is not between min and max. */
#define ARGS_NUMBER(name_, key_, arg_, help_, min_, max_, type_, member_)                          \
	{                                                                                          \
		.name = name_, .key = key_, .arg = arg_, .help = help_, .type = ARGS_UINT64,       \
		.offset = ARGS_OFFSET(type_, member_, uint64_t), .min = min_, .max = max_          \
	}

/* Calls call_ with the value (NULL if arg_ is NULL) and the address of a member of any type. */
#define ARGS_CALL(name_, key_, arg_, help_, call_, type_, member_)                                 \
	{                                                                                          \
		.name = name_, .key = key_, .arg = arg_, .help = help_, .type = ARGS_CALLBACK,     \
		.offset = offsetof(type_, member_), .call = call_                                  \
	}

/* The offset of a member, which must have the type is_. */
#define ARGS_OFFSET(type_, member_, is_)                                                           \
	(offsetof(type_, member_) +                                                                \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type_ *)0)->member_), is_)      \
				 ? 1                                                               \
				 : -1]))

/* Arguments that are not options: part of argv. */
struct args_list {
	char **arg;
	int n;
};

struct args_command {
	const struct args_option *options;
	const char *usage; /* the arguments, for --help, or NULL */
	const char *doc;   /* for --help; what comes after a \v is printed after the options */
	const char
		*version; /* what --version prints after the name, or NULL: there is no --version */
	bool in_order;	  /* the first argument ends the options: the rest is another command */
	int max;	  /* arguments allowed; 0: none, and list is not used */
	size_t list;	  /* offset of the struct args_list */
	/* Called for each argument in place of max and list, or NULL. */
	error_t (*on_arg)(struct argp_state *state, const char *arg, void *ret);
	/* Called at the end: says what is missing by args_usage(). Or NULL. */
	error_t (*check)(struct argp_state *state, void *ret);
};

/* Fills in ret, the command's struct, from argv. Exits after --help, --version and on a mistake. */
void args_read(const struct args_command *command, int argc, char **argv, void *ret);

/* The struct that args_read() fills in, for a callback that gets only a member of it. */
void *args_struct(const struct argp_state *state);

/*
 * Reports a word that is none of n names: which one is meant, or all of them if they are few and none is
 * close. what: "verb". names: as of closest_name(). Returns the error that a callback must return.
 */
error_t args_unknown(struct argp_state *state, const char *what, const char *word,
		     const void *names, size_t n, size_t stride);

/* Reports a mistake on stderr. Returns the error that a callback must return. */
error_t args_usage(struct argp_state *state, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
