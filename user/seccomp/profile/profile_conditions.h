/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What engines add to profiles: a rule may hold only for some capabilities, architectures or kernels
 * (includes, excludes). The engine decides it when it makes a container.
 */
#ifndef LUTRA_USER_SECCOMP_PROFILE_PROFILE_CONDITIONS_H
#define LUTRA_USER_SECCOMP_PROFILE_PROFILE_CONDITIONS_H

#include <jansson.h>
#include <stdio.h>

#include "lib/base/err.h"

/* The conditions of a rule. Either may be NULL or null. */
struct profile_conditions {
	json_t *includes, *excludes;
};

/*
 * Decides whether a rule holds for a container without options: with the capabilities that engines
 * give, on x86-64, on this kernel. Writes what it depends on to out, nothing if on nothing. Returns
 * 1, 0, or -EBADMSG: err says what is wrong.
 */
int profile_conditions_hold(const struct profile_conditions *c, FILE *out, struct err *err);

#endif
