/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learns objects in three steps: paths make the path tree, ports make port groups, and then the
 * scorer itself turns each object into its token.
 */
#include "trainer/rules/objects.h"

#include <errno.h>

#include "lib/abi/path_text.h"
#include "lib/abi/syscall_traits.h"
#include "trainer/rules/path_tree.h"

#define PORT_GROUPS 32
#define NAME_TOKENS 3 /* of a file that the service writes */

static void get_path(const struct corpus *c, const struct run_object *o, struct lutra_path *ret)
{
	const char *s = "?";
	size_t len = 1;

	if (o->path != RUN_NO_PATH)
		s = intern_get(c->names.paths, o->path, &len);
	path_text_parse(s, len, ret);
}

#define SESSION_BIT (1u << LUTRA_ROLE_SESSION)

/*
 * Returns the roles (bits) in which the runs that count saw object i. runs: gets the bits of these
 * runs, or NULL; sessions: also of runs in which only exec sessions had it.
 */
static uint8_t roles_seen_in(const struct objects_source *src, uint32_t i, bool sessions,
			     uint64_t *runs)
{
	uint8_t roles = 0;

	for (size_t r = 0; r < src->corpus->n_runs; r++) {
		uint8_t in_run = src->counts[r].object_roles[i];

		if (r == src->without || !in_run)
			continue;
		roles |= in_run;
		if (runs && (sessions || in_run != SESSION_BIT))
			runs[r / 64] |= 1ull << (r & 63);
	}
	return roles;
}

/* Returns true if the operation puts a file at the path. */
static bool writes_file(const struct lutra_object *o)
{
	switch (o->op) {
	case LUTRA_OP_OPEN:
		return o->flags & LUTRA_OBJ_WRITE;
	case LUTRA_OP_RENAME_TO:
	case LUTRA_OP_LINK_TO:
	case LUTRA_OP_MKNOD:
		return true;
	default:
		return false;
	}
}

/* Inserts the paths of the objects that the service had, or of those that only exec sessions had. */
static int insert_paths(const struct objects_source *src, bool exec_session, struct path_tree *tree)
{
	const struct corpus *c = src->corpus;

	for (uint32_t i = 0; i < intern_count(c->names.objects); i++) {
		uint64_t runs[(CORPUS_RUNS_MAX + 63) / 64] = {0};
		struct path_tree_entry t = {.runs = runs, .exec_session = exec_session};
		uint8_t roles = roles_seen_in(src, i, exec_session, runs);
		struct lutra_path path;
		struct run_object o;
		int r;

		run_names_object(&c->names, i, &o);
		if (o.path == RUN_NO_PATH || !roles || exec_session != (roles == SESSION_BIT))
			continue;
		get_path(c, &o, &path);
		if (path.flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG | LUTRA_PATH_UNRESOLVED))
			continue;
		t.path = &path;
		t.dir = lutra_leaf_dir(&o.object);
		t.wrote = writes_file(&o.object) && !t.dir;
		t.program = o.object.op == LUTRA_OP_EXEC || o.object.op == LUTRA_OP_MAPX;
		r = path_tree_insert(tree, &t);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Makes the tree of all paths. */
static int make_tree(const struct objects_source *src, struct path_tree **ret)
{
	_cleanup_(path_tree_freep) struct path_tree *tree = NULL;
	int r = path_tree_new(&tree, src->corpus->n_runs, src->corpus->names.lib_digits);

	if (r == 0)
		r = insert_paths(src, false, tree);
	if (r == 0)
		r = insert_paths(src, true, tree);
	if (r < 0)
		return r;
	if (src->old)
		path_tree_keep_wildcards(tree, src->old);
	*ret = TAKE_PTR(tree);
	return 0;
}

/* The distinct ports of one group. */
struct ports {
	uint16_t port[OBJECTS_PORTS_EXACT];
	unsigned n;
	bool many; /* more than OBJECTS_PORTS_EXACT */
};

static void add_port(struct ports *g, uint16_t port)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->port[i] == port)
			return;
	if (g->n < OBJECTS_PORTS_EXACT)
		g->port[g->n++] = port;
	else
		g->many = true;
}

