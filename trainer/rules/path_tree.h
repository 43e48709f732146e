/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of all paths that the runs named, and its collapse to a small one with wildcards, which
 * is what a policy knows of paths.
 */
#ifndef LUTRA_TRAINER_RULES_PATH_TREE_H
#define LUTRA_TRAINER_RULES_PATH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/policy/policy.h"

#define PATH_TREE_CHILDREN_MAX 8 /* of a directory that is not protected; above, it is a wildcard */

struct path_tree;

/* n_runs: those that path_tree_insert() can name. lib_digits: "/#" stands for /lib64. -ENOMEM. */
int path_tree_new(struct path_tree **ret, size_t n_runs, bool lib_digits);
void path_tree_free(struct path_tree *t);
DEFINE_FREEP(struct path_tree, path_tree_free);

/* A path to insert, as seen in one or more runs. */
struct path_tree_entry {
	const struct lutra_path *path; /* not deep, long or unresolved: these never match */
	bool dir;		       /* the last component names a directory */
	bool wrote;		       /* a file written or created: its directory is marked */
	const uint64_t *runs;	       /* bits, (n_runs + 63) / 64 words */
};

/* -ENOMEM; -E2BIG: more nodes than INTERN_MAX. */
int path_tree_insert(struct path_tree *t, const struct path_tree_entry *p);

/*
 * The collapsed tree, with keys under hash_key: *ret (the caller's) with *ret_n nodes. Where it
 * would not fit a policy, directories become wildcards with fewer children. -ENOSPC: even then,
 * since protected ones never do. -ENOMEM.
 */
int path_tree_collapse(const struct path_tree *t, const uint64_t hash_key[2],
		       struct policy_node **ret, size_t *ret_n);

#endif
