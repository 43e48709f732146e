/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: options, one-line errors, exit codes. */
#ifndef LUTRA_USER_CLI_CLI_H
#define LUTRA_USER_CLI_CLI_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

#define EXIT_USAGE 2
#define DEFAULT_POLICIES_DIR "/etc/lutra/policies.d"

/*
 * argp_parse() with --help and one line on a mistake: prints it and exits with EXIT_USAGE.
 * in_order: the first argument ends the options (it begins a command line of its own).
 */
void cli_parse(const struct argp *argp, int argc, char **argv, bool in_order, void *input);

/* For parsers: a usage error. Returns an error_t. */
error_t cli_usage(struct argp_state *state, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A whole decimal number in [0, max] or a usage error; what: what it is, for the line. */
error_t cli_number(struct argp_state *state, const char *arg, unsigned long long max,
		   const char *what, unsigned long long *ret);

/* A mode's name or a usage error. */
error_t cli_mode(struct argp_state *state, const char *arg, int *ret);

/* Print "lutra: LINE" on stderr; returns 1, the exit code. */
int cli_fail(const struct err *err);
int cli_failf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print a value (reference stolen) and a newline; indented if pretty. 0, or 1 if it cannot. */
int cli_print_json(json_t *j, bool pretty);

/* Is NAME|DIR a directory? What holds a slash is, and what is one here. */
bool cli_is_policy_path(const char *name);
/* A policy's directory from NAME|DIR: a name lies below DEFAULT_POLICIES_DIR. */
void cli_policy_dir(const char *name, char *buf, size_t size);

/* The commands. argv[0] is "lutra COMMAND". Return the exit code. */
int cmd_doctor(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_enroll(int argc, char **argv);
int cmd_release(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_events(int argc, char **argv);

#endif