/* Returns the port groups that are exact, a bit for each. */
static uint32_t learn_ports(const struct objects_source *src)
{
	const struct run_names *names = &src->corpus->names;
	struct ports group[PORT_GROUPS] = {0};
	uint32_t exact = 0;

	for (uint32_t i = 0; i < intern_count(names->objects); i++) {
		struct run_object o;

		run_names_object(names, i, &o);
		if (o.object.op < LUTRA_OP_CONNECT || o.object.op > LUTRA_OP_SEND ||
		    (o.object.family != LUTRA_AF_INET && o.object.family != LUTRA_AF_INET6))
			continue;
		if (roles_seen_in(src, i, false, NULL) & ~SESSION_BIT)
			add_port(&group[lutra_port_bit(&o.object)], o.object.port);
	}
	for (int g = 0; g < PORT_GROUPS; g++)
		exact |= group[g].n && !group[g].many ? 1u << g : 0;
	return exact;
}

void objects_judge(const struct corpus *c, uint32_t i, uint8_t role, const struct lutra_policy *p,
		   struct lutra_judgement *ret)
{
	struct lutra_path path;
	struct run_object o;
	char fold[LUTRA_NAME];

	run_names_object(&c->names, i, &o);
	get_path(c, &o, &path);
	lutra_judge_object(p, &o.object, &path, role, fold, ret);
}

int objects_compare_tokens(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * Adds the tokens of the hooks that the trained system calls lead to, by role. A recording by
 * tracepoints has no hook events; a guard that does not trace system calls judges the hooks
 * instead.
 * Returns the number of tokens.
 */
static size_t add_hook_tokens(const struct policy *p, const struct lutra_policy *image,
			      uint64_t *tokens)
{
	const struct lutra_class class = {0};
	size_t n = 0;

	for (uint8_t role = 0; tokens && role < LUTRA_ROLES; role++) {
		struct lutra_object o = {.op = LUTRA_OP_HOOK};
		uint64_t hooks = 0;

		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			if (p->token[role][nr] >= LUTRA_TOKEN0)
				hooks |= syscall_hooks(p->arch, nr);
		for (o.mode = 1; o.mode < LUTRA_HOOK_OTHERS; o.mode++)
			if (hooks >> o.mode & 1)
				tokens[n++] = lutra_object_token(image, &o, &class, 0, role);
	}
	return n;
}

/*
 * Adds the tokens of what a service may do with the names of files that it writes as its own data:
 * remove them, and rename them to and from. Whoever may write a file loses nothing by that. j: the
 * judgement of a file that it opened. Returns how many were added, at most NAME_TOKENS.
 */
static size_t add_name_tokens(const struct policy *p, const struct lutra_object *o,
			      const struct lutra_judgement *j, uint64_t *ret)
{
	uint64_t at = lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
		      lutra_object_token_put(LUTRA_FIELD_DETAIL, j->class.node);
	uint32_t ext = lutra_object_token_get(j->token, LUTRA_FIELD_EXTENSION);
	uint8_t directory;

	if (!j->class.hit || o->op != LUTRA_OP_OPEN || !(o->flags & LUTRA_OBJ_WRITE) ||
	    o->mode >> 12 != LUTRA_S_IFREG_TYPE)
		return 0;
	directory = p->nodes[p->nodes[j->class.node].parent].flags;
	if (directory & (LUTRA_NODE_PROTECTED | LUTRA_NODE_USR | LUTRA_NODE_ROLE))
		return 0;
	ret[0] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_UNLINK);
	ret[1] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_RENAME_FROM);
	ret[2] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_RENAME_TO) |
		 lutra_object_token_put(LUTRA_FIELD_EXTENSION, ext);
	return NAME_TOKENS;
}

