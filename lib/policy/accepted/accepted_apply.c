/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies a delta to a policy in memory. Paths become nodes of the tree first. Then the scorer
 * itself turns each object into its token, as in training. Last come system calls, levels, actions
 * and directories that vary. A part for which the policy has no room is left out and named.
 */
#include "lib/policy/accepted/accepted.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/path_text.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscall_traits.h"
#include "lib/abi/syscalls.h"
#include "lib/policy/accepted/accepted_nodes.h"
#include "lib/policy/files/policy_format.h"
#include "lutra/score.h"

#define CONNECT_GROUPS 32 /* bits of policy.port_exact */
/* The most tokens of a scope: a file and a directory in each role, and the hooks of a call. */
#define TOKENS_OF_SCOPE (4 * LUTRA_ROLES + LUTRA_HOOK_OTHERS)

/* A delta that is being applied. */
struct application {
	struct policy *p;
	struct accepted_scope *scope; /* of the entries in force; (n) */
	bool *is_out;		      /* left out; (n) */
	size_t n;
	struct lutra_policy *image; /* of p, once it has all nodes */
	uint64_t *token;
	size_t n_tokens;
	struct err *left_out;
};

static void application_done(struct application *a)
{
	free(a->scope);
	free(a->is_out);
	free(a->image);
	free(a->token);
}

/* Names the first part that is left out. */
static void leave_out(struct application *a, const char *what, const char *why)
{
	if (!a->left_out->msg[0])
		err_set(a->left_out, 0, "%.300s: left out: %.150s", what, why);
}

static void leave_scope_out(struct application *a, size_t i, const char *why)
{
	char text[ACCEPTED_TEXT];

	a->is_out[i] = true;
	leave_out(a, accepted_scope_text(&a->scope[i], text), why);
}

static bool is_lib_path(const char *path)
{
	return strncmp(path, "/lib", 4) == 0;
}

static void parse_path(const struct accepted_scope *s, struct lutra_path *ret)
{
	path_text_parse(s->path, strlen(s->path), ret);
}

/* ---- nodes ---- */

static const char *node_fault(int r)
{
	return r == -ENOSPC ? "the policy has no room for more paths"
			    : "a policy cannot hold this path";
}

/* Adds the node of the program that starts another. */
static int insert_starter(struct application *a, const struct accepted_scope *s)
{
	struct lutra_path path;

	if (!*s->starter)
		return 0;
	path_text_parse(s->starter, strlen(s->starter), &path);
	return accepted_node_insert(a->p, &path, false, s->role == LUTRA_ROLE_SESSION,
				    is_lib_path(s->starter));
}

/* Adds the nodes of a scope: of its path, or of the directory for all files of an extension. */
static int insert_scope(struct application *a, const struct accepted_scope *s)
{
	bool session = s->role == LUTRA_ROLE_SESSION, lib = is_lib_path(s->path);
	struct lutra_path path, parent;
	int r = 0;

	parse_path(s, &path);
	if (s->extension)
		return accepted_node_parent(&path, &parent)
			       ? accepted_node_insert(a->p, &parent, true, session, lib)
			       : -EINVAL;
	if (s->any_type || !lutra_leaf_dir(&s->object))
		r = accepted_node_insert(a->p, &path, false, session, lib);
	if (r >= 0 && (s->any_type || lutra_leaf_dir(&s->object)))
		r = accepted_node_insert(a->p, &path, true, session, lib);
	return r;
}

static int insert_nodes(struct application *a)
{
	struct policy *p = a->p;

	if (accepted_node_reserve(p) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < a->n; i++) {
		size_t before = p->n_nodes;
		int r;

		if (a->is_out[i] || !(a->scope[i].object.flags & LUTRA_OBJ_PATH))
			continue;
		r = insert_scope(a, &a->scope[i]);
		if (r >= 0)
			r = insert_starter(a, &a->scope[i]);
		if (r >= 0)
			continue;
		p->n_nodes = before;
		leave_scope_out(a, i, node_fault(r));
	}
	return 0;
}

/* ---- ports ---- */

