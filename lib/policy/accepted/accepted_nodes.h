/* SPDX-License-Identifier: Apache-2.0 */
/* Adds paths to the path tree of a policy in memory. */
#ifndef LUTRA_LIB_POLICY_ACCEPTED_ACCEPTED_NODES_H
#define LUTRA_LIB_POLICY_ACCEPTED_ACCEPTED_NODES_H

#include "lib/policy/policy.h"

/* Gives p->nodes room for LUTRA_NODES. Returns 0 or -ENOMEM. */
int accepted_node_reserve(struct policy *p);

/*
 * Finds or adds the node of a path. dir: the last component names a directory. session: only exec
 * sessions reach nodes that are added. lib_digits: as path_flags()
 * takes it. accepted_node_reserve() was called before.
 * Returns the node. -ENOSPC: the tree is full. -EINVAL: a tree cannot hold the path.
 */
int accepted_node_insert(struct policy *p, const struct lutra_path *path, bool dir, bool session,
			 bool lib_digits);

/* Writes the path of the directory that holds a path. Returns false: the path has none. */
bool accepted_node_parent(const struct lutra_path *path, struct lutra_path *ret);

#endif
