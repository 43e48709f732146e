/* SPDX-License-Identifier: Apache-2.0 */
/* What a list of policies says of each: the API serves it, `lutra policy list` prints it. */
#ifndef LUTRA_USER_POLICY_POLICY_SUMMARY_H
#define LUTRA_USER_POLICY_POLICY_SUMMARY_H

#include "lib/policy/policy.h"
#include "user/config/config.h"

/*
 * Returns {"name", "good", "error", "created", "signed_by", "containers"} of the policy
 * parent/name and, if it is good, what it was trained on and what a person added to it. NULL: there is no such directory, or out
 * of memory; the caller owns the value.
 *
 * containers: an array of the names of the containers that it guards; the reference is stolen.
 * ret: NULL, or gets the policy, which the caller frees; NULL if the policy is refused.
 */
json_t *policy_summary_to_json(const struct config *config, const char *parent, const char *name,
			       json_t *containers, struct policy **ret);

#endif
