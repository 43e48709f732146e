/* SPDX-License-Identifier: Apache-2.0 */
/* The id, engine and pod of a container, from the path of its cgroup. */
#ifndef LUTRA_USER_IDENTITY_PATTERNS_H
#define LUTRA_USER_IDENTITY_PATTERNS_H

#include "user/identity/identity.h"

#define PATTERNS_ID 65	/* 64 hexadecimal digits */
#define PATTERNS_UID 37 /* 8-4-4-4-12 digits, or 32 */

struct pattern {
	enum engine engine;
	char id[PATTERNS_ID];
	char pod_uid[PATTERNS_UID]; /* "": the container is in no pod */
	size_t len;		    /* bytes of the path up to the end of the container's cgroup */
};

/*
 * Finds the outermost container in a path, for each cgroup driver. Returns false if the path holds
 * no container: a cgroup of an engine itself, of conmon, or of a pod. The path may begin with the
 * mount point of the cgroup tree.
 */
bool pattern_match(const char *path, struct pattern *ret);

#endif
