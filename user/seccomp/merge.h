/* SPDX-License-Identifier: Apache-2.0 */
/* One profile out of several. */
#ifndef LUTRA_USER_SECCOMP_MERGE_H
#define LUTRA_USER_SECCOMP_MERGE_H

#include "user/seccomp/profile.h"

/*
 * What any of them allows is allowed; of what none does, the first to name it says how it is
 * refused, unless the refusal might meet a call that another allows. n is at least 1. -EINVAL: one
 * of them allows by default, or two have different agents; -E2BIG; -ENOMEM.
 */
int merge_profiles(struct profile *const *profiles, size_t n, struct profile **ret,
		   struct err *err);

#endif
