/* SPDX-License-Identifier: Apache-2.0 */
/* A path tree made path by path, and what collapse makes of it. Errors end the test. */
#ifndef LUTRA_TESTS_SUPPORT_TRAINER_MADE_TREE_H
#define LUTRA_TESTS_SUPPORT_TRAINER_MADE_TREE_H

#include "trainer/rules/paths/path_tree.h"

extern const uint64_t made_tree_key[2]; /* of path components */

/* A tree of at most 70 runs, and the nodes of its last collapse. */
struct made_tree {
	struct path_tree *tree;
	struct policy_node *nodes;
	size_t n;
};

/* The fixture of a test. */
int made_tree_setup(void **state);
int made_tree_teardown(void **state);

/* Inserts a path as seen in a run. A slash at its end says that it is a directory. */
void add_path(struct made_tree *f, const char *s, unsigned run, bool wrote);
/* Inserts a file of the image as read in a run. */
void add_image_path(struct made_tree *f, const char *s, unsigned run);
/* Inserts a path that an exec session wrote in a run. */
void add_session_path(struct made_tree *f, const char *s, unsigned run);
/* Inserts a path as read in the first n_runs runs. */
void put_in_runs(struct made_tree *f, const char *s, unsigned n_runs);

/* Collapses the tree. */
void collapse_tree(struct made_tree *f);
/* Collapses the tree with the names of all programs. */
void collapse_apart(struct made_tree *f);

/* Returns the node of a collapsed path, or -1. Its components are named as in the nodes. */
int node_of(const struct made_tree *f, const char *path, bool dir);
/* Returns how many nodes the service can reach. */
size_t count_service_nodes(const struct made_tree *f);
/* Returns true if the directory has a wildcard. It must have a node, as the paths below. */
bool is_wildcard(const struct made_tree *f, const char *dir);
uint8_t flags_of(const struct made_tree *f, const char *path, bool dir);
uint64_t key_of(const struct made_tree *f, const char *path, bool dir);
bool is_for_sessions(const struct made_tree *f, const char *path, bool dir);

#endif
