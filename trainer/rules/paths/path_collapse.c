/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collapses the full path tree. Runs on the caller's thread.
 *
 * A node of the collapsed tree stands for one or more nodes of the full tree, its members: all are
 * files, or all are directories. Collapsing goes from the root down. It takes the children of all
 * members of a node and groups them: one group for each name or, if the node is a wildcard, one for
 * all files and one for all directories. Each group is the members of one new node.
 *
 * Paths that only exec sessions used make nodes that the service cannot reach. They have no part in
 * what the other nodes become.
 */
#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/policy/paths/path_flags.h"
#include "lutra/score.h"
#include "trainer/rules/paths/path_nodes.h"

#define DEPTH_MAX (LUTRA_COMPONENTS + 1) /* one more for the node "/" of detached paths */
#define PATH_MAX_BYTES (DEPTH_MAX * LUTRA_NAME)

/* Nodes of the full tree, by number, that become the members of one node of the collapsed tree. */
struct child_group {
	const uint32_t *children;
	size_t n;
};

struct collapse {
	struct path_tree *t;
	__u64 hash_key[2];
	size_t children_max;
	uint8_t seen;		   /* SEEN_*: nodes of these are kept */
	bool shrink;		   /* of path_tree_collapse() */
	struct policy_node *nodes; /* (LUTRA_NODES) */
	bool *several;		   /* (LUTRA_NODES): the node stands for several directories */
	size_t n_nodes;
	char path[PATH_MAX_BYTES]; /* of the node that is being added, folded */
};

/*
 * Orders files before directories, then by name. only_kind: does not compare names, so that all
 * files are equal, and all directories are.
 */
static int compare_nodes(const struct path_tree *t, uint32_t x, uint32_t y, bool only_kind)
{
	struct node_name nx, ny;

	path_node_name(t, x, &nx);
	path_node_name(t, y, &ny);
	if (nx.dir != ny.dir)
		return nx.dir < ny.dir ? -1 : 1;
	return only_kind ? 0 : memcmp(nx.name, ny.name, sizeof(nx.name));
}

static int compare_children(const void *a, const void *b, void *tree)
{
	const uint32_t *x = a, *y = b;

	return compare_nodes(tree, *x, *y, false);
}

/* Collects the children of all members, sorted, in *ret (*ret_n), which the caller frees. */
static int gather_children(const struct collapse *x, const struct child_group *members,
			   uint32_t **ret, size_t *ret_n)
{
	struct path_tree *t = x->t;
	size_t size = 0, n = 0;

	for (size_t i = 0; i < members->n; i++) {
		for (uint32_t c = t->node[members->children[i]].first; c; c = t->node[c].next) {
			if (!(t->node[c].seen & x->seen))
				continue;
			if (ARRAY_RESERVE(*ret, size, n + 1) < 0)
				return -ENOMEM;
			(*ret)[n++] = c;
		}
	}
	if (n)
		qsort_r(*ret, n, sizeof(**ret), compare_children, t);
	*ret_n = n;
	return 0;
}

/*
 * Removes the first group from the sorted *children (*n) and returns it: the children of one name
 * or, in a wildcard, all files or all directories.
 */
static struct child_group next_group(const struct path_tree *t, const uint32_t **children,
				     size_t *n, bool wildcard)
{
	struct child_group g = {*children, 1};

	while (g.n < *n && compare_nodes(t, g.children[0], g.children[g.n], wildcard) == 0)
		g.n++;
	*children += g.n;
	*n -= g.n;
	return g;
}

/* Returns who has a node of these members: SEEN_*. */
static uint8_t seen_by(const struct path_tree *t, const struct child_group *g)
{
	uint8_t seen = 0;

	for (size_t i = 0; i < g->n; i++)
		seen |= t->node[g->children[i]].seen;
	return seen;
}

/* Returns true if the node is a directory's. */
static bool is_directory(const struct path_tree *t, uint32_t node)
{
	struct node_name name;

	path_node_name(t, node, &name);
	return name.dir;
}

/*
 * Returns true if the node is a directory below which the service only read files of the image. A run
 * that has it shows how much of the image was read, not that names vary. A wildcard in its place would
 * know all other directories of the image beside it, also those that no run read.
 */
static bool is_image_directory(const struct collapse *x, uint32_t node)
{
	const struct tree_node *n = &x->t->node[node];

	return !x->shrink && n->image && !n->other && is_directory(x->t, node);
}

/* Returns true if each node of a group is_image_directory(). */
static bool are_image_directories(const struct collapse *x, const struct child_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!is_image_directory(x, g->children[i]))
			return false;
	return true;
}

