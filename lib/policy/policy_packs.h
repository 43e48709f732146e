/* SPDX-License-Identifier: Apache-2.0 */
/* In words: which packs a policy was made with, and how their programs were recognised. */
#ifndef LUTRA_LIB_POLICY_POLICY_PACKS_H
#define LUTRA_LIB_POLICY_POLICY_PACKS_H

#include "lib/policy/policy.h"

#define POLICY_PACKS_TEXT 256

/*
 * Writes the names of the packs into buf: "redis of package redis-tools, nginx by its path". "" if
 * there is none. What does not fit is left out, and the text ends with "…".
 */
void policy_packs_text(const struct policy *p, char buf[static POLICY_PACKS_TEXT]);

#endif
