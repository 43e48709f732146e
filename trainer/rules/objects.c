/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learns objects in three steps: paths make the path tree, ports make port groups, and then the
 * scorer itself turns each object into its token.
 */
#include "trainer/rules/objects.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/abi/syscall_traits.h"
#include "trainer/rules/exact_names.h"
#include "trainer/rules/knowledge/known_objects.h"
#include "trainer/rules/networks.h"
#include "trainer/rules/paths/path_tree.h"
#include "trainer/rules/siblings.h"

#define PORT_GROUPS LUTRA_NETWORK_SHIFT
#define OWN_FILE_TOKENS 11 /* that add_own_file_tokens() adds for a file */

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
 * Returns the roles (bits) in which the runs, except src->without, saw object i.
 * runs: NULL, or gets a bit for each run that saw it. sessions: also for a run in which only exec
 * sessions saw it.
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

/*
 * Adds the roles (bits) in which an operation is known besides those in which the runs saw it. A service
 * that listens in several places may accept in the first before it has bound the last. Which comes first
 * differs from one start to the next, so what start-up binds is known in the role steady too.
 */
static uint8_t add_roles(const struct lutra_object *o, uint8_t roles)
{
	if (o->op == LUTRA_OP_BIND && roles >> LUTRA_ROLE_STARTUP & 1)
		roles |= 1u << LUTRA_ROLE_STEADY;
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

/*
 * Inserts the paths of objects into the tree. exec_session: true for the objects that only exec
 * sessions used, false for the objects that the service used.
 */
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
		t.image = lutra_object_layer(&o.object) == LUTRA_LAYER_IMAGE;
		t.program = o.object.op == LUTRA_OP_EXEC || o.object.op == LUTRA_OP_MAPX;
		r = path_tree_insert(tree, &t);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reads directory i. Returns false if the tree has no such path. */
static bool read_directory(const struct intern *directories, uint32_t i, struct lutra_path *ret)
{
	size_t len;
	const char *s = intern_get(directories, i, &len);

	path_text_parse(s, len, ret);
	return !(ret->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG | LUTRA_PATH_UNRESOLVED));
}

