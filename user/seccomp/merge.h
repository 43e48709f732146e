/* SPDX-License-Identifier: Apache-2.0 */
/* Joins two profiles. */
#ifndef LUTRA_USER_SECCOMP_MERGE_H
#define LUTRA_USER_SECCOMP_MERGE_H

#include "user/seccomp/profile/profile.h"

/*
 * Makes a profile that allows what either profile allows. A refusal of the first profile comes
 * before one of the second, and is left out if it might refuse what the other profile allows.
 * -EINVAL: one allows by default, or the agents differ. -E2BIG: too many entries. -ENOMEM.
 */
int merge_profiles(const struct profile *a, const struct profile *b, struct profile **ret,
		   struct err *err);

#endif
