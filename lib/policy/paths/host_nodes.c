/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds places of the host (host_places.h) to a copy of a policy's path tree. The flags of a place
 * hold for its node and for the nodes below it, down to the next place. A node that the service can
 * reach gets only LUTRA_NODE_HOST, which does not change verdicts on the service.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/policy/paths/host_places.h"
#include "lib/policy/paths/path_flags.h"
#include "lutra/score.h"

#define TREE_PATH_MAX (LUTRA_COMPONENTS * LUTRA_NAME + 1)
#define PLACE_FLAGS (LUTRA_NODE_HOST | LUTRA_NODE_PROTECTED | LUTRA_NODE_SECRET)

struct host_tree {
	__u64 hash_key[2];
	struct policy_node *nodes; /* (LUTRA_NODES) */
	size_t n;
	bool has_flags
		[LUTRA_NODES];	    /* the node is a place or, after set_place_flags(), below one */
	uint8_t flags[LUTRA_NODES]; /* of that place */
};

/*
 * Adds a node that only exec sessions reach. path: of the node, folded. Returns 0 if the tree is
 * full.
 */
static size_t add_child(struct host_tree *t, size_t parent, const char *path, bool dir)
{
	_Alignas(8) char name[LUTRA_NAME] = {0};
	const char *last = strrchr(path, '/') + 1;
	struct policy_node *c;

	if (t->n >= LUTRA_NODES)
		return 0;
	c = &t->nodes[t->n];
	for (size_t i = 0; last[i] && i < sizeof(name); i++)
		name[i] = last[i];
	memcpy(c->name, name, sizeof(name));
	c->key = lutra_component_key(name, (uint32_t)strlen(name), t->hash_key, dir) ^
		 LUTRA_SESSION_KEY;
	c->parent = (uint16_t)parent;
	c->flags = path_flags(path, t->nodes[parent].flags, false);
	c->dir = dir;
	c->exec_session = 1;
	return t->n++;
}

/*
 * Finds or adds the node of a path. dir: the last component names a directory. Returns 0 if the
 * tree is full, or if a node on the way has a wildcard for its children: there the tree cannot tell
 * one name from another.
 */
static size_t get_host_node(struct host_tree *t, const struct lutra_path *parts, bool dir)
{
	char path[TREE_PATH_MAX] = "";
	size_t node = 0, len = 0;

	for (uint32_t i = parts->n; i-- > 0;) {
		char name[LUTRA_NAME];
		size_t n = lutra_fold_component(parts->name[i], parts->len[i], name), child;

		if (t->nodes[node].flags & LUTRA_NODE_WILDCARD)
			return 0;
		path[len++] = '/';
		memcpy(path + len, name, n);
		path[len + n] = '\0';
		child = policy_find_child(t->nodes, t->n, (uint32_t)node, path + len, i > 0 || dir);
		len += n;
		node = child ? child : add_child(t, node, path, i > 0 || dir);
		if (!node)
			return 0;
	}
	return node;
}

/* Puts a place into the tree. Returns false if the tree cannot hold it. */
static bool put_place(struct host_tree *t, const struct host_place *p)
{
	struct lutra_path parts;
	bool all = true;

	path_text_parse(p->path, strlen(p->path), &parts);
	if (parts.flags || !parts.n)
		return false;
	for (int dir = 0; dir < 2; dir++) {
		size_t node = (dir ? p->dir : p->file) ? get_host_node(t, &parts, dir) : 0;

		if (node) {
			/* Places whose names differ only in digits are one node. */
			t->has_flags[node] = true;
			t->flags[node] |= p->flags;
		} else if (dir ? p->dir : p->file) {
			all = false;
		}
	}
	return all;
}

/* Sets the flags of each node that is a place or below one. Parents come before their children. */
static void set_place_flags(struct host_tree *t)
{
	for (size_t i = 1; i < t->n; i++) {
		struct policy_node *node = &t->nodes[i];
		uint8_t changed;

		if (!t->has_flags[i]) {
			t->has_flags[i] = t->has_flags[node->parent];
			t->flags[i] = t->flags[node->parent];
		}
		if (!t->has_flags[i])
			continue;
		changed = node->exec_session ? PLACE_FLAGS : LUTRA_NODE_HOST;
		node->flags &= (uint8_t) ~(changed & ~LUTRA_NODE_PROTECTED);
		node->flags |= t->flags[i] & changed;
	}
}

int host_places_to_nodes(const struct host_places *all, const struct policy *p,
			 struct policy_node **ret, size_t *ret_n, size_t *ret_left_out)
{
	struct host_tree *t = calloc(1, sizeof(*t));
	size_t left_out = all->left_out;

	if (t)
		t->nodes = calloc(LUTRA_NODES, sizeof(*t->nodes));
	if (!t || !t->nodes || p->n_nodes > LUTRA_NODES) {
		if (t)
			free(t->nodes);
		free(t);
		return -ENOMEM;
	}
	memcpy(t->hash_key, p->hash_key, sizeof(t->hash_key));
	memcpy(t->nodes, p->nodes, p->n_nodes * sizeof(*p->nodes));
	t->n = p->n_nodes;
	for (size_t i = 0; i < all->n; i++)
		left_out += !put_place(t, &all->place[i]);
	set_place_flags(t);
	*ret = t->nodes;
	*ret_n = t->n;
	*ret_left_out = left_out;
	free(t);
	return 0;
}
