/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scope as JSON and in words. Members of the JSON, beside those that a kind needs:
 *
 *   an object        "operation"; "path", or "family", "address" and "port", or "name" (a
 *                    capability, a hook or a system call); "role"
 *   of a path        "write", "type" (of an open), "any_type", "executable", "fresh", "updated",
 *                    "extension": true; they are absent where they are false
 *   of a program     "starter": the path of the program that starts it; absent: any
 *   of an address    "any_port": true
 *   of a hook        "call": the system call that led to it
 *   a system call    "call", "role"
 *   a level          "level": "M" or "N"; "threshold", "shift"
 *
 * Files of older versions may have "level": "A" or "B". Such a scope stays in the file, without
 * effect.
 */
#include "lib/policy/accepted/accepted.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/socket_kind.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "lutra/object_token.h"
#include "lutra/verdict.h"

#define SCOPE_NAME SOCKET_KIND_TEXT /* at least SYSCALL_NAME */
_Static_assert(SCOPE_NAME >= SYSCALL_NAME, "either fits");

#define NAMES_MAX 256
#define PORT_TEXT 32
#define OBJECT_WORDS (LUTRA_STRING_MAX + 64)

/* Finds the number of a name in a table that is asked by number. Returns -1: it has none. */
static int find_number(const char *(*name_of)(unsigned), unsigned first, unsigned end,
		       const char *name)
{
	for (unsigned i = first; name && i < end; i++)
		if (strcmp(name_of(i), name) == 0)
			return (int)i;
	return -1;
}

/* ---- to JSON ---- */

static void put_flag(json_t *j, const char *name, bool is_set)
{
	if (is_set)
		json_object_set_new(j, name, json_true());
}

static void put_scope_call(json_t *j, unsigned nr)
{
	char name[SYSCALL_NAME];

	if (nr != LUTRA_NR_NONE)
		json_object_set_new(j, "call",
				    json_string(syscall_name(NULL, nr, name, sizeof(name))));
}

/* Returns the name of an object that has neither a path nor an address. buf: room for one. */
static const char *scope_name(const struct lutra_object *o, char buf[static SCOPE_NAME])
{
	switch (o->op) {
	case LUTRA_OP_CAPABLE:
		return cap_name(o->mode);
	case LUTRA_OP_HOOK:
		return hook_name(o->mode);
	case LUTRA_OP_SOCKET:
		socket_kind_text(o->family, o->mode, o->port, buf);
		return buf;
	default:
		return syscall_name(NULL, o->mode, buf, SCOPE_NAME);
	}
}

static void put_scope_name(json_t *j, const struct lutra_object *o)
{
	char buf[SCOPE_NAME];

	json_object_set_new(j, "name", json_string(scope_name(o, buf)));
}

static void put_scope_address(json_t *j, const struct accepted_scope *s)
{
	json_object_set_new(j, "family", json_string(family_name(s->object.family)));
	json_object_set_new(j, "address", json_string(addr_class_name(s->object.addr_class)));
	json_object_set_new(j, "port", json_integer(s->object.port));
	put_flag(j, "any_port", s->any_port);
}

static void put_scope_path(json_t *j, const struct accepted_scope *s)
{
	const struct lutra_object *o = &s->object;

	json_object_set_new(j, "path", json_string(s->path));
	if (o->op == LUTRA_OP_OPEN)
		json_object_set_new(j, "type", json_string(inode_type_name(o->mode >> 12)));
	put_flag(j, "write", o->flags & LUTRA_OBJ_WRITE);
	put_flag(j, "executable", lutra_is_executable(o));
	put_flag(j, "fresh", o->flags & LUTRA_OBJ_FRESH);
	put_flag(j, "updated", o->flags & LUTRA_OBJ_UPDATED);
	put_flag(j, "any_type", s->any_type);
	put_flag(j, "extension", s->extension);
	if (*s->starter)
		json_object_set_new(j, "starter", json_string(s->starter));
}

bool accepted_has_address(const struct lutra_object *o)
{
	return lutra_is_peer_op(o->op);
}

/* Returns the name of the level of a scope: one letter. */
static const char *level_name(const struct accepted_scope *s)
{
	return s->old_level ? &s->old_level : rule_name(s->level_rule);
}

