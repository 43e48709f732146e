/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the full tree of all paths. Runs on the caller's thread. */
#include "trainer/rules/paths/path_nodes.h"

#include <errno.h>

#include "lib/abi/path_text.h"
#include "lib/base/array.h"
#include "lib/policy/paths/host_paths.h"
#include "lutra/score.h"

static int reserve_nodes(struct path_tree *t, uint32_t n)
{
	int r = ARRAY_RESERVE(t->node, t->node_size, n);

	return r < 0 ? r : ARRAY_RESERVE(t->runs, t->runs_size, n * t->n_words);
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

/* Notes that the runs of p had node i of its path. The service's are inserted first. */
static void mark_node(struct path_tree *t, uint32_t i, const struct path_tree_entry *p,
		      uint8_t seen)
{
	struct tree_node *node = &t->node[i];

	if (!(seen & SEEN_SERVICE) && node->seen & SEEN_SERVICE)
		return;
	node->seen |= seen;
	/* The path of a directory says nothing of the files in it. */
	node->image |= p->image && !p->dir;
	node->other |= !p->image && !p->dir;
	for (size_t w = 0; p->runs && w < t->n_words; w++)
		t->runs[i * t->n_words + w] |= p->runs[w];
}

static int insert_path(struct path_tree *t, const struct path_tree_entry *p, uint8_t seen)
{
	const struct lutra_path *path = p->path;
	uint32_t at = 0, parent = 0;
	int r;

	mark_node(t, 0, p, seen);
	if (path->flags & LUTRA_PATH_DETACHED) {
		r = get_child(t, 0, "/", 1, true, &at);
		if (r < 0)
			return r;
		mark_node(t, at, p, seen);
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
		mark_node(t, at, p, seen);
	}
	if (seen & SEEN_SERVICE || !(t->node[parent].seen & SEEN_SERVICE))
		t->node[parent].wrote |= p->wrote && path->n;
	if (seen & SEEN_SERVICE)
		t->node[parent].programs |= p->program && path->n;
	return 0;
}

int path_tree_insert(struct path_tree *t, const struct path_tree_entry *p)
{
	return insert_path(t, p, p->exec_session ? SEEN_SESSION : SEEN_SERVICE);
}

/* Inserts what each tree holds for exec sessions. */
static int insert_held(struct path_tree *t)
{
	struct lutra_path path;
	struct path_tree_entry p = {.path = &path};
	const char *held;
	int r = 0;

	for (size_t i = 0; r == 0 && (held = host_paths_get(i, &p.dir)) != NULL; i++) {
		path_text_parse(held, strlen(held), &path);
		r = insert_path(t, &p, SEEN_HELD);
	}
	return r;
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
	t->node[0].seen = SEEN_SERVICE;
	r = insert_held(t);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

/* Returns the node of a directory, or NULL. */
static struct tree_node *find_directory(struct path_tree *t, const struct lutra_path *path)
{
	uint32_t at = 0;

	for (uint32_t i = path->n; i-- > 0;) {
		struct node_name name = {.parent = at, .dir = 1};
		uint32_t c = i & (LUTRA_COMPONENTS - 1);
		size_t len = lutra_fold_component(path->name[c], path->len[c], name.name);

		if (!intern_find(t->names, &name, NODE_NAME_HEAD + len, &at))
			return NULL;
	}
	return &t->node[at];
}

void path_tree_note_several(struct path_tree *t, const struct lutra_path *path)
{
	struct tree_node *node = find_directory(t, path);

	if (node)
		node->several = true;
}

void path_tree_note_random(struct path_tree *t, const struct lutra_path *path)
{
	struct tree_node *node = find_directory(t, path);

	if (node)
		node->random = true;
}

/* Marks a node, and those below it, that node `old` of a policy and those below that stand for. */
static void keep_below(struct path_tree *t, uint32_t at, const struct policy *p, uint16_t old)
{
	bool wildcard = p->nodes[old].flags & LUTRA_NODE_WILDCARD;

	t->node[at].wildcard |= wildcard;
	t->node[at].wrote |= (p->nodes[old].flags & LUTRA_NODE_WROTE) != 0;
	for (uint32_t c = t->node[at].first; c; c = t->node[c].next) {
		struct node_name name;
		size_t i = old + 1u;

		path_node_name(t, c, &name);
		while (i < p->n_nodes &&
		       !(p->nodes[i].parent == old && !p->nodes[i].exec_session &&
			 p->nodes[i].dir == name.dir &&
			 (wildcard || strncmp(p->nodes[i].name, name.name, LUTRA_NAME) == 0)))
			i++;
		if (i < p->n_nodes)
			keep_below(t, c, p, (uint16_t)i);
	}
}

void path_tree_keep_wildcards(struct path_tree *t, const struct policy *old)
{
	keep_below(t, 0, old, 0);
}
