/* SPDX-License-Identifier: Apache-2.0 */
/* Members of policy.json that others show too. */
#ifndef LUTRA_LIB_POLICY_FILES_POLICY_JSON_H
#define LUTRA_LIB_POLICY_FILES_POLICY_JSON_H

#include <jansson.h>

#include "lib/policy/policy.h"

/* Returns the "rules" member, or NULL: out of memory. */
json_t *policy_rules_encode(const struct policy *p);

/* Returns the "actions" of the "rules" member, or NULL: out of memory. */
json_t *policy_actions_encode(const struct policy *p);

/* Returns the "calibration" member, or NULL: out of memory, or a number is not finite. */
json_t *policy_calibration_encode(const struct policy_calibration *c);

/* Returns the "provenance" member, or NULL: out of memory. */
json_t *policy_provenance_encode(const struct policy *p);

#endif
