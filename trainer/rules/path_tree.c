/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the full tree of all paths. Runs on the caller's thread. */
#include "trainer/rules/path_nodes.h"

#include <errno.h>

#include "lib/base/array.h"
#include "lutra/score.h"

static int reserve_nodes(struct path_tree *t, uint32_t n)
{
	int r = ARRAY_RESERVE(t->node, t->node_size, n);

	return r < 0 ? r : ARRAY_RESERVE(t->runs, t->runs_size, n * t->n_words);
}

int path_tree_new(struct path_tree **ret, size_t n_runs, bool lib_digits)
{
	_cleanup_(path_tree_freep) struct path_tree *t = calloc(1, sizeof(*t));
	struct node_name root = {.dir = 1};
	uint32_t id;
	int r;

	if (!t)
		return -ENOMEM;
	t->n_words = (n_runs + 63) / 64;
	t->lib_digits = lib_digits;
	r = intern_new(&t->names);
	if (r == 0)
		r = intern_add(t->names, &root, NODE_NAME_HEAD, &id);
	if (r == 0)
		r = reserve_nodes(t, 1);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

void path_tree_free(struct path_tree *t)
{
	if (!t)
		return;
	intern_free(t->names);
	free(t->node);
	free(t->runs);
	free(t);
}

/* Finds a child of a node, or adds it. *ret: its number. */
static int get_child(struct path_tree *t, uint32_t parent, const char *name, size_t len, bool dir,
		     uint32_t *ret)
{
	struct node_name key = {.parent = parent, .dir = dir};
	uint32_t count = intern_count(t->names);
	int r;

	memcpy(key.name, name, len);
	r = intern_add(t->names, &key, NODE_NAME_HEAD + len, ret);
	if (r < 0 || *ret < count)
		return r;
	r = reserve_nodes(t, *ret + 1);
	if (r < 0)
		return r;
	t->node[*ret].next = t->node[parent].first;
	t->node[parent].first = *ret;
	return 0;
}

static void mark_runs(struct path_tree *t, uint32_t i, const uint64_t *runs)
{
	for (size_t w = 0; w < t->n_words; w++)
		t->runs[i * t->n_words + w] |= runs[w];
}

int path_tree_insert(struct path_tree *t, const struct path_tree_entry *p)
{
	const struct lutra_path *path = p->path;
	uint32_t at = 0, parent = 0;
	int r;

	mark_runs(t, 0, p->runs);
	if (path->flags & LUTRA_PATH_DETACHED) {
		r = get_child(t, 0, "/", 1, true, &at);
		if (r < 0)
			return r;
		mark_runs(t, at, p->runs);
	}
	/* The components lie in path from the last to the first; the tree begins with the first. */
	for (uint32_t i = 0; i < path->n; i++) {
		uint32_t c = (path->n - 1 - i) & (LUTRA_COMPONENTS - 1);
		char name[LUTRA_NAME];
		size_t len = lutra_fold_component(path->name[c], path->len[c], name);

		parent = at;
		r = get_child(t, parent, name, len, i + 1 < path->n || p->dir, &at);
		if (r < 0)
			return r;
		mark_runs(t, at, p->runs);
	}
	t->node[parent].wrote |= p->wrote && path->n;
	return 0;
}
