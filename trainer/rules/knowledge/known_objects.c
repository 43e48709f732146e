/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extends a collapsed path tree, and lets the scorer itself make the tokens.
 *
 * A node that comes only from the base or a pack must not change what the scorer says of anything
 * else. Without this node, some directory of the runs would be the last node that a path reaches:
 * a path below the new directory, or another use of the new file, would miss there. So a new node
 * is protected if that directory is protected. A new file below a program directory is protected
 * too.
 */
#include "trainer/rules/knowledge/known_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/policy/paths/path_flags.h"

int known_objects_init(struct known_objects *k, const struct known_files *files)
{
	memset(k, 0, sizeof(*k));
	k->files = files;
	for (size_t i = 0; files && i < files->n; i++)
		k->n += files->use[i].file->n_objects;
	k->state = calloc(k->n + 1, 1);
	return k->state ? 0 : -ENOMEM;
}

void known_objects_done(struct known_objects *k)
{
	free(k->state);
	memset(k, 0, sizeof(*k));
}

/* ---- nodes ---- */

/* A tree that is being extended. Nodes from n_learned on are new. */
struct extension {
	struct policy *p;
	bool lib_digits;
	size_t n_learned;
	/* Of a new node: the last directory of the runs above it is protected. */
	bool guarded[LUTRA_NODES];
	bool has_child[LUTRA_NODES];
};

/* One step of a path: a name below a node. */
struct step {
	_Alignas(8) char name[LUTRA_NAME];
	uint16_t parent;
	uint8_t dir;
	const char *path; /* the whole path, up to this name and with it */
	bool may_merge;	  /* it may lead into a directory that stands for several */
};

/* Finds the node of a name. It skips nodes that only exec sessions reach. */
static int find_node(const struct policy *p, const struct step *s)
{
	for (size_t i = s->parent + 1u; i < p->n_nodes; i++)
		if (p->nodes[i].parent == s->parent && p->nodes[i].dir == s->dir &&
		    !p->nodes[i].exec_session && strcmp(p->nodes[i].name, s->name) == 0)
			return (int)i;
	return -ENOENT;
}

/*
 * Returns true if a miss at this node, in a tree without the base and packs, would be a miss at a
 * protected directory.
 */
static bool is_node_guarded(const struct extension *x, uint16_t node)
{
	if (node >= x->n_learned)
		return x->guarded[node];
	return x->p->nodes[node].flags & LUTRA_NODE_PROTECTED;
}

/*
 * Returns true if the directory is a wildcard. Makes it one first if it has no children, and is not
 * a protected directory of the runs.
 */
static bool can_hold_any(struct extension *x, uint16_t node)
{
	struct policy_node *n = &x->p->nodes[node];

	if (n->flags & LUTRA_NODE_WILDCARD)
		return true;
	if (x->has_child[node] || (node < x->n_learned && n->flags & LUTRA_NODE_PROTECTED))
		return false;
	n->flags &= (uint8_t)~LUTRA_NODE_PROTECTED;
	n->flags |= LUTRA_NODE_WILDCARD;
	return true;
}

static int add_known_node(struct extension *x, const struct step *s)
{
	struct policy *p = x->p;
	struct policy_node *n = &p->nodes[p->n_nodes];

	if (p->n_nodes >= LUTRA_NODES)
		return -ENOSPC;
	memset(n, 0, sizeof(*n));
	memcpy(n->name, s->name, sizeof(n->name));
	n->dir = s->dir;
	n->parent = s->parent;
	n->key = lutra_component_key(n->name, (uint32_t)strlen(n->name), (const __u64 *)p->hash_key,
				     n->dir);
	n->flags = path_flags(s->path, p->nodes[s->parent].flags, x->lib_digits);
	x->guarded[p->n_nodes] = is_node_guarded(x, s->parent);
	if (x->guarded[p->n_nodes] || (!n->dir && n->flags & LUTRA_NODE_USR))
		n->flags |= LUTRA_NODE_PROTECTED;
	x->has_child[s->parent] = true;
	return (int)p->n_nodes++;
}