json_t *accepted_scope_to_json(const struct accepted_scope *s)
{
	json_t *j = json_object();

	if (s->kind == ACCEPTED_LEVEL) {
		json_object_set_new(j, "level", json_stringn(level_name(s), 1));
		json_object_set_new(j, "threshold", json_integer(s->threshold));
		if (!s->old_level)
			json_object_set_new(j, "shift", json_integer(s->level_shift));
		return j;
	}
	json_object_set_new(
		j, "role",
		json_string(s->role == ACCEPTED_ANY_ROLE ? "every" : role_name(s->role)));
	if (s->kind == ACCEPTED_OBJECT) {
		json_object_set_new(j, "operation", json_string(op_name(s->object.op)));
		if (s->object.flags & LUTRA_OBJ_PATH)
			put_scope_path(j, s);
		else if (accepted_has_address(&s->object))
			put_scope_address(j, s);
		else
			put_scope_name(j, &s->object);
	}
	put_scope_call(j, s->nr);
	return j;
}

/* ---- from JSON ---- */

/* The members of a scope, as far as it has them. */
struct scope_members {
	const char *operation, *path, *starter, *type, *family, *address, *name, *call, *role,
		*level;
	int write, executable, fresh, updated, any_type, extension, any_port;
	json_int_t port, threshold, shift;
};

static int read_members(json_t *j, struct scope_members *m, struct err *err)
{
	json_error_t je;

	*m = (struct scope_members){.port = -1, .threshold = -1, .shift = LUTRA_M_SHIFT};
	if (json_unpack_ex(j, &je, JSON_STRICT,
			   "{s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?b, s?b, s?b, s?b, "
			   "s?b, s?b, s?b, s?I, s?I, s?I}",
			   "operation", &m->operation, "path", &m->path, "starter", &m->starter,
			   "type", &m->type, "family", &m->family, "address", &m->address, "name",
			   &m->name, "call", &m->call, "role", &m->role, "level", &m->level,
			   "write", &m->write, "executable", &m->executable, "fresh", &m->fresh,
			   "updated", &m->updated, "any_type", &m->any_type, "extension",
			   &m->extension, "any_port", &m->any_port, "port", &m->port, "threshold",
			   &m->threshold, "shift", &m->shift) < 0)
		return err_set(err, -EBADMSG, "scope: %s", je.text);
	return 0;
}

static int scope_read_role(const struct scope_members *m, uint8_t *ret, struct err *err)
{
	unsigned role;

	if (m->role && strcmp(m->role, "every") == 0) {
		*ret = ACCEPTED_ANY_ROLE;
		return 0;
	}
	if (!m->role || role_parse(m->role, &role) < 0 || role >= LUTRA_ROLES)
		return err_set(err, -EBADMSG,
			       "scope: role: must be startup, steady, spawned, deeper, "
			       "session or every");
	*ret = (uint8_t)role;
	return 0;
}

static int scope_read_call(const struct scope_members *m, unsigned *ret, struct err *err)
{
	*ret = LUTRA_NR_NONE;
	if (m->call && syscall_parse(NULL, m->call, ret) < 0)
		return err_set(err, -EBADMSG, "scope: call: %.40s: no such system call", m->call);
	return 0;
}

static int scope_read_starter(const struct scope_members *m, struct accepted_scope *s,
			      struct err *err)
{
	if (!m->starter)
		return 0;
	if (s->object.op != LUTRA_OP_EXEC || !m->path)
		return err_set(err, -EBADMSG, "scope: starter: only a program has one");
	if (m->starter[0] != '/' || strlen(m->starter) >= sizeof(s->starter))
		return err_set(err, -EBADMSG,
			       "scope: starter: must be absolute and shorter than %zu bytes",
			       sizeof(s->starter));
	snprintf(s->starter, sizeof(s->starter), "%s", m->starter);
	return 0;
}

