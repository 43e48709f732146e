/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to read a finding, from narrow to wide, and what is dangerous about each. */
#include <errno.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscall_traits.h"
#include "lib/base/text.h"
#include "lib/policy/accepted/accepted_facts.h"
#include "lib/policy/accepted/accepted_nodes.h"
#include "lib/policy/paths/path_flags.h"
#include "lutra/verdict.h"

#define HTTP_PORT 80

/* What is known of a scope's place in the tree. */
struct place {
	uint8_t flags;	  /* LUTRA_NODE_* of its node; 0 without a path */
	uint8_t parent;	  /* of the directory */
	bool counts_role; /* the role is part of what the policy knows */
};

/* ---- danger ---- */

static bool is_metadata(const struct lutra_object *o)
{
	/* EC2, GCE, Azure, OpenStack and others; Alibaba; EC2 by IPv6. */
	static const uint8_t v4[][4] = {{169, 254, 169, 254}, {100, 100, 100, 200}};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* an IPv4 address follows */
	static const uint8_t v6[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};

	const uint8_t *a = o->addr;

	if (o->family == LUTRA_AF_INET6 && memcmp(a, mapped, sizeof(mapped)) == 0)
		a += sizeof(mapped);
	else if (o->family == LUTRA_AF_INET6)
		return o->addr_class == LUTRA_ADDR_METADATA || memcmp(a, v6, sizeof(v6)) == 0;
	else if (o->family != LUTRA_AF_INET)
		return false;
	return o->addr_class == LUTRA_ADDR_METADATA || memcmp(a, v4[0], 4) == 0 ||
	       memcmp(a, v4[1], 4) == 0;
}

static bool changes_file(const struct lutra_object *o)
{
	return o->flags & LUTRA_OBJ_WRITE || lutra_is_path_op(o->op);
}

static const char *path_danger(const struct accepted_scope *s, const struct place *at)
{
	const struct lutra_object *o = &s->object;
	const char *slash = strrchr(s->path, '/');

	if (lutra_reaches_host(o, at->flags))
		return "it reaches the host";
	if (changes_file(o) && (at->parent | at->flags) & LUTRA_NODE_PROTECTED)
		return "it changes a file in a protected directory";
	if (changes_file(o) && at->parent & LUTRA_NODE_USR)
		return "it changes a file among the programs";
	if ((o->op == LUTRA_OP_EXEC || o->op == LUTRA_OP_MAPX) && o->flags & LUTRA_OBJ_FRESH)
		return "the container itself wrote this program or library, so its content may "
		       "change";
	if (o->op == LUTRA_OP_OPEN &&
	    (at->parent & LUTRA_NODE_SECRET || path_flags_is_secret_path(s->path) ||
	     (slash && path_flags_is_secret_file(slash + 1, strlen(slash + 1)))))
		return "it reads what looks like a secret";
	return NULL;
}

static const char *object_danger(const struct policy *p, const struct accepted_scope *s,
				 const struct place *at)
{
	const struct lutra_object *o = &s->object;

	if (o->flags & LUTRA_OBJ_PATH)
		return path_danger(s, at);
	if (lutra_is_wx(o->op))
		return "memory that is both writable and executable is what injected code needs";
	if (is_metadata(o))
		return "the address gives out the keys of a cloud's metadata service";
	if (!(p->ops >> LUTRA_OP_ADDR_CLASSES & 1) && o->op == LUTRA_OP_CONNECT &&
	    o->addr_class == LUTRA_ADDR_PRIVATE &&
	    (o->family == LUTRA_AF_INET || o->family == LUTRA_AF_INET6) &&
	    (s->any_port || o->port == HTTP_PORT))
		return o->family == LUTRA_AF_INET6
			       ? "it includes fd00:ec2::254, where clouds give out keys"
			       : "it includes 169.254.169.254, where clouds give out keys";
	return NULL;
}