/*
 * Goes to the directory that a wildcard has in place of all its directories. The runs take these for
 * alike, so what a pack says of the inside of one holds for each. -EEXIST: the step may not go there.
 */
static int take_step_to_merged(const struct extension *x, const struct step *s)
{
	struct step merged = *s;
	int node;

	if (!s->may_merge || s->parent >= x->n_learned)
		return -EEXIST;
	memset(merged.name, 0, sizeof(merged.name));
	merged.name[0] = '*';
	node = find_node(x->p, &merged);
	return node < 0 ? -EEXIST : node;
}

/* Goes to a name below a node, and adds it if need be. */
static int take_step(struct extension *x, const struct step *s)
{
	bool any = strcmp(s->name, "*") == 0;
	int node;

	/* A wildcard has only children "*": a single name cannot be added to it. */
	if (!any && x->p->nodes[s->parent].flags & LUTRA_NODE_WILDCARD)
		return take_step_to_merged(x, s);
	if (any && !can_hold_any(x, s->parent))
		return -EEXIST;
	node = find_node(x->p, s);
	if (node >= 0)
		return node;
	node = add_known_node(x, s);
	if (any && node >= 0 && is_node_guarded(x, s->parent)) {
		/*
		 * A wildcard is not protected, so a miss in it would be judged too mildly. With "*"
		 * for files and "*" for directories no name misses in it.
		 */
		struct step other = *s;

		other.dir = !s->dir;
		if (find_node(x->p, &other) < 0 && add_known_node(x, &other) < 0)
			return -ENOSPC;
	}
	return node;
}

/*
 * Makes the role count for opens of a new node, as it does under some directories. Returns true if
 * the role counts. It does not change a node of the runs.
 */
static bool count_role(struct extension *x, uint16_t node)
{
	struct policy_node *n = &x->p->nodes[node];

	if (node >= x->n_learned)
		n->flags |= LUTRA_NODE_ROLE;
	return n->flags & LUTRA_NODE_ROLE;
}

static enum known_state add_path(struct extension *x, const struct known_object *o, bool of_pack)
{
	char so_far[LUTRA_STRING_MAX] = "";
	struct lutra_path path;
	struct step s = {.path = so_far};

	path_text_parse(o->path, strlen(o->path), &path);
	for (uint32_t i = path.n; i-- > 0;) {
		int node;

		memset(s.name, 0, sizeof(s.name));
		memcpy(s.name, path.name[i], path.len[i]);
		snprintf(so_far + strlen(so_far), sizeof(so_far) - strlen(so_far), "/%s", s.name);
		s.dir = i > 0 || lutra_leaf_dir(&o->object);
		s.may_merge = of_pack && i > 0;
		node = take_step(x, &s);
		if (node < 0)
			return node == -ENOSPC ? KNOWN_NO_ROOM : KNOWN_LEARNED;
		s.parent = (uint16_t)node;
	}
	if (o->object.op == LUTRA_OP_OPEN && o->roles != KNOWLEDGE_ALL_ROLES &&
	    !count_role(x, s.parent))
		return KNOWN_LEARNED;
	return KNOWN_ADDED;
}

int known_objects_add_nodes(struct known_objects *k, struct policy *p, bool lib_digits)
{
	_cleanup_free_ struct extension *x = calloc(1, sizeof(*x));
	size_t at = 0;

	if (!x)
		return -ENOMEM;
	x->p = p;
	x->lib_digits = lib_digits;
	x->n_learned = p->n_nodes;
	for (size_t i = 1; i < p->n_nodes; i++)
		x->has_child[p->nodes[i].parent] = true;
	for (size_t f = 0; k->files && f < k->files->n; f++) {
		const struct knowledge *file = k->files->use[f].file;

		for (size_t i = 0; i < file->n_objects; i++, at++)
			if (file->objects[i].path)
				k->state[at] = (uint8_t)add_path(x, &file->objects[i],
								 file->n_programs > 0);
	}
	return 0;
}