static bool is_of_inet(const struct lutra_object *o)
{
	return accepted_has_address(o) &&
	       (o->family == LUTRA_AF_INET || o->family == LUTRA_AF_INET6);
}

/* Returns true if the policy has an object of the same operation, family and class of address. */
static bool has_port_group(const struct policy *p, const struct lutra_object *o)
{
	for (size_t i = 0; i < p->n_objects; i++) {
		uint64_t t = p->objects[i];
		struct lutra_object other = {
			.op = (__u8)lutra_object_token_get(t, LUTRA_FIELD_OP),
			.family = (__u8)lutra_object_token_get(t, LUTRA_FIELD_FAMILY),
			.addr_class = (__u8)lutra_object_token_addr_class(t)};

		if (is_of_inet(&other) && lutra_port_bit(&other) == lutra_port_bit(o))
			return true;
	}
	return false;
}

bool accepted_port_is_exact(const struct policy *p, const struct lutra_object *o)
{
	return p->port_exact >> lutra_port_bit(o) & 1 || !has_port_group(p, o);
}

/* Has the policy tell the ports of a group apart where no object of the group is known yet. */
static void set_ports(struct application *a)
{
	uint32_t exact = a->p->port_exact;

	for (size_t i = 0; i < a->n; i++) {
		const struct accepted_scope *s = &a->scope[i];
		bool is_exact;

		if (a->is_out[i] || s->kind != ACCEPTED_OBJECT || !is_of_inet(&s->object))
			continue;
		is_exact = accepted_port_is_exact(a->p, &s->object);
		if (is_exact && s->any_port)
			leave_scope_out(a, i, "the policy tells these ports apart now");
		else if (!is_exact && !s->any_port)
			leave_scope_out(a, i, "the policy does not tell these ports apart now");
		else if (is_exact)
			exact |= 1u << lutra_port_bit(&s->object);
	}
	a->p->port_exact = exact;
}

/* ---- tokens ---- */

static void put_token(struct application *a, uint64_t token)
{
	a->token[a->n_tokens++] = token;
}

/* Adds the token that stands for new files of an extension in a directory. */
static void put_extension(struct application *a, const struct accepted_scope *s, uint8_t role)
{
	struct lutra_path path, parent;
	struct lutra_class class = {0};
	char fold[LUTRA_NAME];

	parse_path(s, &path);
	if (!accepted_node_parent(&path, &parent))
		return;
	lutra_classify_path(a->image, &parent, 1,
			    role == LUTRA_ROLE_SESSION ? LUTRA_CHILD_SESSION : 0, fold, &class);
	if (!class.hit)
		return;
	put_token(a,
		  lutra_object_token_accepted(
			  lutra_object_token(a->image, &s->object, &class,
					     lutra_code_counted(a->image, &s->object, &path), role),
			  lutra_component_kind(path.name[0], path.len[0])));
}

/*
 * Adds the starter of a scope to the token of an execution. Returns 0: the tree does not have it.
 */
static uint64_t add_starter(const struct application *a, const struct accepted_scope *s,
			    uint8_t role, uint64_t token)
{
	struct lutra_class class;
	struct lutra_path path;
	char fold[LUTRA_NAME];

	if (!*s->starter)
		return token;
	path_text_parse(s->starter, strlen(s->starter), &path);
	lutra_classify_path(a->image, &path, 0,
			    role == LUTRA_ROLE_SESSION ? LUTRA_CHILD_SESSION : 0, fold, &class);
	return class.hit ? lutra_object_token_started_by(token, class.node) : 0;
}

/* Adds the token of an object at its place in the tree. */
static void put_object_in_role(struct application *a, const struct accepted_scope *s, uint8_t role,
			       bool is_dir)
{
	struct lutra_object o = s->object;
	struct lutra_judgement j = {0};
	struct lutra_path path = {0};
	char fold[LUTRA_NAME];

	if (o.flags & LUTRA_OBJ_PATH)
		parse_path(s, &path);
	if (is_dir)
		o.mode = LUTRA_S_IFDIR_TYPE << 12;
	lutra_judge_object(a->image, &o, &path, role, fold, &j);
	if (o.flags & LUTRA_OBJ_PATH && !j.class.hit)
		return;
	j.token = add_starter(a, s, role, j.token);
	if (!j.token)
		return;
	put_token(a, j.token);
	if (j.class.exact)
		put_token(a, lutra_name_token(j.token, j.class.exact));
}