int32_t accepted_scope_threshold(const struct accepted_scope *s, const struct policy *p)
{
	if (s->old_level)
		return 0;
	if (s->level_rule == LUTRA_RULE_NOVELTY)
		return policy_has_novelty(p) && s->level_shift == p->novelty_shift
			       ? p->novelty_threshold
			       : 0;
	return policy_has_level(p) && s->level_shift == p->level_shift ? p->threshold : 0;
}

void accepted_scope_measure(struct accepted_scope *s, const struct policy *p)
{
	int64_t threshold = s->kind == ACCEPTED_LEVEL ? accepted_scope_threshold(s, p) : 0;

	s->percent = threshold > 0 && s->threshold > 0
			     ? (unsigned)((100ll * s->threshold + threshold - 1) / threshold)
			     : 0;
}

static const char *danger_of(const struct policy *p, const struct accepted_scope *s,
			     const struct place *at)
{
	if (s->kind == ACCEPTED_OBJECT && s->object.op != LUTRA_OP_HOOK)
		return object_danger(p, s, at);
	if (s->kind == ACCEPTED_LEVEL)
		return s->threshold > 2ll * accepted_scope_threshold(s, p)
			       ? "it more than doubles the threshold, for all that the service does"
			       : NULL;
	if (s->nr < LUTRA_NR && syscall_traits(s->nr)->traits & SYSCALL_DANGEROUS)
		return "the system call reaches past the container, or changes what confines it";
	return NULL;
}

/* ---- readings ---- */

/* Adds the path to the tree, as accepting it would, and looks at its place there. */
static int find_place(struct policy *p, const struct accepted_scope *s, struct place *ret,
		      struct err *err)
{
	bool session = s->role == LUTRA_ROLE_SESSION;
	struct lutra_path path;
	int node;

	*ret = (struct place){};
	if (s->kind == ACCEPTED_SYSCALL) {
		ret->counts_role = true;
		return 0;
	}
	if (s->kind == ACCEPTED_OBJECT && s->object.flags & LUTRA_OBJ_PATH) {
		path_text_parse(s->path, strlen(s->path), &path);
		if (accepted_node_reserve(p) < 0)
			return err_oom(err);
		node = accepted_node_insert(p, &path, lutra_leaf_dir(&s->object), session,
					    strncmp(s->path, "/lib", 4) == 0);
		if (node < 0)
			return err_set(err, -EINVAL,
				       node == -ENOSPC
					       ? "the policy has no room for more paths"
					       : "its path is too deep or has too long a name for "
						 "a policy");
		ret->flags = p->nodes[node].flags;
		ret->parent = p->nodes[p->nodes[node].parent].flags;
	}
	ret->counts_role =
		s->kind == ACCEPTED_OBJECT && lutra_role_counts(&s->object, ret->flags, p->ops);
	return 0;
}

/* Returns true if the files of the path's directory can be accepted by their extension. */
static bool has_extension_reading(const struct accepted_scope *s, const struct place *at)
{
	const struct lutra_object *o = &s->object;
	struct lutra_path path;

	path_text_parse(s->path, strlen(s->path), &path);
	return (o->op == LUTRA_OP_OPEN || lutra_is_path_op(o->op)) && !lutra_leaf_dir(o) &&
	       path.n >= 2 && !path.flags && !(at->parent & LUTRA_NODE_WILDCARD) &&
	       lutra_component_kind(path.name[0], path.len[0]) != 0;
}

/*
 * Adds the program that started a program to the scope and the tree. Returns false: it is not
 * known, or a policy cannot hold it.
 */