/* Tells the tree which folded names stand for several directories, and in which directories names are random. */
static void note_names(const struct corpus *c, struct path_tree *tree)
{
	const struct numbered_names *numbered = &c->names.numbered;
	const struct random_names *random = &c->names.random;
	struct lutra_path path;

	for (uint32_t i = 0; i < intern_count(numbered->directories); i++)
		if (numbered->name[i].several && read_directory(numbered->directories, i, &path))
			path_tree_note_several(tree, &path);
	for (uint32_t i = 0; i < intern_count(random->directories); i++)
		if (random_names_vary(random, i) && read_directory(random->directories, i, &path))
			path_tree_note_random(tree, &path);
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
	note_names(src->corpus, tree);
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

/* Sets which port groups are exact. Returns the groups that the runs used, a bit for each. */
static uint32_t learn_ports(const struct objects_source *src, struct policy *p)
{
	const struct run_names *names = &src->corpus->names;
	struct ports group[PORT_GROUPS] = {0};
	uint32_t used = 0;

	p->port_exact = 0;

	for (uint32_t i = 0; i < intern_count(names->objects); i++) {
		struct run_object o;

		run_names_object(names, i, &o);
		if (o.object.op < LUTRA_OP_CONNECT || o.object.op > LUTRA_OP_SEND ||
		    (o.object.family != LUTRA_AF_INET && o.object.family != LUTRA_AF_INET6))
			continue;
		if (roles_seen_in(src, i, false, NULL) & ~SESSION_BIT)
			add_port(&group[lutra_port_bit(&o.object)], o.object.port);
	}
	for (int g = 0; g < PORT_GROUPS; g++) {
		used |= group[g].n ? 1u << g : 0;
		p->port_exact |= group[g].n && !group[g].many ? 1u << g : 0;
	}
	return used;
}

void objects_get(const struct corpus *c, uint32_t i, struct lutra_object *ret,
		 struct lutra_path *ret_path)
{
	struct run_object o;

	run_names_object(&c->names, i, &o);
	get_path(c, &o, ret_path);
	*ret = o.object;
}

void objects_judge(const struct corpus *c, uint32_t i, uint8_t role, const struct lutra_policy *p,
		   struct lutra_judgement *ret)
{
	struct lutra_object o;
	struct lutra_path path;
	char fold[LUTRA_NAME];

	objects_get(c, i, &o, &path);
	lutra_judge_object(p, &o, &path, role, fold, ret);
}

/*
 * Adds the tokens of the hooks that the trained system calls of each role lead to. The runs may
 * lack them: a recording by tracepoints has no events of hooks. A guard that does not trace system
 * calls judges hooks. Returns the number of tokens.
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
			if (p->token[role][nr] != LUTRA_UNK)
				hooks |= syscall_hooks(p->arch, nr);
		for (o.mode = 1; o.mode < LUTRA_HOOK_OTHERS; o.mode++)
			if (hooks >> o.mode & 1)
				tokens[n++] = lutra_object_token(image, &o, &class, 0, role);
	}
	return n;
}

/* Returns true if the operation writes a plain file, or puts one there by a rename or a link. */
static bool is_written(const struct lutra_object *o)
{
	if (o->mode >> 12 != LUTRA_S_IFREG_TYPE)
		return false;
	return (o->op == LUTRA_OP_OPEN && o->flags & LUTRA_OBJ_WRITE) ||
	       o->op == LUTRA_OP_RENAME_TO || o->op == LUTRA_OP_LINK_TO;
}

/*
 * Adds the tokens of what a service may also do with a file that it writes as its own data. It may
 * - remove and truncate the file;
 * - rename or link the file, and rename or link another file to its name;
 * - change its owner, its attributes and its mode, but not make it executable by chmod;
 * - make the directory that the file is in, and remove this directory when it is empty.
 * Whoever may write the file gains no new power by these. An access list, which is an attribute,
 * may make the file executable. Running it is refused all the same, because the service wrote it.
 * o, j: a use of the file, and the judgement of it. Returns the number of tokens: OWN_FILE_TOKENS,
 * or 0 if the use does not write the file, or if its directory is protected, is for programs or
 * tells roles apart.
 */
static size_t add_own_file_tokens(const struct policy *p, const struct lutra_object *o,
				  const struct lutra_judgement *j, uint64_t *ret)
{
	uint64_t at = lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
		      lutra_object_token_put(LUTRA_FIELD_DETAIL, j->class.node);
	uint32_t ext = lutra_object_token_get(j->token, LUTRA_FIELD_EXTENSION);
	uint32_t parent;

	if (!j->class.hit || !is_written(o))
		return 0;
	parent = p->nodes[j->class.node].parent;
	if (p->nodes[parent].flags & (LUTRA_NODE_PROTECTED | LUTRA_NODE_USR | LUTRA_NODE_ROLE))
		return 0;
	ret[0] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_UNLINK);
	ret[1] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_RENAME_FROM);
	ret[2] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_RENAME_TO) |
		 lutra_object_token_put(LUTRA_FIELD_EXTENSION, ext);
	ret[3] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_LINK_FROM);
	ret[4] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_LINK_TO) |
		 lutra_object_token_put(LUTRA_FIELD_EXTENSION, ext);
	ret[5] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_TRUNCATE);
	ret[6] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_CHOWN);
	ret[7] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_CHMOD);
	ret[8] = at | lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_SETXATTR);
	ret[9] = lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
		 lutra_object_token_put(LUTRA_FIELD_DETAIL, parent) |
		 lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_MKDIR);
	ret[10] = lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
		  lutra_object_token_put(LUTRA_FIELD_DETAIL, parent) |
		  lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_RMDIR);
	return OWN_FILE_TOKENS;
}

/*
 * Adds the token of removing a directory that the service makes. The kernel removes only an empty
 * one. o, j: a use of the directory, and the judgement of it. Returns the number of tokens: 0 or 1.
 */
static size_t add_own_directory_token(const struct policy *p, const struct lutra_object *o,
				      const struct lutra_judgement *j, uint64_t *ret)
{
	uint32_t parent;

	if (!j->class.hit || o->op != LUTRA_OP_MKDIR)
		return 0;
	parent = p->nodes[j->class.node].parent;
	if (p->nodes[parent].flags & (LUTRA_NODE_PROTECTED | LUTRA_NODE_USR | LUTRA_NODE_ROLE))
		return 0;
	*ret = lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
	       lutra_object_token_put(LUTRA_FIELD_DETAIL, j->class.node) |
	       lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_RMDIR);
	return 1;
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

/* The tokens that are learned so far, and how to learn more. */
struct token_list {
	uint64_t *token;
	size_t n;
	struct siblings siblings;
	struct exact_names names;
	bool own_files; /* add the tokens of own files and own directories too */
};

static void token_list_done(struct token_list *l)
{
	free(l->token);
	siblings_done(&l->siblings);
	exact_names_done(&l->names);
}

