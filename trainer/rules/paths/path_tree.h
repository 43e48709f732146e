/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of all paths that the runs used, and its collapse to a small tree with wildcards: what a
 * policy knows of paths.
 */
#ifndef LUTRA_TRAINER_RULES_PATHS_PATH_TREE_H
#define LUTRA_TRAINER_RULES_PATHS_PATH_TREE_H

#include <stddef.h>

#include "lib/policy/policy.h"

#define PATH_TREE_CHILDREN_MAX 8 /* a directory with more, if not protected, becomes a wildcard */

struct path_tree;

/*
 * Makes a tree that has the root and, for exec sessions, host_paths_get(). n_runs: runs that
 * path_tree_insert() can name. lib_digits: "/#" stands for /lib64. Returns 0 or -ENOMEM.
 */
int path_tree_new(struct path_tree **ret, size_t n_runs, bool lib_digits);
void path_tree_free(struct path_tree *t);
DEFINE_FREEP(struct path_tree, path_tree_free);

/* A path to insert. */
struct path_tree_entry {
	const struct lutra_path *path; /* never a deep, long or unresolved one: these never match */
	bool dir;		       /* the last component names a directory */
	bool wrote;		       /* a file was written or created: marks its directory */
	bool program;		       /* it was executed or mapped as code: the same */
	bool image;		       /* it was read, and is a file of the image */
	bool exec_session;	       /* only exec sessions had it; inserted after all others */
	const uint64_t *runs; /* the runs with this path: bits in (n_runs + 63) / 64 words */
};

/* Inserts a path. Returns 0, -ENOMEM, or -E2BIG if the tree has INTERN_MAX nodes. */
int path_tree_insert(struct path_tree *t, const struct path_tree_entry *p);

/* Notes that several directories of the runs fold to this one. A path that is not in the tree is ignored. */
void path_tree_note_several(struct path_tree *t, const struct lutra_path *path);

/* Notes that the names in a directory vary though they fold to one. A path that is not in the tree is ignored. */
void path_tree_note_random(struct path_tree *t, const struct lutra_path *path);

/*
 * Has all directories become wildcards that are wildcards in a policy, and data directories that are
 * such. Call it after the last insertion.
 */
void path_tree_keep_wildcards(struct path_tree *t, const struct policy *old);

/*
 * Collapses the tree: *ret (*ret_n nodes, the caller's to free), with keys hashed by hash_key.
 * If it does not fit a policy, it is collapsed again without what only exec sessions had. shrink:
 * program directories may be wildcards too, and so may others from fewer and fewer children on.
 * Returns 0, -ENOSPC if it does not fit (protected directories are never wildcards), or -ENOMEM.
 */
int path_tree_collapse(struct path_tree *t, const uint64_t hash_key[2], bool shrink,
		       struct policy_node **ret, size_t *ret_n);

#endif
