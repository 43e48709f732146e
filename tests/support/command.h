/* SPDX-License-Identifier: Apache-2.0 */
/* The commands as a user meets them: exit code and output. Errors of the test end it. */
#ifndef LUTRA_TESTS_SUPPORT_COMMAND_H
#define LUTRA_TESTS_SUPPORT_COMMAND_H

#define COMMAND_LUTRA "build/bin/lutra"
#define COMMAND_LUTRAD "build/bin/lutrad"
#define COMMAND_ARGS 12

/* How a command ended. */
struct command_result {
	int code; /* -1: by a signal */
	char out[65536];
	char err[4096];
};

/* A directory with a policy and a trace of 20 system calls. */
struct command_fixture {
	char *dir;
	char *policy;
	char *trace;
};

int command_setup(void **state);
int command_teardown(void **state);

/*
 * Makes the arguments of a program, each of which the caller frees. POLICY, TRACE and DIR/NAME stand
 * for those of the fixture.
 */
void command_expand(const struct command_fixture *f, const char *const args[],
		    char *argv[COMMAND_ARGS], const char *program);
/* Runs a program to its end. */
void command_run(char *const argv[], struct command_result *ret);
/* Runs lutra with arguments as of command_expand(). */
void command_run_lutra(const struct command_fixture *f, const char *const args[],
		       struct command_result *ret);

/* Prints the arguments, so that a failure says whose it is. */
void command_print(const char *const args[]);
void command_assert_one_line(const char *s);

#endif