static void put_in_role(struct application *a, const struct accepted_scope *s, uint8_t role)
{
	struct lutra_object hook = {.op = LUTRA_OP_HOOK};
	const struct lutra_class none = {0};
	uint64_t hooks = s->nr == LUTRA_NR_NONE ? 0 : syscall_hooks(a->p->arch, s->nr);

	for (hook.mode = 1; hook.mode < LUTRA_HOOK_OTHERS; hook.mode++)
		if (hooks >> hook.mode & 1)
			put_token(a, lutra_object_token(a->image, &hook, &none, 0, role));
	if (s->kind != ACCEPTED_OBJECT)
		return;
	if (s->extension) {
		put_extension(a, s, role);
		return;
	}
	put_object_in_role(a, s, role, false);
	if (s->any_type)
		put_object_in_role(a, s, role, true);
}

/* Calls a function for each role of a scope. */
static void each_role(struct application *a, const struct accepted_scope *s,
		      void (*put)(struct application *, const struct accepted_scope *, uint8_t))
{
	if (s->role != ACCEPTED_ANY_ROLE) {
		put(a, s, s->role);
		return;
	}
	for (unsigned role = 0; role < LUTRA_ROLE_SESSION; role++)
		put(a, s, (uint8_t)role);
}

/* Sorts tokens and drops duplicates. Returns how many are left. */
static size_t sort_unique(uint64_t *token, size_t n)
{
	size_t left = 0;

	if (n)
		qsort(token, n, sizeof(*token), policy_compare_objects);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || token[i] != token[left - 1])
			token[left++] = token[i];
	return left;
}

static bool has_known_token(const struct policy *p, uint64_t token)
{
	return p->n_objects &&
	       bsearch(&token, p->objects, p->n_objects, sizeof(token), policy_compare_objects);
}

/* Adds the tokens of a scope to the list that becomes the policy's, if they fit. */
static void add_scope_tokens(struct application *a, size_t i)
{
	const struct accepted_scope *s = &a->scope[i];
	size_t before = a->n_tokens, n = before;

	each_role(a, s, put_in_role);
	for (size_t k = before; k < a->n_tokens; k++)
		if (!has_known_token(a->p, a->token[k]))
			a->token[n++] = a->token[k];
	n = before + sort_unique(a->token + before, n - before);
	a->n_tokens = n;
	if (a->p->n_objects + a->p->n_names + n <= POLICY_OBJECTS_MAX)
		return;
	a->n_tokens = before;
	leave_scope_out(a, i, "the policy has no room for more objects");
}

/* Adds n entries to a sorted list. Returns 0 or -ENOMEM. */
static int merge_tokens(uint64_t **list, size_t *n_list, const uint64_t *more, size_t n)
{
	uint64_t *all = realloc(*list, (*n_list + n + 1) * sizeof(*all));

	if (!all)
		return -ENOMEM;
	*list = all;
	if (n)
		memcpy(all + *n_list, more, n * sizeof(*all));
	*n_list = sort_unique(all, *n_list + n);
	return 0;
}

/* Makes the scorer's form of the policy, then the tokens of all scopes. */
static int add_tokens(struct application *a, struct err *err)
{
	struct policy *p = a->p;
	size_t all, n;
	int r;

	a->image = calloc(1, sizeof(*a->image));
	a->token = calloc(POLICY_OBJECTS_MAX + TOKENS_OF_SCOPE, sizeof(*a->token));
	if (!a->image || !a->token)
		return err_oom(err);
	r = policy_to_kernel(p, 1, a->image, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < a->n; i++)
		if (!a->is_out[i])
			add_scope_tokens(a, i);
	/* Entries of names sort behind all tokens. */
	all = n = sort_unique(a->token, a->n_tokens);
	while (n > 0 && a->token[n - 1] >> 63)
		n--;
	if (merge_tokens(&p->objects, &p->n_objects, a->token, n) < 0 ||
	    merge_tokens(&p->names, &p->n_names, a->token + n, all - n) < 0)
		return err_oom(err);
	return 0;
}