static bool set_starter(struct policy *p, const struct accepted_facts *f, struct accepted_scope *s)
{
	size_t len = f->starter ? strlen(f->starter) : 0;
	struct lutra_path path;

	if (s->object.op != LUTRA_OP_EXEC || !(s->object.flags & LUTRA_OBJ_PATH) || len == 0 ||
	    f->starter[0] != '/' || len >= sizeof(s->starter) || strchr(f->starter, '\\'))
		return false;
	path_text_parse(f->starter, len, &path);
	if (accepted_node_insert(p, &path, false, s->role == LUTRA_ROLE_SESSION,
				 strncmp(f->starter, "/lib", 4) == 0) < 0)
		return false;
	memcpy(s->starter, f->starter, len + 1);
	return true;
}

static const char *narrow_name(const struct accepted_scope *s)
{
	if (s->kind == ACCEPTED_LEVEL)
		return "level";
	if (s->kind == ACCEPTED_SYSCALL)
		return "call";
	if (s->object.flags & LUTRA_OBJ_PATH)
		return "path";
	return accepted_has_address(&s->object) ? "peer" : "use";
}

static bool has_level_of(const struct policy *p, const struct accepted_scope *s)
{
	return s->level_rule == LUTRA_RULE_NOVELTY ? policy_has_novelty(p) : policy_has_level(p);
}

int accepted_readings(struct policy *p, const struct accepted_facts *f,
		      struct accepted_reading ret[static ACCEPTED_READINGS_MAX], struct err *err)
{
	struct accepted_scope s;
	struct place at = {};
	int n = 0, r = accepted_scope_of_facts(f, &s, err);

	if (r == 0 && s.kind == ACCEPTED_LEVEL && !has_level_of(p, &s))
		r = err_set(err, -EINVAL,
			    "the policy is of an older version and has no level %s: make it anew "
			    "with `lutra learn --image %.100s --anew`",
			    rule_name(s.level_rule), p->image);
	if (r == 0)
		r = find_place(p, &s, &at, err);
	if (r < 0)
		return r;
	if (s.kind == ACCEPTED_OBJECT && accepted_has_address(&s.object) &&
	    (s.object.family == LUTRA_AF_INET || s.object.family == LUTRA_AF_INET6)) {
		s.any_port = !accepted_port_is_exact(p, &s.object);
		if (!(p->ops >> LUTRA_OP_ADDR_CLASSES & 1))
			s.object.addr_class = lutra_addr_coarse(s.object.addr_class);
	}
	if (s.kind == ACCEPTED_LEVEL)
		s.level_shift =
			s.level_rule == LUTRA_RULE_NOVELTY ? p->novelty_shift : p->level_shift;
	accepted_scope_measure(&s, p);
	ret[n] = (struct accepted_reading){
		.name = "starter", .danger = danger_of(p, &s, &at), .scope = s};
	n += set_starter(p, f, &ret[n].scope);
	ret[n++] = (struct accepted_reading){
		.name = narrow_name(&s), .danger = danger_of(p, &s, &at), .scope = s};
	if (s.object.flags & LUTRA_OBJ_PATH && has_extension_reading(&s, &at)) {
		ret[n] = (struct accepted_reading){
			.name = "extension", .danger = danger_of(p, &s, &at), .scope = s};
		ret[n].scope.any_type = false;
		ret[n++].scope.extension = true;
	}
	if (at.counts_role && s.role != LUTRA_ROLE_SESSION) {
		ret[n] = (struct accepted_reading){
			.name = "roles", .danger = danger_of(p, &s, &at), .scope = s};
		ret[n++].scope.role = ACCEPTED_ANY_ROLE;
	}
	return n;
}

json_t *accepted_readings_to_json(const struct accepted_reading *list, int n)
{
	json_t *ret = json_array();
	char text[ACCEPTED_TEXT];

	for (int i = 0; i < n; i++)
		json_array_append_new(
			ret, json_pack("{s:s, s:s, s:o, s:o}", "scope", list[i].name, "text",
				       accepted_scope_text(&list[i].scope, text), "danger",
				       list[i].danger ? json_string(list[i].danger) : json_null(),
				       "percent",
				       list[i].scope.percent ? json_integer(list[i].scope.percent)
							     : json_null()));
	return ret;
}