/*
 * Adds the token of object i in a role. If ret->own_files is set, also adds the tokens of
 * add_own_file_tokens() and of add_own_directory_token(). An object whose path is not in the tree
 * has no token. Returns 0 or -ENOMEM.
 */
static int add_object_token(const struct objects_source *src, uint32_t i, uint8_t role,
			    const struct policy *p, const struct lutra_policy *image,
			    struct token_list *ret)
{
	struct lutra_judgement j = {0};
	struct lutra_object o;
	struct lutra_path path;

	objects_judge(src->corpus, i, role, image, &j);
	if (lutra_object_token_get(j.token, LUTRA_FIELD_HAS_PATH) && !j.class.hit)
		return 0;
	ret->token[ret->n++] = j.token;
	objects_get(src->corpus, i, &o, &path);
	if (ret->own_files && role != LUTRA_ROLE_SESSION) {
		ret->n += add_own_file_tokens(p, &o, &j, ret->token + ret->n);
		ret->n += add_own_directory_token(p, &o, &j, ret->token + ret->n);
	}
	if (exact_names_add(&ret->names, &o, &path, &j) < 0)
		return -ENOMEM;
	return siblings_add(&ret->siblings, p, image,
			    &(struct sibling_candidate){&o, &path, &j, role});
}

/* Sorts the tokens and drops duplicates. */
static void sort_tokens(struct token_list *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->token, l->n, sizeof(*l->token), policy_compare_objects);
	for (size_t i = 0; i < l->n; i++)
		if (i == 0 || l->token[i] != l->token[i - 1])
			l->token[n++] = l->token[i];
	l->n = n;
}

#define KNOWN_NAMES 128 /* entries of names that there is room for beside tokens of packs */

/* Adds the tokens of the base and of packs to the sorted tokens of the runs. */
static int add_known_tokens(struct known_objects *known, struct policy *p,
			    const struct lutra_policy *image, struct token_list *l)
{
	uint64_t *ret = calloc(known->n * LUTRA_ROLES + 1, sizeof(*ret));
	size_t reserve = POLICY_OBJECTS_MAX - l->n - l->names.n;

	if (reserve > KNOWN_NAMES)
		reserve = KNOWN_NAMES;
	free(p->known_tokens);
	p->known_tokens = ret;
	if (!ret)
		return -ENOMEM;
	p->n_known_tokens =
		known_objects_tokens(known, image, l->token, l->n, l->names.n + reserve, ret);
	memcpy(l->token + l->n, ret, p->n_known_tokens * sizeof(*ret));
	l->n += p->n_known_tokens;
	sort_tokens(l);
	if (exact_names_add_known(&l->names, p, ret, p->n_known_tokens) < 0)
		return -ENOMEM;
	exact_names_sort(&l->names);
	if (l->n + l->names.n > POLICY_OBJECTS_MAX)
		l->names.n = POLICY_OBJECTS_MAX - l->n;
	return 0;
}

/* Looks for the paths that the runs of src made. */
static int init_names(const struct objects_source *src, struct exact_names *names)
{
	uint32_t n = intern_count(src->corpus->names.objects);
	_cleanup_free_ uint8_t *roles = calloc(n + 1u, 1);

	if (!roles)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		roles[i] = roles_seen_in(src, i, true, NULL);
	return exact_names_init(names, src->corpus, roles);
}

/*
 * Sets the policy's objects: the sorted distinct tokens of all objects and roles. own_files: as in
 * struct token_list. If own_files is false and the tokens do not fit, drops those of exec sessions.
 * Returns 0, -ENOSPC if the tokens do not fit, or -ENOMEM.
 */
