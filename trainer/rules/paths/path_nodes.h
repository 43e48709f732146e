/* SPDX-License-Identifier: Apache-2.0 */
/* The full path tree in memory, for path_tree.c, which builds it, and path_collapse.c. */
#ifndef LUTRA_TRAINER_RULES_PATHS_PATH_NODES_H
#define LUTRA_TRAINER_RULES_PATHS_PATH_NODES_H

#include <string.h>

#include "trainer/data/names/intern.h"
#include "trainer/rules/paths/path_tree.h"

/* Who has a node of the full tree. */
#define SEEN_SERVICE 1
#define SEEN_SESSION 2
#define SEEN_HELD 4 /* host_paths_get() */
#define SEEN_ALL (SEEN_SERVICE | SEEN_SESSION | SEEN_HELD)

struct tree_node {
	uint32_t first, next; /* first child, next sibling; 0: none */
	bool wrote;	      /* a file in this directory was written or created */
	bool several;	      /* several directories of the runs fold to this one */
	bool random;	      /* names in this directory vary by their letters */
	bool programs;	      /* a file in it was executed or mapped as code */
	bool wildcard;	      /* a policy that is updated has it as a wildcard */
	bool image;	      /* the service read a file of the image, this one or one below */
	bool other;	      /* it used another file, or an image file in another way */
	uint8_t seen;	      /* SEEN_* */
};

struct path_tree {
	struct intern *names; /* the struct node_name of each node, by node number; 0 is the root */
	struct tree_node *node;
	/* (nodes, n_words): for each node, a bit for each run that had it. Sessions count only where
	 * the service has no part. */
	uint64_t *runs;
	size_t node_size, runs_size;
	size_t n_words;
	bool lib_digits;
};

/* What identifies a node of the full tree: its parent, its kind and its folded name. */
struct node_name {
	uint32_t parent;
	uint32_t dir; /* 1: a directory */
	char name[LUTRA_NAME];
};

#define NODE_NAME_HEAD offsetof(struct node_name, name)

static inline void path_node_name(const struct path_tree *t, uint32_t i, struct node_name *ret)
{
	size_t len;
	const void *data = intern_get(t->names, i, &len);

	memset(ret, 0, sizeof(*ret));
	memcpy(ret, data, len);
}

#endif
