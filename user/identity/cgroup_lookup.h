/* SPDX-License-Identifier: Apache-2.0 */
/* From the id of a container to its cgroup, and back. */
#ifndef LUTRA_USER_IDENTITY_CGROUP_LOOKUP_H
#define LUTRA_USER_IDENTITY_CGROUP_LOOKUP_H

#include <stddef.h>

#include "lib/base/err.h"

#define SHORT_ID_MIN 4 /* characters of the beginning of an id */

/*
 * Finds the cgroup of a running container: in the state files of runc and crun, else among the
 * names of cgroups, also by the beginning of the id, of SHORT_ID_MIN characters at least. The caller frees *ret. -EINVAL: not an id. -ENOENT: no such container.
 * -ENOTUNIQ: several have this id. -ENOTSUP: no cgroup v2.
 */
int cgroup_lookup_by_id(const char *id, char **ret, struct err *err);

/* Writes the id of the cgroup's container (patterns.h), or else the name of the cgroup. */
void cgroup_lookup_container_id(const char *cgroup, char *buf, size_t size);

#endif
