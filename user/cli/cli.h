/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands share: the headers of the C library that most of them need, their options,
 * messages, JSON, requests to lutrad, and names of policies.
 */
#ifndef LUTRA_USER_CLI_CLI_H
#define LUTRA_USER_CLI_CLI_H

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/abi/mode_args.h"
#include "lib/base/cleanup.h"
#include "lib/base/text.h"
#include "lib/policy/policy.h"
#include "user/config/config.h"
#include "user/http/local_client.h"

#define DEFAULT_POLICIES_DIR "/etc/lutra/policies.d"

/* Rows for options that several commands have. Some name the member of struct s themselves. */
enum { CLI_KEY_CGROUP = 1000, CLI_KEY_FORCE, CLI_KEY_NO_LSM };
#define CLI_HELP_CONFIG "Configuration of lutrad; default: " CONFIG_DEFAULT_FILE
#define CLI_HELP_POLICY "Policy: a directory, or a name in policies_dir"
#define CLI_HELP_MODE "learn, audit, deny, kill, kill-container, freeze; default: policy's"
#define CLI_HELP_FORCE "Allow a mode that the policy is too little trained for"
#define CLI_HELP_NO_LSM "Use tracepoints even where BPF LSM works"
#define CLI_OPTION_CONFIG(s) ARGS_STRING("config", 'c', "FILE", CLI_HELP_CONFIG, s, config_file)
#define CLI_OPTION_JSON(s) ARGS_FLAG("json", 'j', "Print JSON", s, json)
#define CLI_OPTION_CGROUP(s)                                                                       \
	ARGS_STRING("cgroup", CLI_KEY_CGROUP, "PATH", "Cgroup v2 directory", s, cgroup)
#define CLI_OPTION_POLICY(s, member)                                                               \
	ARGS_STRING("policy", 'p', "POLICY", CLI_HELP_POLICY, s, member)
#define CLI_OPTION_MODE(s) ARGS_CALL("mode", 'm', "MODE", CLI_HELP_MODE, mode_args_read, s, mode)
#define CLI_OPTION_IMAGE(s, member, help) ARGS_STRING("image", 'i', "REF", help, s, member)
#define CLI_OPTION_OUTPUT(s, member, help) ARGS_STRING("output", 'o', "FILE", help, s, member)
#define CLI_OPTION_REPLACE(s) ARGS_FLAG("force", 'f', "Replace an output that exists", s, force)
#define CLI_OPTION_FORCE(s, short_key) ARGS_FLAG("force", short_key, CLI_HELP_FORCE, s, force)
#define CLI_OPTION_NO_LSM(s) ARGS_FLAG("no-lsm", CLI_KEY_NO_LSM, CLI_HELP_NO_LSM, s, session.no_lsm)

/* The options of commands that have --json and --config alone. */
struct cli_args {
	const char *config_file;
	bool json;
};
extern const struct args_option cli_options[];

/* Both print "lutra: LINE" to stderr and return 1, the exit code. */
int cli_fail(const struct err *err);
int cli_failf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints a value and a newline; takes over the reference. pretty: with line breaks. Returns the
 * exit code: 0, or 1 after a message.
 */
int cli_print_json(json_t *j, bool pretty);

/*
 * Returns a string member of an object, "" if it has none. A string with control characters is
 * cleaned first, so that it cannot steer a terminal.
 */
const char *cli_json_text(const json_t *j, const char *key);
/* Returns an integer member of an object, 0 if it has none. */
long long cli_json_number(const json_t *j, const char *key);

/* Returns true if an object has a member that is true. */
bool cli_json_is(const json_t *j, const char *key);

#define CLI_TEXT 512
/* Writes text_clean() of a string to buf, and returns buf. */
const char *cli_clean_text(const char *s, char buf[static CLI_TEXT]);

/*
 * Check the name of a rule, or of a verdict, on the command line. Return 0, or what args_unknown()
 * returns.
 */
error_t cli_check_rule(struct argp_state *state, const char *name);
error_t cli_check_verdict(struct argp_state *state, const char *name);

/* Returns the name of the user who runs the command, also under sudo. */
const char *cli_user_name(void);

/*
 * Reads of the configuration what commands go by: socket, directories, policy_keys and life. A mistake
 * in another key is not theirs to report. file: NULL for LUTRA_CONFIG of the environment, or the
 * default file. Errors as config_load().
 */
int cli_config(const char *file, struct config **ret, struct err *err);
/*
 * local_client_ask() on the socket of the configuration config_file (NULL: the default file). Errors
 * as local_client_ask() and cli_config().
 */
int cli_ask(const char *config_file, const char *path, json_t *body, json_t **ret, struct err *err);
/* cli_ask() that reports a failure on stderr. Returns the exit code. */
int cli_ask_or_fail(const char *config_file, const char *path, json_t *body, json_t **ret);

/*
 * Loads the policy in dir with what a person added to it, and says on stderr what is left out of
 * that. Errors as policy_load_signed().
 */
int cli_load_policy(const char *dir, const struct policy_keys *keys, struct policy **ret,
		    struct err *err);

/* Returns the absolute path, which the caller frees, or NULL after a message. */
char *cli_absolute_path(const char *path);
/* Returns true if POLICY is a directory, not a name: it holds a slash, or is a directory here. */
bool cli_is_policy_path(const char *policy);
/* Writes the directory of POLICY; a name lies in policies_dir. */
void cli_policy_dir(const char *policy, const char *policies_dir, char *buf, size_t size);

/* The commands. argv[0] is "lutra COMMAND". Each returns the exit code. */
int cmd_doctor(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_trainer(int argc, char **argv); /* train and eval */
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
int cmd_explain(int argc, char **argv);
int cmd_incidents(int argc, char **argv);
int cmd_maintenance(int argc, char **argv);
int cmd_review(int argc, char **argv);
int cmd_top(int argc, char **argv);

#endif
