/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that a person accepted become nodes as those of a run do. They do not get LUTRA_NODE_WROTE:
 * a file that is accepted says nothing of other files in its directory.
 */
#include "lib/policy/accepted/accepted_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/policy/paths/path_flags.h"
#include "lutra/score.h"

#define TREE_PATH_MAX (LUTRA_COMPONENTS * LUTRA_NAME + 1)

/* A path on its way down the tree. */
struct descent {
	struct policy *p;
	uint32_t node;
	char text[TREE_PATH_MAX]; /* of the node, folded */
	size_t len;
	bool session, lib_digits;
};

/* Adds a child of the node, whose text is there already. Returns 0 if the tree is full. */
static uint32_t add_accepted_child(struct descent *d, const char *name, bool dir)
{
	struct policy *p = d->p;
	struct policy_node *c;

	if (p->n_nodes >= LUTRA_NODES)
		return 0;
	c = &p->nodes[p->n_nodes];
	*c = (struct policy_node){
		.parent = (uint16_t)d->node, .dir = dir, .exec_session = d->session};
	memcpy(c->name, name, LUTRA_NAME);
	c->key = lutra_component_key(name, (uint32_t)strnlen(name, LUTRA_NAME - 1),
				     (const __u64 *)p->hash_key, dir);
	if (d->session)
		c->key ^= LUTRA_SESSION_KEY;
	c->flags = path_flags(d->text, p->nodes[d->node].flags, d->lib_digits);
	return (uint32_t)p->n_nodes++;
}

/* Lets the service reach a node that only exec sessions reached. What they know stays known. */
static void open_to_service(struct policy_node *n)
{
	if (!n->exec_session)
		return;
	n->exec_session = 0;
	n->key ^= LUTRA_SESSION_KEY;
}

/* Goes to a child, which is added where it is missing. name: folded, padded with zeros. */
static int go_to_child(struct descent *d, const char *name, bool dir)
{
	uint32_t child;

	d->len += (size_t)snprintf(d->text + d->len, sizeof(d->text) - d->len, "/%s",
				   name[0] == '/' ? "" : name);
	child = policy_find_child(d->p->nodes, d->p->n_nodes, d->node, name, dir);
	if (!child)
		child = add_accepted_child(d, name, dir);
	if (!child)
		return -ENOSPC;
	/* Parents come first, so no node for the service lies below one for sessions. */
	if (!d->session)
		open_to_service(&d->p->nodes[child]);
	d->node = child;
	return 0;
}

int accepted_node_insert(struct policy *p, const struct lutra_path *path, bool dir, bool session,
			 bool lib_digits)
{
	struct descent d = {.p = p, .session = session, .lib_digits = lib_digits};
	int r = 0;

	if (path->flags & ~LUTRA_PATH_DETACHED || !path->n)
		return -EINVAL;
	if (path->flags & LUTRA_PATH_DETACHED)
		r = go_to_child(&d, (const char[LUTRA_NAME]){"/"}, true);
	for (uint32_t i = path->n; r == 0 && i-- > 0;) {
		_Alignas(8) char name[LUTRA_NAME] = "*";

		if (!(p->nodes[d.node].flags & LUTRA_NODE_WILDCARD)) {
			size_t n = lutra_fold_component(path->name[i], path->len[i], name);

			memset(name + n, 0, sizeof(name) - n);
		}
		r = go_to_child(&d, name, i > 0 || dir);
	}
	return r < 0 ? r : (int)d.node;
}

int accepted_node_reserve(struct policy *p)
{
	struct policy_node *grown = realloc(p->nodes, LUTRA_NODES * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	p->nodes = grown;
	return 0;
}

bool accepted_node_parent(const struct lutra_path *path, struct lutra_path *ret)
{
	if (path->flags || path->n < 2)
		return false;
	*ret = (struct lutra_path){.n = path->n - 1};
	for (uint32_t i = 0; i < ret->n; i++) {
		memcpy(ret->name[i], path->name[i + 1], LUTRA_NAME);
		ret->len[i] = path->len[i + 1];
	}
	return true;
}