/* ---- tokens ---- */

static bool has_port(const struct lutra_object *o)
{
	return o->family == LUTRA_AF_INET || o->family == LUTRA_AF_INET6;
}

void known_objects_add_ports(struct known_objects *k, uint32_t used, struct policy *p)
{
	size_t at = 0;

	for (size_t f = 0; k->files && f < k->files->n; f++) {
		const struct knowledge *file = k->files->use[f].file;

		for (size_t i = 0; i < file->n_objects; i++, at++) {
			const struct lutra_object *o = &file->objects[i].object;

			if (!has_port(o))
				continue;
			if (!(used >> lutra_port_bit(o) & 1))
				p->port_exact |= 1u << lutra_port_bit(o);
			if (!(p->port_exact >> lutra_port_bit(o) & 1))
				k->state[at] = KNOWN_LEARNED;
		}
	}
}

/* Writes the tokens of one object. Returns how many. */
static size_t put_tokens(const struct known_object *o, const struct lutra_policy *image,
			 uint64_t *ret)
{
	struct lutra_path path = {0};
	char fold[LUTRA_NAME];
	size_t n = 0;

	if (o->path)
		path_text_parse(o->path, strlen(o->path), &path);
	for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
		struct lutra_judgement j = {0};

		if (!(o->roles >> role & 1))
			continue;
		lutra_judge_object(image, &o->object, &path, role, fold, &j);
		if (o->alerts)
			j.token = lutra_object_token_of_new_name(j.token);
		if ((!o->path || j.class.hit) && (n == 0 || ret[n - 1] != j.token))
			ret[n++] = j.token;
	}
	return n;
}

/* The tokens of the runs, ascending, and how many tokens of the base and packs have room. */
struct learned_tokens {
	const uint64_t *token;
	size_t n, room;
};

/*
 * Takes room for those of n tokens that the runs do not have. Returns false, and takes none, if
 * there is too little.
 */
static bool take_room(struct learned_tokens *learned, const uint64_t *token, size_t n)
{
	size_t n_new = 0;

	for (size_t i = 0; i < n; i++)
		n_new += !bsearch(&token[i], learned->token, learned->n, sizeof(*token),
				  policy_compare_objects);
	if (n_new > learned->room)
		return false;
	learned->room -= n_new;
	return true;
}

/* Writes the tokens of a file's objects. state: enum known_state of each. Returns how many. */
static size_t put_file_tokens(const struct knowledge *file, uint8_t *state,
			      const struct lutra_policy *image, struct learned_tokens *learned,
			      uint64_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < file->n_objects; i++) {
		size_t n_here;

		if (state[i] != KNOWN_ADDED)
			continue;
		n_here = put_tokens(&file->objects[i], image, ret + n);
		if (take_room(learned, ret + n, n_here))
			n += n_here;
		else
			state[i] = KNOWN_NO_ROOM;
	}
	return n;
}

size_t known_objects_tokens(struct known_objects *k, const struct lutra_policy *image,
			    const uint64_t *learned, size_t n_learned, size_t n_names,
			    uint64_t *ret)
{
	struct learned_tokens l = {learned, n_learned, POLICY_OBJECTS_MAX - n_learned - n_names};
	size_t at = 0, n = 0;

	for (size_t f = 0; k->files && f < k->files->n; f++) {
		const struct knowledge *file = k->files->use[f].file;

		n += put_file_tokens(file, k->state + at, image, &l, ret + n);
		at += file->n_objects;
	}
	return n;
}

uint32_t known_objects_count(const struct known_objects *k, size_t i, enum known_state state)
{
	size_t at = 0;
	uint32_t n = 0;

	for (size_t f = 0; f < i; f++)
		at += k->files->use[f].file->n_objects;
	for (size_t o = 0; o < k->files->use[i].file->n_objects; o++)
		n += k->state[at + o] == state;
	return n;
}
