/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: one-line errors, exit codes. */
#ifndef LUTRA_USER_CLI_CLI_H
#define LUTRA_USER_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/args.h"
#include "lib/base/err.h"

#define DEFAULT_POLICIES_DIR "/etc/lutra/policies.d"

/* Print "lutra: LINE" on stderr; returns 1, the exit code. */
int cli_fail(const struct err *err);
int cli_failf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print a value (reference stolen) and a newline; indented if pretty. 0, or 1 if it cannot. */
int cli_print_json(json_t *j, bool pretty);

/* Is NAME|DIR a directory? What holds a slash is, and what is one here. */
bool cli_is_policy_path(const char *name);
/* A policy's directory from NAME|DIR: a name lies below policies_dir. */
void cli_policy_dir(const char *name, const char *policies_dir, char *buf, size_t size);

/* The commands. argv[0] is "lutra COMMAND". Return the exit code. */
int cmd_doctor(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_seccomp(int argc, char **argv);
int cmd_enroll(int argc, char **argv);
int cmd_release(int argc, char **argv);
int cmd_mode(int argc, char **argv);
int cmd_thaw(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_top(int argc, char **argv);

#endif
