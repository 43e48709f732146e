/* SPDX-License-Identifier: Apache-2.0 */
/* A policy as a seccomp profile. */
#ifndef LUTRA_USER_SECCOMP_EXPORT_H
#define LUTRA_USER_SECCOMP_EXPORT_H

#include "lib/policy/policy.h"
#include "user/seccomp/profile.h"

struct export_options {
	bool notify;	      /* dangerous calls that were seen go to the agent */
	const char *listener; /* its socket; of notify only */
};

/*
 * What the policy's runs did in any role, and the runtime's start-up set, is allowed; the rest gets
 * ENOSYS, dangerous calls, namespaces and socket families EPERM. Of a call whose arguments the
 * policy has, these are compared. *ret_unnamed: calls that were seen and that this libseccomp has
 * no name for, so that they are refused. -ENOTSUP: a policy of another machine than x86-64.
 * -ENOMEM.
 */
int export_profile(const struct policy *policy, const struct export_options *options,
		   struct profile **ret, unsigned *ret_unnamed, struct err *err);

#endif