/* ---- system calls ---- */

/* Returns a table of w x w with a row and a column more, which are those of UNK. */
static uint16_t *grow_table(const uint16_t *t, size_t w)
{
	uint16_t *ret = calloc((w + 1) * (w + 1), sizeof(*ret));

	for (size_t a = 0; ret && a <= w; a++)
		for (size_t b = 0; b <= w; b++)
			ret[a * (w + 1) + b] =
				t[(a < w ? a : LUTRA_UNK) * w + (b < w ? b : LUTRA_UNK)];
	return ret;
}

/*
 * Adds a token for a call that no role made. Its pairs weigh as those of an unknown call. Returns
 * the token, or 0: there is no room.
 */
static uint8_t add_call_token(struct policy *p)
{
	uint8_t *successors;
	uint16_t *t0;

	if (p->v >= LUTRA_V_MAX)
		return 0;
	t0 = grow_table(p->t0, p->v);
	successors = realloc(p->successors, (size_t)(p->v + 1) * POLICY_SUCCESSORS);
	if (successors)
		p->successors = successors;
	if (!t0 || !successors) {
		free(t0);
		return 0;
	}
	memset(successors + (size_t)p->v * POLICY_SUCCESSORS, LUTRA_PAD, POLICY_SUCCESSORS);
	free(p->t0);
	p->t0 = t0;
	return (uint8_t)p->v++;
}

static void put_call_in_role(struct application *a, const struct accepted_scope *s, uint8_t role)
{
	struct policy *p = a->p;
	uint8_t token = LUTRA_UNK;

	if (p->token[role][s->nr] != LUTRA_UNK)
		return;
	for (unsigned other = 0; token == LUTRA_UNK && other < LUTRA_ROLES; other++)
		token = p->token[other][s->nr];
	if (token == LUTRA_UNK) {
		token = add_call_token(p);
		if (!token) {
			leave_out(a, "a system call",
				  "the policy has no room for more system calls");
			return;
		}
	}
	p->token[role][s->nr] = token;
}

static void add_calls(struct application *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct accepted_scope *s = &a->scope[i];

		if (a->is_out[i] || s->kind == ACCEPTED_LEVEL || s->nr == LUTRA_NR_NONE)
			continue;
		if (syscall_to_arch(a->p->arch, s->nr, &s->nr) < 0 || s->nr >= LUTRA_NR)
			leave_scope_out(a, i,
					"the policy's machine does not have this system call");
		else
			each_role(a, s, put_call_in_role);
	}
}

/* ---- levels, actions, directories that vary ---- */

/*
 * Raises the thresholds to what was accepted. A level that was accepted for tables of few runs says
 * nothing of tables of many runs, whose levels have another scale.
 */
static void raise_level(struct application *a)
{
	struct policy *p = a->p;

	for (size_t i = 0; i < a->n; i++) {
		const struct accepted_scope *s = &a->scope[i];

		int32_t threshold = s->kind == ACCEPTED_LEVEL ? accepted_scope_threshold(s, p) : 0;

		if (!threshold || s->threshold <= threshold)
			continue;
		if (s->level_rule == LUTRA_RULE_NOVELTY)
			p->novelty_threshold = s->threshold;
		else
			p->threshold = s->threshold;
	}
}

static void apply_actions(struct policy *p, json_t *actions)
{
	const char *name;
	json_t *value;
	unsigned rule, action;

	json_object_foreach (actions, name, value)
		if (rule_parse(name, &rule) == 0 &&
		    action_parse(json_string_value(value), &action) == 0)
			p->action[rule] = (uint8_t)action;
}