static int learn_tokens(const struct objects_source *src, struct policy *p, bool own_files,
			const struct lutra_policy *image, struct known_objects *known)
{
	uint32_t n_objects = intern_count(src->corpus->names.objects);
	/*
	 * For an object in a role: its token, at most one of a sibling, and those of an own file.
	 */
	size_t room = ((size_t)n_objects * (2 + OWN_FILE_TOKENS) + LUTRA_HOOK_OTHERS + known->n) *
		      LUTRA_ROLES;
	_cleanup_(token_list_done) struct token_list l = {.token = calloc(room, sizeof(*l.token)),
							  .own_files = own_files};

	if (!l.token || init_names(src, &l.names) < 0)
		return -ENOMEM;
	l.n = add_hook_tokens(p, image, l.token);
	for (uint32_t i = 0; i < n_objects; i++) {
		uint8_t roles = roles_seen_in(src, i, true, NULL);
		struct lutra_object o;
		struct lutra_path path;

		objects_get(src->corpus, i, &o, &path);
		roles = add_roles(&o, roles);
		for (uint8_t role = 0; role < LUTRA_ROLES; role++)
			if (roles >> role & 1 && add_object_token(src, i, role, p, image, &l) < 0)
				return -ENOMEM;
	}
	l.n += siblings_tokens(&l.siblings, l.token + l.n);
	sort_tokens(&l);
	exact_names_sort(&l.names);
	if (l.n + l.names.n > POLICY_OBJECTS_MAX && !own_files)
		l.n = drop_sessions(l.token, l.n);
	if (l.n + l.names.n > POLICY_OBJECTS_MAX)
		return -ENOSPC;
	if (add_known_tokens(known, p, image, &l) < 0)
		return -ENOMEM;
	free(p->objects);
	p->objects = TAKE_PTR(l.token);
	p->n_objects = l.n;
	free(p->names);
	p->names = TAKE_PTR(l.names.list);
	p->n_names = l.names.n;
	return 0;
}

/* Notes in the policy with which files of the base and packs it was made. */
static int set_known(const struct known_objects *known, struct policy *p)
{
	size_t n = known->files ? known->files->n : 0;

	policy_known_free(p);
	p->known = calloc(n + 1, sizeof(*p->known));
	if (!p->known)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct known_file *use = &known->files->use[i];
		struct policy_known *ret = &p->known[p->n_known++];

		ret->version = use->file->version;
		ret->objects = known_objects_count(known, i, KNOWN_ADDED);
		ret->left_out = known_objects_count(known, i, KNOWN_NO_ROOM);
		ret->name = strdup(use->file->name);
		ret->program = use->program ? strdup(use->program) : NULL;
		ret->package = use->package ? strdup(use->package) : NULL;
		if (!ret->name || (use->program && !ret->program) ||
		    (use->package && !ret->package))
			return -ENOMEM;
	}
	return 0;
}

/*
 * Sets the policy's nodes and objects from a tree. shrink: as in path_tree_collapse(). If it is
 * set, or if the tokens do not fit, leaves out the tokens of own files and own directories.
 * Returns 0, -ENOSPC if nodes or objects do not fit, or -ENOMEM; err is set.
 */
static int learn_by_tree(const struct objects_source *src, struct path_tree *tree, bool shrink,
			 struct policy *p, struct lutra_policy *scratch, struct err *err)
{
	_cleanup_(known_objects_done) struct known_objects known = {0};
	int r;

	free(p->nodes);
	p->nodes = NULL;
	p->n_objects = p->n_names = 0;
	r = path_tree_collapse(tree, p->hash_key, shrink, &p->nodes, &p->n_nodes);
	if (r == -ENOSPC)
		return err_set(
			err, r,
			"the runs use more paths than a policy holds (%d), in directories that "
			"never become wildcards: record a smaller image",
			LUTRA_NODES - 1);
	if (r == 0 && (known_objects_init(&known, src->known) < 0 ||
		       known_objects_add_nodes(&known, p, src->corpus->names.lib_digits) < 0))
		return err_oom(err);
	if (r == 0)
		known_objects_add_ports(&known, learn_ports(src, p), p);
	if (r == 0 && networks_learn(src, p) < 0)
		return err_oom(err);
	if (r == 0)
		r = policy_to_kernel(p, 1, scratch, err);
	if (r == -ENOSPC)
		return r;
	if (r == 0)
		r = learn_tokens(src, p, !shrink, scratch, &known);
	if (r == -ENOSPC && !shrink)
		r = learn_tokens(src, p, false, scratch, &known);
	if (r == -ENOSPC)
		return err_set(err, r,
			       "the runs use more kinds of objects than a policy holds (%d): "
			       "record a smaller image",
			       POLICY_OBJECTS_MAX);
	if (r == 0)
		r = set_known(&known, p);
	return r < 0 ? err_oom(err) : 0;
}

int objects_learn(const struct objects_source *src, struct policy *p, struct lutra_policy *scratch,
		  struct err *err)
{
	_cleanup_(path_tree_freep) struct path_tree *tree = NULL;
	int r = make_tree(src, &tree);

	if (r < 0)
		return err_oom(err);
	r = learn_by_tree(src, tree, false, p, scratch, err);
	if (r == -ENOSPC)
		r = learn_by_tree(src, tree, true, p, scratch, err);
	return r;
}
