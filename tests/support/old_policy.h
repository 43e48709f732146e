/* SPDX-License-Identifier: Apache-2.0 */
/* A policy as a lutra before level M saved it. */
#ifndef LUTRA_TESTS_SUPPORT_OLD_POLICY_H
#define LUTRA_TESTS_SUPPORT_OLD_POLICY_H

#include "lib/policy/policy.h"

/*
 * Saves the policy in dir, and changes its files to those of an older lutra: tables.lut without keys,
 * policy.json with the thresholds and actions of levels A and B.
 */
void old_policy_save(struct policy *p, const char *dir);

#endif
