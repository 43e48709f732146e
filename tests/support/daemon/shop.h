/* SPDX-License-Identifier: Apache-2.0 */
/* The container "shop" under a lutrad, by its status, and its policy on disk. */
#ifndef LUTRA_TESTS_SUPPORT_DAEMON_SHOP_H
#define LUTRA_TESTS_SUPPORT_DAEMON_SHOP_H

#include "lib/policy/policy.h"
#include "tests/support/daemon/lutrad.h"

/* Returns a new reference to a member of the status of the only container. */
json_t *shop_member(const struct fixture *f, const char *key);
/* Returns true if a member is a text that has a part. */
bool shop_has_text(const struct fixture *f, const char *key, const char *part);
/* Returns true if the policy was refused, or if the policy on disk is applied. */
bool shop_is_refused(struct fixture *f);
bool shop_is_applied(struct fixture *f);
bool shop_is_mode(const struct fixture *f, const char *mode);
bool shop_is_audit(struct fixture *f);
/* Returns how many system calls the container made. */
json_int_t shop_calls(const struct fixture *f);
/* Writes the hash of policy.json on disk, as the status names it. */
void shop_policy_sha256(const struct fixture *f, char ret[static POLICY_SHA256_TEXT]);

/* Puts another policy on disk; the threshold distinguishes it from others. */
void shop_change_policy(const struct fixture *f, int32_t threshold, bool audit_only);
/* Enrols the container by a policy of mode audit. */
void shop_enroll_audited(struct fixture *f);

#endif