/* Returns true if the same runs had both nodes. */
static bool same_runs(const struct path_tree *t, uint32_t a, uint32_t b)
{
	return memcmp(t->runs + a * t->n_words, t->runs + b * t->n_words,
		      t->n_words * sizeof(*t->runs)) == 0;
}

/*
 * Returns true if what the runs did in these directories shows that their names vary: two runs had
 * different children in the same directory, or two directories of different runs have different
 * children. by: SEEN_*, of members and children that count. Directories of the image do not count.
 * n_names: distinct children of all members that count.
 *
 * What two runs show, no third one takes away, so that a wildcard stays one however many runs are
 * added.
 */
static bool has_varying_names(const struct collapse *x, const struct child_group *members,
			      uint8_t by, size_t n_names)
{
	const struct path_tree *t = x->t;
	bool same = true, full = true;
	uint32_t first = 0;

	for (size_t i = 0; i < members->n; i++) {
		uint32_t m = members->children[i];
		size_t n = 0;

		if (!(t->node[m].seen & by))
			continue;
		for (uint32_t c = t->node[m].first; c; c = t->node[c].next) {
			if (!(t->node[c].seen & by) || is_image_directory(x, c))
				continue;
			if (!same_runs(t, m, c))
				return true;
			n++;
		}
		same &= !first || same_runs(t, m, first);
		full &= n == n_names;
		first = m;
	}
	return !same && !full;
}

/*
 * Returns true if the directory is an image's, for programs: there each file is told apart, so that
 * no other one is known with it. To read a new one is only logged.
 */
static bool has_programs(const struct path_tree *t, const struct child_group *members,
			 uint8_t node_flags)
{
	bool programs = false;

	for (size_t i = 0; i < members->n; i++)
		programs |= t->node[members->children[i]].programs;
	return programs && node_flags & LUTRA_NODE_USR && !(node_flags & LUTRA_NODE_WROTE);
}

/* Returns true if the names in one of these directories vary though they fold to one. */
static bool has_random_names(const struct path_tree *t, const struct child_group *members)
{
	for (size_t i = 0; i < members->n; i++)
		if (t->node[members->children[i]].random)
			return true;
	return false;
}

static bool is_kept_wildcard(const struct path_tree *t, const struct child_group *members)
{
	for (size_t i = 0; i < members->n; i++)
		if (t->node[members->children[i]].wildcard)
			return true;
	return false;
}

/*
 * Returns true if the node of these members becomes a wildcard. Children that only exec sessions
 * have do not count where the service has a part, and directories of the image never do. If a single
 * child counts, and is a directory, its name does not vary: runs that do not have it had no use for it.
 */
static bool is_wildcard(const struct collapse *x, const struct child_group *members,
			uint8_t node_flags, const uint32_t *children, size_t n_children)
{
	uint8_t by = seen_by(x->t, members) & SEEN_SERVICE ? SEEN_SERVICE : SEEN_ALL;
	size_t n = 0, n_files = 0;

	if (node_flags & (LUTRA_NODE_PROTECTED | LUTRA_NODE_SECRET))
		return false;
	if (is_kept_wildcard(x->t, members))
		return true;
	if (!x->shrink && has_programs(x->t, members, node_flags))
		return false;
	if (has_random_names(x->t, members))
		return true;
	while (n_children) {
		struct child_group g = next_group(x->t, &children, &n_children, false);

		if (!(seen_by(x->t, &g) & by) || are_image_directories(x, &g))
			continue;
		n++;
		n_files += !is_directory(x->t, g.children[0]);
	}
	if (n == 1 && !n_files && !x->shrink)
		return false;
	return n > x->children_max || has_varying_names(x, members, by, n);
}

/*
 * Adds a node to the collapsed tree and its name to x->path. g: its members. wildcard: the parent
 * is a wildcard, so the name is "*". Returns its number, or -ENOSPC.
 */
