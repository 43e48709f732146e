/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of lutra policy. Each returns the exit code. */
#ifndef LUTRA_USER_CLI_POLICY_POLICY_CMD_H
#define LUTRA_USER_CLI_POLICY_POLICY_CMD_H

#include "user/cli/cli.h"

struct policy_args {
	struct args_list args; /* the verb, and names */
	char **names;
	int n_names;
	bool json;
	const char *config_file; /* NULL: the default */
	const char *key;
	const char *action; /* of set: RULE=ACTION, or RULE to unset it */
	const char *varies; /* of set: a directory */
	bool unset;
	const char *scope, *until, *reason, *draft; /* of accept; NULL: not given */
	const char *text; /* of accept: what was shown of the reading; NULL: nothing was */
	bool force;
	struct config *config; /* trusted keys and policies_dir */
};

int policy_cmd_list(const struct policy_args *a);     /* [DIR] */
int policy_cmd_show(const struct policy_args *a);     /* POLICY… */
int policy_cmd_verify(const struct policy_args *a);   /* POLICY… */
int policy_cmd_diff(const struct policy_args *a);     /* [OLD] POLICY */
int policy_cmd_rollback(const struct policy_args *a); /* POLICY */
int policy_cmd_sign(const struct policy_args *a);     /* POLICY… --key FILE */
int policy_cmd_keygen(const struct policy_args *a);   /* FILE */
int policy_cmd_set_mode(const struct policy_args *a); /* NAME MODE */
int policy_cmd_set(const struct policy_args *a);      /* POLICY --action … | --varies DIR */
int policy_cmd_accepted(const struct policy_args *a); /* POLICY */
int policy_cmd_accept(const struct policy_args *a);   /* FINDING, or --draft ID --key FILE */
int policy_cmd_revoke(const struct policy_args *a);   /* ID [POLICY] */

/*
 * Prints why the policy in dir is too little trained for a mode, if so. name: what gets the mode.
 */
void policy_print_forced(const char *name, const char *dir, unsigned mode);

#endif
