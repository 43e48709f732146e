/* SPDX-License-Identifier: Apache-2.0 */
/* One profile out of two. */
#ifndef LUTRA_USER_SECCOMP_MERGE_H
#define LUTRA_USER_SECCOMP_MERGE_H

#include "user/seccomp/profile.h"

/*
 * What either allows is allowed; of what neither does, the first to name it says how it is refused,
 * unless the refusal might meet a call that the other allows. -EINVAL: one of them allows by
 * default, or they have different agents; -E2BIG; -ENOMEM.
 */
int merge_profiles(const struct profile *a, const struct profile *b, struct profile **ret,
		   struct err *err);

#endif