static int add_node(struct collapse *x, const struct child_group *g, uint16_t parent, bool wildcard)
{
	struct policy_node *node;
	struct node_name name;
	size_t len, at = strlen(x->path);

	if (x->n_nodes >= LUTRA_NODES)
		return -ENOSPC;
	node = &x->nodes[x->n_nodes];
	memset(node, 0, sizeof(*node));
	path_node_name(x->t, g->children[0], &name);
	if (wildcard)
		memcpy(name.name, "*", 2);
	memcpy(node->name, x->n_nodes ? name.name : "/", x->n_nodes ? LUTRA_NAME : 2);
	node->name[LUTRA_NAME - 1] = '\0';
	node->dir = (uint8_t)name.dir;
	node->parent = parent;
	len = strlen(node->name);
	node->exec_session = !(seen_by(x->t, g) & SEEN_SERVICE);
	node->key = lutra_component_key(node->name, (uint32_t)len, x->hash_key, node->dir) ^
		    (node->exec_session ? LUTRA_SESSION_KEY : 0);
	if (x->n_nodes) {
		x->path[at] = '/';
		memcpy(x->path + at + 1, node->name, len + 1);
	}
	node->flags = path_flags(x->n_nodes ? x->path : "/",
				 x->n_nodes ? x->nodes[parent].flags : 0, x->t->lib_digits);
	for (size_t i = 0; i < g->n; i++)
		node->flags |= x->t->node[g->children[i]].wrote ? LUTRA_NODE_WROTE : 0;
	x->several[x->n_nodes] = false;
	for (size_t i = 0; i < g->n; i++)
		x->several[x->n_nodes] |= x->t->node[g->children[i]].several;
	return (int)x->n_nodes++;
}

/*
 * Adds the node of a group and all nodes below it. It calls itself at most DEPTH_MAX deep. x->path
 * is the path of the parent before and after.
 */
static int emit_node(struct collapse *x, const struct child_group *g, uint16_t parent,
		     bool in_wildcard)
{
	_cleanup_free_ uint32_t *all = NULL;
	const uint32_t *children;
	size_t n, at = strlen(x->path);
	bool wildcard;
	int r, node = add_node(x, g, parent, in_wildcard);

	if (node < 0)
		return node;
	r = gather_children(x, g, &all, &n);
	if (r < 0)
		return r;
	children = all;
	wildcard = is_wildcard(x, g, x->nodes[node].flags, children, n);
	if (wildcard)
		x->nodes[node].flags |= LUTRA_NODE_WILDCARD;
	while (n) {
		struct child_group next = next_group(x->t, &children, &n, wildcard);

		r = emit_node(x, &next, (uint16_t)node, wildcard);
		if (r < 0)
			return r;
	}
	x->path[at] = '\0';
	return 0;
}

/*
 * Marks as data directories those below which the service writes files in two places or more:
 * mailboxes, databases, queues. A new one beside them is of their kind. Directories that fold to one
 * name are several places. Never a directory directly in a protected one: it may be a user's home, or
 * hold the data of several programs.
 */
static void mark_data(struct collapse *x)
{
	uint8_t places[LUTRA_NODES] = {0};

	for (size_t i = x->n_nodes; i-- > 1;) {
		struct policy_node *node = &x->nodes[i];
		bool own = node->flags & (LUTRA_NODE_PROTECTED | LUTRA_NODE_USR | LUTRA_NODE_ROLE);
		bool home = x->nodes[node->parent].flags & LUTRA_NODE_PROTECTED;

		if (!own && !home && node->dir && places[i] >= 2)
			node->flags |= LUTRA_NODE_WROTE;
		if ((places[i] || node->flags & LUTRA_NODE_WROTE) && places[node->parent] < 2)
			places[node->parent] += x->several[i] ? 2 : 1;
	}
}

int path_tree_collapse(struct path_tree *t, const uint64_t hash_key[2], bool shrink,
		       struct policy_node **ret, size_t *ret_n)
{
	_cleanup_free_ struct policy_node *nodes = calloc(LUTRA_NODES, sizeof(*nodes));
	_cleanup_free_ bool *several = calloc(LUTRA_NODES, sizeof(*several));
	const uint32_t number = 0;
	struct child_group root = {&number, 1};
	size_t max = PATH_TREE_CHILDREN_MAX;
	uint8_t seen = SEEN_ALL;
	int r;

	if (!nodes || !several)
		return -ENOMEM;
	/*
	 * Until the tree fits: without what only exec sessions had, then with wildcards from fewer
	 * and fewer children on. max is 8, 8, 4, 2, 1, 0.
	 */
	do {
		struct collapse x = {.t = t,
				     .children_max = max,
				     .seen = seen,
				     .shrink = shrink,
				     .nodes = nodes,
				     .several = several};

		memcpy(x.hash_key, hash_key, sizeof(x.hash_key));
		r = emit_node(&x, &root, 0, false);
		if (r == 0)
			mark_data(&x);
		*ret_n = r == 0 ? x.n_nodes : *ret_n;
		if (seen == SEEN_ALL)
			seen = SEEN_SERVICE | SEEN_HELD;
		else
			max = max > 0 ? max / 2 : SIZE_MAX;
	} while (r == -ENOSPC && (shrink || max == PATH_TREE_CHILDREN_MAX) && max != SIZE_MAX);
	if (r == 0)
		*ret = TAKE_PTR(nodes);
	return r;
}
