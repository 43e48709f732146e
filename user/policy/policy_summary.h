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

/*
 * Summaries of good policies, kept until a file of the policy, the mode that was set for it or the
 * keys have changed, or something that was accepted for a time has ended. For one thread at a time.
 */
struct policy_summaries;

/* Returns 0 or -ENOMEM. The caller frees *ret. */
int policy_summaries_new(struct policy_summaries **ret);
void policy_summaries_free(struct policy_summaries *all);
DEFINE_FREEP(struct policy_summaries, policy_summaries_free);
/*
 * Returns what policy_summary_to_json() returns for a policy of policies_dir, and reads the files of
 * the policy only if it has to. The members of the value are not to be changed. now_ns: CLOCK_REALTIME.
 */
json_t *policy_summaries_get(struct policy_summaries *all, const struct config *config,
			     const char *name, json_t *containers, uint64_t now_ns);

#endif
