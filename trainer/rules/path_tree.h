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

#define TREE_CHILDREN_MAX 8 /* of a directory that is not protected; above, it is a wildcard */

struct tree;

/* n_runs: those that tree_insert() can name. lib_digits: "/#" stands for /lib64. -ENOMEM. */
int tree_new(struct tree **ret, size_t n_runs, bool lib_digits);
void tree_free(struct tree *t);
DEFINE_FREEP(struct tree, tree_free);

/* A path to insert, as seen in one or more runs. */
struct tree_path {
	const struct lutra_path *path; /* not deep, long or unresolved: these never match */
	bool dir;		       /* the last component names a directory */
	bool wrote;		       /* a file written or created: its directory is marked */
	const uint64_t *runs;	       /* bits, (n_runs + 63) / 64 words */
};

/* -ENOMEM; -E2BIG: more nodes than INTERN_MAX. */
int tree_insert(struct tree *t, const struct tree_path *p);

/*
 * The collapsed tree, with keys under hash_key: *ret (the caller's) with *ret_n nodes. Where it
 * would not fit a policy, directories become wildcards with fewer children. -ENOSPC: even then,
 * since protected ones never do. -ENOMEM.
 */
int tree_collapse(const struct tree *t, const uint64_t hash_key[2], struct policy_node **ret,
		  size_t *ret_n);

#endif
