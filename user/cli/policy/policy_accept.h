/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting findings, for lutra policy accept and lutra review. */
#ifndef LUTRA_USER_CLI_POLICY_POLICY_ACCEPT_H
#define LUTRA_USER_CLI_POLICY_POLICY_ACCEPT_H

#include "user/cli/policy/policy_cmd.h"

/*
 * Asks lutrad to accept a finding as a says, and prints what is accepted. If that needs a signature and
 * a has a key, signs it. Errors as cli_ask() and policy_accept_draft().
 */
int policy_accept_finding(const struct policy_args *a, const char *finding, struct err *err);
/*
 * Signs a draft with the key of a, puts it in force and prints it. -ENOENT: there is no such draft.
 * Else as policy_delta_save() and drafts_save().
 */
int policy_accept_draft(const struct policy_args *a, const char *id, struct err *err);

/* Tells lutrad, if it runs, that what a person added to the policy in dir has changed. */
void policy_tell_daemon(const struct policy_args *a, const char *dir);

#endif