static int scope_read_path(const struct scope_members *m, struct accepted_scope *s, struct err *err)
{
	struct lutra_object *o = &s->object;
	int type = find_number(inode_type_name, 1, 16, m->type);

	if (m->path[0] != '/' || strlen(m->path) >= sizeof(s->path))
		return err_set(err, -EBADMSG,
			       "scope: path: must be absolute and shorter than %zu bytes",
			       sizeof(s->path));
	if (o->op == LUTRA_OP_OPEN && type < 0)
		return err_set(err, -EBADMSG, "scope: type: not a type of file");
	snprintf(s->path, sizeof(s->path), "%s", m->path);
	o->flags = LUTRA_OBJ_PATH | (m->write ? LUTRA_OBJ_WRITE : 0) |
		   (m->executable ? LUTRA_OBJ_XBIT : 0) | (m->fresh ? LUTRA_OBJ_FRESH : 0) |
		   (m->updated ? LUTRA_OBJ_UPDATED : 0);
	o->mode = type > 0 ? (__u16)(type << 12) : 0;
	if (accepted_has_address(o))
		o->family = LUTRA_AF_UNIX;
	s->any_type = m->any_type != 0;
	s->extension = m->extension != 0;
	return 0;
}

static int scope_read_address(const struct scope_members *m, struct accepted_scope *s,
			      struct err *err)
{
	int family = find_number(family_name, 0, NAMES_MAX, m->family);
	int class = find_number(addr_class_name, 0, LUTRA_ADDR_COUNT, m->address);

	if (family < 0 || class < 0 || m->port < 0 || m->port > UINT16_MAX)
		return err_set(err, -EBADMSG, "scope: an address needs family, address and port");
	s->object.family = (__u8)family;
	s->object.addr_class = (__u8) class;
	s->object.port = (__u16)m->port;
	s->any_port = m->any_port != 0;
	return 0;
}

static int scope_read_name(const struct scope_members *m, struct accepted_scope *s, struct err *err)
{
	unsigned nr;
	int mode = -1;

	if (s->object.op == LUTRA_OP_SOCKET && socket_kind_parse(m->name, &s->object) == 0)
		return 0;
	if (s->object.op == LUTRA_OP_CAPABLE)
		mode = find_number(cap_name, 0, 64, m->name);
	else if (s->object.op == LUTRA_OP_HOOK)
		mode = find_number(hook_name, 1, LUTRA_HOOK_COUNT, m->name);
	else if (lutra_is_wx(s->object.op) && m->name && syscall_parse(NULL, m->name, &nr) == 0)
		mode = (int)nr;
	if (mode < 0)
		return err_set(err, -EBADMSG, "scope: the operation has no object of this name");
	s->object.mode = (__u16)mode;
	return 0;
}

static int scope_read_object(const struct scope_members *m, struct accepted_scope *s,
			     struct err *err)
{
	unsigned op;

	if (op_parse(m->operation, &op) < 0 || op == LUTRA_OP_NONE)
		return err_set(err, -EBADMSG, "scope: operation: %.40s: no such operation",
			       m->operation);
	s->kind = ACCEPTED_OBJECT;
	s->object.op = (__u8)op;
	if (m->path)
		return scope_read_path(m, s, err);
	return accepted_has_address(&s->object) ? scope_read_address(m, s, err)
						: scope_read_name(m, s, err);
}

static int scope_read_level(const struct scope_members *m, struct accepted_scope *s,
			    struct err *err)
{
	unsigned rule = LUTRA_RULE_LEVEL;

	s->kind = ACCEPTED_LEVEL;
	if (rule_is_old(m->level))
		s->old_level = m->level[0];
	else if (rule_find(m->level, &rule) < 0 || !lutra_is_level_rule(rule))
		return err_set(err, -EBADMSG, "scope: level: must be M or N");
	if (m->threshold < 0 || m->threshold > INT32_MAX)
		return err_set(err, -EBADMSG, "scope: threshold: out of range");
	if (m->shift < 0 || m->shift > 15)
		return err_set(err, -EBADMSG, "scope: shift: out of range");
	s->threshold = (int32_t)m->threshold;
	s->level_rule = (uint8_t)rule;
	s->level_shift = (uint8_t)m->shift;
	return 0;
}

int accepted_scope_from_json(json_t *j, struct accepted_scope *ret, struct err *err)
{
	struct accepted_scope s = {.kind = ACCEPTED_SYSCALL, .nr = LUTRA_NR_NONE};
	struct scope_members m;
	int r = read_members(j, &m, err);

	if (r < 0)
		return r;
	if (m.level) {
		r = scope_read_level(&m, &s, err);
	} else {
		r = scope_read_role(&m, &s.role, err);
		if (r == 0)
			r = scope_read_call(&m, &s.nr, err);
		if (r == 0 && m.operation)
			r = scope_read_object(&m, &s, err);
		else if (r == 0 && s.nr == LUTRA_NR_NONE)
			r = err_set(err, -EBADMSG, "scope: operation, call or level is missing");
		if (r == 0)
			r = scope_read_starter(&m, &s, err);
	}
	if (r == 0)
		*ret = s;
	return r;
}