static void set_varying(struct application *a, json_t *varies)
{
	json_t *dir;
	size_t i;

	json_array_foreach (varies, i, dir) {
		const char *text = json_string_value(dir);
		struct lutra_path path;
		int node;

		path_text_parse(text, strlen(text), &path);
		node = accepted_node_insert(a->p, &path, true, false, is_lib_path(text));
		if (node < 0)
			leave_out(a, text, node_fault(node));
		else
			a->p->nodes[node].flags |= LUTRA_NODE_VARIES;
	}
}

/* ---- all of it ---- */

/* Returns true if the entry has not ended. *first becomes the earliest end of such entries. */
static bool is_entry_in_force(const json_t *entry, time_t now, int64_t *first)
{
	const char *text = json_string_value(json_object_get(entry, "until"));
	time_t until;

	if (!text || accepted_time_parse(text, &until) < 0)
		return true;
	if (until <= now)
		return false;
	if (!*first || until < *first)
		*first = until;
	return true;
}

/* Returns the delta without the entries that have ended. */
static json_t *drop_ended_entries(json_t *delta, time_t now, int64_t *ret_first)
{
	json_t *ret = json_copy(delta), *entries = json_array(), *entry;
	size_t i;

	*ret_first = 0;
	json_array_foreach (json_object_get(delta, "entries"), i, entry)
		if (is_entry_in_force(entry, now, ret_first))
			json_array_append(entries, entry);
	json_object_set_new(ret, "entries", entries);
	return ret;
}

static int read_scopes(struct application *a, const json_t *entries, struct err *err)
{
	json_t *entry;
	size_t i;

	a->n = json_array_size(entries);
	a->scope = calloc(a->n + 1, sizeof(*a->scope));
	a->is_out = calloc(a->n + 1, sizeof(*a->is_out));
	if (!a->scope || !a->is_out)
		return err_oom(err);
	json_array_foreach (entries, i, entry) {
		int r = accepted_scope_from_json(json_object_get(entry, "scope"), &a->scope[i],
						 err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int note_delta(struct policy *p, const json_t *in_force, int64_t until)
{
	_cleanup_free_ char *text = json_dumps(in_force, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		return -ENOMEM;
	p->accepted_sha256[0] = '\0';
	if (!accepted_is_empty(in_force))
		policy_sum(text, strlen(text), p->accepted_sha256);
	p->accepted_until = until;
	return 0;
}

int accepted_apply(struct policy *p, json_t *delta, time_t now, struct err *ret_left_out,
		   struct err *err)
{
	_cleanup_(application_done) struct application a = {.p = p, .left_out = ret_left_out};
	json_auto_t *in_force = NULL;
	int64_t until;
	int r = accepted_check(delta, err);

	ret_left_out->msg[0] = '\0';
	if (r < 0)
		return r;
	in_force = drop_ended_entries(delta, now, &until);
	r = read_scopes(&a, json_object_get(in_force, "entries"), err);
	if (r < 0)
		return r;
	if (insert_nodes(&a) < 0)
		return err_oom(err);
	add_calls(&a);
	set_ports(&a);
	set_varying(&a, json_object_get(in_force, "varies"));
	r = add_tokens(&a, err);
	if (r < 0)
		return r;
	raise_level(&a);
	apply_actions(p, json_object_get(in_force, "actions"));
	r = policy_check(p, err);
	return r < 0 ? r : note_delta(p, in_force, until);
}

int accepted_load(struct policy **ret, const char *dir, const struct policy_keys *keys,
		  struct err *ret_left_out, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	json_auto_t *delta = NULL;
	struct err why = {};
	int r = policy_load_signed(&p, dir, keys, err);

	ret_left_out->msg[0] = '\0';
	if (r < 0)
		return r;
	r = accepted_read(dir, keys, &delta, &why);
	if (r == 0)
		r = accepted_apply(p, delta, accepted_now(), ret_left_out, &why);
	if (r < 0 && r != -ENOENT) {
		*ret_left_out = why;
		/* A part of the delta may have been applied. */
		policy_free(TAKE_PTR(p));
		r = policy_load_signed(&p, dir, keys, err);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(p);
	return 0;
}