/* Removes the tokens of exec sessions. Returns how many are left. */
static size_t drop_sessions(uint64_t *tokens, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (lutra_object_token_role(tokens[i]) != LUTRA_ROLE_SESSION)
			tokens[left++] = tokens[i];
	return left;
}

/*
 * Sets the policy's objects: the sorted distinct tokens of all objects and roles, without those of
 * exec sessions if there is no room for them. names: also of the names of the service's own data.
 */
static int learn_tokens(const struct objects_source *src, struct policy *p, bool names,
			const struct lutra_policy *image)
{
	const struct corpus *c = src->corpus;
	uint32_t n_objects = intern_count(c->names.objects);
	_cleanup_free_ uint64_t *tokens =
		calloc(((size_t)n_objects * (1 + NAME_TOKENS) + LUTRA_HOOK_OTHERS) * LUTRA_ROLES,
		       sizeof(*tokens));
	size_t n = add_hook_tokens(p, image, tokens), n_unique = 0;

	if (!tokens)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_objects; i++) {
		uint8_t roles = roles_seen_in(src, i, true, NULL);
		struct run_object o;

		run_names_object(&c->names, i, &o);
		for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
			struct lutra_judgement j = {0};

			if (!(roles >> role & 1))
				continue;
			objects_judge(c, i, role, image, &j);
			/* A path that is not in the tree has no token. */
			if (!lutra_object_token_get(j.token, LUTRA_FIELD_HAS_PATH) || j.class.hit)
				tokens[n++] = j.token;
			if (names && role != LUTRA_ROLE_SESSION)
				n += add_name_tokens(p, &o.object, &j, tokens + n);
		}
	}
	qsort(tokens, n, sizeof(*tokens), objects_compare_tokens);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || tokens[i] != tokens[i - 1])
			tokens[n_unique++] = tokens[i];
	if (n_unique > POLICY_OBJECTS_MAX)
		n_unique = drop_sessions(tokens, n_unique);
	if (n_unique > POLICY_OBJECTS_MAX)
		return -ENOSPC;
	free(p->objects);
	p->objects = TAKE_PTR(tokens);
	p->n_objects = n_unique;
	return 0;
}

/*
 * Sets nodes and objects by a tree.
 * merged: as of path_tree_collapse(); so large an image has no names of data either.
 * Returns 0, -ENOSPC if they do not fit, with err set, or -ENOMEM.
 */
static int learn_by_tree(const struct objects_source *src, struct path_tree *tree, bool merged,
			 struct policy *p, struct lutra_policy *scratch, struct err *err)
{
	int r;

	free(p->nodes);
	p->nodes = NULL;
	p->n_objects = 0;
	r = path_tree_collapse(tree, p->hash_key, merged, &p->nodes, &p->n_nodes);
	if (r == -ENOSPC)
		return err_set(
			err, r,
			"the runs use more paths than a policy holds (%d), in directories that "
			"never become wildcards: record a smaller image",
			LUTRA_NODES - 1);
	if (r == 0)
		r = policy_to_kernel(p, 1, scratch, err);
	if (r == -ENOSPC)
		return r;
	if (r == 0)
		r = learn_tokens(src, p, !merged, scratch);
	if (r == -ENOSPC)
		return err_set(err, r,
			       "the runs use more kinds of objects than a policy holds (%d): "
			       "record a smaller image",
			       POLICY_OBJECTS_MAX);
	return r < 0 ? err_oom(err) : 0;
}

int objects_learn(const struct objects_source *src, struct policy *p, struct lutra_policy *scratch,
		  struct err *err)
{
	_cleanup_(path_tree_freep) struct path_tree *tree = NULL;
	int r = make_tree(src, &tree);

	if (r < 0)
		return err_oom(err);
	p->port_exact = learn_ports(src);
	r = learn_by_tree(src, tree, false, p, scratch, err);
	if (r == -ENOSPC)
		r = learn_by_tree(src, tree, true, p, scratch, err);
	return r;
}
