/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discovers running containers that no hook and no engine named, by what their cgroups are called.
 * Their identity is then looked up where engines keep bundles.
 */
#ifndef LUTRA_USER_DISCOVERY_CGROUP_SCAN_H
#define LUTRA_USER_DISCOVERY_CGROUP_SCAN_H

#include "user/discovery/discovery.h"

struct cgroup_scan;

/* Returns 0 or -ENOMEM. All that is given outlives it. */
int cgroup_scan_new(struct cgroup_scan **ret, const struct config *config,
		    struct containers *containers, struct discovery *discovery);
void cgroup_scan_free(struct cgroup_scan *scan);
/* To be called every second: looks every five seconds. */
void cgroup_scan_check(struct cgroup_scan *scan);

#endif
