/* SPDX-License-Identifier: Apache-2.0 */
/* What is the host's in a container, by its path: an expert's lists. */
#ifndef LUTRA_LIB_POLICY_PATHS_HOST_PATHS_H
#define LUTRA_LIB_POLICY_PATHS_HOST_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns LUTRA_NODE_HOST or 0, by a folded path and its parent's flags. */
uint8_t host_paths_flag(const char *path, uint8_t parent_flags);

/*
 * Returns path i of those that each tree holds for exec sessions, or NULL after the last: what is
 * the host's, and what is the container's own below that. *ret_dir: the path names a directory.
 */
const char *host_paths_get(size_t i, bool *ret_dir);

#endif
