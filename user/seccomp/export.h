/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a seccomp profile from a policy. */
#ifndef LUTRA_USER_SECCOMP_EXPORT_H
#define LUTRA_USER_SECCOMP_EXPORT_H

#include "lib/policy/policy.h"
#include "user/seccomp/profile/profile.h"

struct export_options {
	bool notify;	      /* ask lutrad's agent about dangerous system calls that are known */
	const char *listener; /* socket of the agent; for notify only */
};

/*
 * Allows the system calls that the policy knows in any role and those of the runtime's start-up,
 * with the known arguments where the policy has arguments. Dangerous system calls, namespaces and
 * socket families that are unknown get EPERM, all else ENOSYS. *ret_unnamed: known system calls
 * without a name in this libseccomp, which are refused. -ENOTSUP: the policy is not for x86-64.
 * -ENOMEM.
 */
int export_profile(const struct policy *policy, const struct export_options *options,
		   struct profile **ret, unsigned *ret_unnamed, struct err *err);

#endif
