/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup a container runs in. */
#ifndef LUTRA_USER_IDENTITY_CGROUP_LOOKUP_H
#define LUTRA_USER_IDENTITY_CGROUP_LOOKUP_H

#include <stddef.h>

#include "lib/base/err.h"

/*
 * Cgroup of a running container by its id, from the runtimes' state files (runc, crun) and else by
 * the names of cgroups (docker, podman, cri). *ret: the caller's to free. -EINVAL: no id.
 * -ENOENT, -ENOTUNIQ, -ENOTSUP.
 */
int cgroup_lookup_by_id(const char *id, char **ret, struct err *err);

/* The id of the container that a cgroup belongs to (patterns.h); else the cgroup's own name. */
void cgroup_lookup_container_id(const char *cgroup, char *buf, size_t size);

#endif