/* ---- in words ---- */

static const char *role_text(const struct accepted_scope *s)
{
	return s->role == ACCEPTED_ANY_ROLE ? "every role" : role_name(s->role);
}

static const char *port_text(const struct accepted_scope *s, char buf[static PORT_TEXT])
{
	const char *from =
		s->object.port >= LUTRA_EPHEMERAL_PORT ? "any port from" : "any port below";

	if (s->any_port)
		snprintf(buf, PORT_TEXT, "%s %d", from, LUTRA_EPHEMERAL_PORT);
	else
		snprintf(buf, PORT_TEXT, "port %u", s->object.port);
	return buf;
}

static void object_text(const struct accepted_scope *s, char *buf, size_t size)
{
	const struct lutra_object *o = &s->object;
	const char *access = "", *type = "", *slash = strrchr(s->path, '/'), *dot;
	char name[SCOPE_NAME], port[PORT_TEXT];

	if (o->op == LUTRA_OP_OPEN) {
		access = o->flags & LUTRA_OBJ_WRITE ? " w " : " r ";
		type = inode_type_name(o->mode >> 12);
	}
	dot = slash ? strrchr(slash, '.') : NULL;
	if (s->extension)
		snprintf(buf, size, "%s%s%s of any file *%s in %.*s", op_name(o->op), access, type,
			 dot ? dot : "", slash > s->path ? (int)(slash - s->path) : 1, s->path);
	else if (o->flags & LUTRA_OBJ_PATH)
		snprintf(buf, size, "%s%s%s %s%s%s", op_name(o->op), access, type, s->path,
			 o->flags & LUTRA_OBJ_UPDATED ? " (updated)"
			 : o->flags & LUTRA_OBJ_FRESH ? " (fresh)"
						      : "",
			 lutra_is_executable(o) ? " (executable)" : "");
	else if (accepted_has_address(o) &&
		 (o->family == LUTRA_AF_INET || o->family == LUTRA_AF_INET6))
		snprintf(buf, size, "%s %s, any %s address, %s", op_name(o->op),
			 family_name(o->family), addr_class_name(o->addr_class),
			 port_text(s, port));
	else if (accepted_has_address(o))
		snprintf(buf, size, "%s %s", op_name(o->op), family_name(o->family));
	else
		snprintf(buf, size, "%s %s", op_name(o->op), scope_name(o, name));
}

static void level_text(const struct accepted_scope *s, char buf[static ACCEPTED_TEXT])
{
	if (s->old_level)
		snprintf(buf, ACCEPTED_TEXT,
			 "level %c of an older version, without effect: accept level M instead",
			 s->old_level);
	else if (s->percent)
		snprintf(buf, ACCEPTED_TEXT, "level %s up to %u %% of its threshold", level_name(s),
			 s->percent);
	else if (s->level_rule == LUTRA_RULE_NOVELTY)
		snprintf(buf, ACCEPTED_TEXT, "level N up to %.1f %% of new pairs",
			 100. * s->threshold / LUTRA_N_ONE);
	else
		snprintf(buf, ACCEPTED_TEXT, "level M up to %.3f nat",
			 (double)s->threshold / (LUTRA_M_UNIT << LUTRA_M_FRACTION));
}

const char *accepted_scope_text(const struct accepted_scope *s, char buf[static ACCEPTED_TEXT])
{
	char object[OBJECT_WORDS], call[SYSCALL_NAME];

	if (s->kind == ACCEPTED_LEVEL) {
		level_text(s, buf);
	} else if (s->kind == ACCEPTED_SYSCALL) {
		snprintf(buf, ACCEPTED_TEXT, "system call %s, in %s%s",
			 syscall_name(NULL, s->nr, call, sizeof(call)),
			 s->role == ACCEPTED_ANY_ROLE ? "" : "role ", role_text(s));
	} else {
		object_text(s, object, sizeof(object));
		snprintf(buf, ACCEPTED_TEXT, "%s, in %s%s%s%s", object,
			 s->role == ACCEPTED_ANY_ROLE ? "" : "role ", role_text(s),
			 *s->starter ? ", started by " : "", s->starter);
	}
	return buf;
}
