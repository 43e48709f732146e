/* SPDX-License-Identifier: Apache-2.0 */
/* Containers by the paths of their cgroups. */
#ifndef LUTRA_USER_IDENTITY_PATTERNS_H
#define LUTRA_USER_IDENTITY_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

#include "user/identity/identity.h"

#define PATTERNS_ID 65	/* 64 hexadecimal digits */
#define PATTERNS_UID 37 /* 8-4-4-4-12 of them, or 32 */

struct pattern {
	enum engine engine;
	char id[PATTERNS_ID];
	char pod_uid[PATTERNS_UID]; /* "": in none */
	size_t len;		    /* of the path: so much of it is the container's own cgroup */
};

/*
 * The container that a cgroup belongs to, with whatever cgroup driver: the outermost one, for what
 * runs in a container is its own matter. False: none that an engine names; so for engines' own
 * processes, conmon's scopes, pods. The path may begin with the mount point of the cgroup tree.
 */
bool pattern_match(const char *path, struct pattern *ret);

#endif
