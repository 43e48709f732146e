/* SPDX-License-Identifier: Apache-2.0 */
/* What userspace does after a verdict: the modes that act on a whole container. */
#ifndef LUTRA_USER_GUARD_CONTAINER_ACT_H
#define LUTRA_USER_GUARD_CONTAINER_ACT_H

#include "lutra/abi.h"

/*
 * kill-container kills the cgroup after a kill, freeze freezes it after a denial. Writing again is
 * harmless. Returns 1 if it acted, 0 if the verdict asks for nothing, or -errno.
 */
int react(const char *cgroup, const struct lutra_evidence *ev);

#endif
