/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes one file of the base or of a pack, strictly: a word that is not understood is an error. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/array.h"
#include "lutra/score.h"
#include "trainer/rules/knowledge/knowledge.h"

#define INODE_TYPES 16
#define FAMILIES 64

/* What a file may know. A program is in neither list, nor is a capability. */
#define PATH_OPS                                                                                   \
	(1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_UNLINK | 1u << LUTRA_OP_RENAME_FROM |                \
	 1u << LUTRA_OP_RENAME_TO | 1u << LUTRA_OP_LINK_FROM | 1u << LUTRA_OP_LINK_TO |            \
	 1u << LUTRA_OP_SYMLINK | 1u << LUTRA_OP_MKDIR | 1u << LUTRA_OP_RMDIR |                    \
	 1u << LUTRA_OP_CHMOD | 1u << LUTRA_OP_TRUNCATE)
#define PEER_OPS (1u << LUTRA_OP_CONNECT | 1u << LUTRA_OP_BIND | 1u << LUTRA_OP_SEND)

/* An entry under way: the words of it, and the object that each combination of them makes. */
struct entry {
	struct knowledge *to;
	bool base;
	json_t *ops, *paths, *families, *addresses;
	const char *access, *type, *action;
	int port; /* -1: none */
	struct known_object object;
};

/* ---- words to numbers ---- */

static int find_entry_word(const char *word, const char *(*name)(unsigned), unsigned n,
			   unsigned *ret)
{
	for (unsigned i = 0; word && i < n; i++) {
		if (strcmp(word, name(i)) == 0 && strcmp(word, "?") != 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int decode_roles(json_t *roles, uint8_t *ret, struct err *err)
{
	unsigned role;
	size_t i;
	json_t *v;

	*ret = roles ? 0 : KNOWLEDGE_ALL_ROLES;
	json_array_foreach (roles, i, v) {
		if (role_parse(json_string_value(v), &role) < 0 || role >= LUTRA_ROLE_SESSION)
			return err_set(err, -EINVAL,
				       "roles: use startup, steady, spawned and deeper");
		*ret |= (uint8_t)(1u << role);
	}
	return *ret ? 0 : err_set(err, -EINVAL, "roles: name one, or leave it out for all");
}

/* ---- one entry ---- */

static int add_entry_object(struct entry *e, const char *path, struct err *err)
{
	struct knowledge *k = e->to;

	if (k->n_objects >= KNOWLEDGE_OBJECTS_MAX)
		return err_set(err, -EINVAL, "more than %d objects in the file: make it smaller",
			       KNOWLEDGE_OBJECTS_MAX);
	if (ARRAY_RESERVE(k->objects, k->objects_size, k->n_objects + 1) < 0)
		return err_oom(err);
	e->object.path = path ? strdup(path) : NULL;
	if (path && !e->object.path)
		return err_oom(err);
	k->objects[k->n_objects++] = e->object;
	return 0;
}

/* Adds the object for each path. */
static int add_each_path(struct entry *e, struct err *err)
{
	json_t *v;
	size_t i;

	e->object.object.flags |= LUTRA_OBJ_PATH;
	json_array_foreach (e->paths, i, v) {
		const char *path = json_string_value(v);
		int r;

		if (!path)
			return err_set(err, -EINVAL, "paths: must be strings");
		r = knowledge_check_path(&e->object.object, path, e->base, err);
		if (r == 0)
			r = add_entry_object(e, path, err);
		if (r < 0)
			return r;
	}
	return i ? 0 : err_set(err, -EINVAL, "paths: name one");
}

static int add_paths(struct entry *e, struct err *err)
{
	struct lutra_object *o = &e->object.object;
	unsigned type = LUTRA_S_IFREG_TYPE;

	if (e->families || e->addresses || e->port >= 0)
		return err_set(err, -EINVAL, "a file has no family, address or port");
	if ((o->op == LUTRA_OP_OPEN) != (e->access != NULL))
		return err_set(err, -EINVAL, "access: \"read\" or \"write\", of open only");
	if (e->access && strcmp(e->access, "read") != 0 && strcmp(e->access, "write") != 0)
		return err_set(err, -EINVAL, "access: must be \"read\" or \"write\"");
	if (e->type && find_entry_word(e->type, inode_type_name, INODE_TYPES, &type) < 0)
		return err_set(err, -EINVAL, "type: must be file, dir, chardev, fifo or socket");
	if (e->action && (o->op != LUTRA_OP_OPEN || type != 8 || strcmp(e->action, "alert") != 0))
		return err_set(err, -EINVAL, "action: \"alert\", to open a file only");
	e->object.alerts = e->action != NULL;
	if (e->access && strcmp(e->access, "write") == 0)
		o->flags |= LUTRA_OBJ_WRITE;
	o->mode = (uint16_t)(type << 12);
	return add_each_path(e, err);
}

/*
 * Adds the object for a class of addresses. What the file calls private and public are several classes.
 * Addresses at which clouds give out keys are in none.
 */
static int add_class(struct entry *e, unsigned class, struct err *err)
{
	int r = 0;

	for (uint8_t c = LUTRA_ADDR_NONE + 1; r == 0 && c < LUTRA_ADDR_COUNT; c++) {
		if (c == LUTRA_ADDR_METADATA || c == LUTRA_ADDR_MULTICAST ||
		    lutra_addr_coarse(c) != class)
			continue;
		e->object.object.addr_class = c;
		r = add_entry_object(e, NULL, err);
	}
	return r;
}

/* Adds the object for each class of addresses. */
static int add_addresses(struct entry *e, struct err *err)
{
	struct lutra_object *o = &e->object.object;
	unsigned class = LUTRA_ADDR_NONE;
	json_t *v;
	size_t i;
	int r;

	if (e->port < 0 || !json_array_size(e->addresses))
		return err_set(err, -EINVAL, "ipv4 and ipv6 need \"addresses\" and \"port\"");
	o->port = (uint16_t)e->port;
	json_array_foreach (e->addresses, i, v) {
		if (find_entry_word(json_string_value(v), addr_class_name, LUTRA_ADDR_ANY + 1,
				    &class) < 0 ||
		    class == LUTRA_ADDR_NONE)
			return err_set(err, -EINVAL,
				       "addresses: use loopback, private, public and any");
		r = add_class(e, class, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Adds the object for each name of a socket. */
static int add_unix(struct entry *e, struct err *err)
{
	const char *family = json_string_value(json_array_get(e->families, 0));

	if (e->object.object.op != LUTRA_OP_CONNECT || json_array_size(e->families) != 1 ||
	    !family || strcmp(family, family_name(LUTRA_AF_UNIX)) != 0 || e->addresses ||
	    e->port >= 0)
		return err_set(err, -EINVAL, "a path is for connect and the family unix alone");
	e->object.object.family = LUTRA_AF_UNIX;
	return add_each_path(e, err);
}

static int add_peers(struct entry *e, struct err *err)
{
	struct lutra_object *o = &e->object.object;
	unsigned family;
	json_t *v;
	size_t i;
	int r;

	if (e->access || e->type || e->action)
		return err_set(err, -EINVAL, "a socket has no access, type or action");
	if (e->paths)
		return add_unix(e, err);
	json_array_foreach (e->families, i, v) {
		/* An address without a family, which connect(2) takes to disconnect. */
		family = 0;
		if ((!json_is_string(v) || strcmp(json_string_value(v), "unspec") != 0) &&
		    find_entry_word(json_string_value(v), family_name, FAMILIES, &family) < 0)
			return err_set(err, -EINVAL, "families: %.20s is not known",
				       json_string_value(v) ? json_string_value(v) : "a number");
		o->family = (uint8_t)family;
		if (family == LUTRA_AF_INET || family == LUTRA_AF_INET6)
			r = add_addresses(e, err);
		else if (e->addresses || e->port >= 0 || family == LUTRA_AF_UNIX)
			r = err_set(err, -EINVAL,
				    "families: %s has no address and no port, and "
				    "unix never comes from such a file",
				    family_name(family));
		else
			r = add_entry_object(e, NULL, err);
		if (r < 0)
			return r;
	}
	return i ? 0 : err_set(err, -EINVAL, "families: name one");
}

static int add_ops(struct entry *e, struct err *err)
{
	unsigned op;
	json_t *v;
	size_t i;
	int r;

	json_array_foreach (e->ops, i, v) {
		if (op_parse(json_string_value(v), &op) < 0)
			return err_set(err, -EINVAL, "ops: %.20s is not known",
				       json_string_value(v) ? json_string_value(v) : "a number");
		memset(&e->object.object, 0, sizeof(e->object.object));
		e->object.object.op = (uint8_t)op;
		if (1u << op & PATH_OPS)
			r = add_paths(e, err);
		else if (1u << op & PEER_OPS && e->base)
			r = add_peers(e, err);
		else
			r = err_set(err, -EINVAL,
				    "ops: %s never comes from such a file: only runs show it",
				    op_name(op));
		if (r < 0)
			return r;
	}
	return i ? 0 : err_set(err, -EINVAL, "ops: name one");
}

static int decode_entry(json_t *j, bool base, struct knowledge *k, struct err *err)
{
	struct entry e = {.to = k, .base = base, .port = -1};
	const char *why, *source;
	json_t *roles = NULL;
	json_error_t je;
	int r;

	if (json_unpack_ex(j, &je, JSON_STRICT,
			   "{s:o, s?s, s?s, s?s, s?o, s?o, s?o, s?i, s?o, s:s, s:s}", "ops", &e.ops,
			   "access", &e.access, "action", &e.action, "type", &e.type, "paths",
			   &e.paths, "families", &e.families, "addresses", &e.addresses, "port",
			   &e.port, "roles", &roles, "why", &why, "source", &source) < 0)
		return err_set(err, -EINVAL, "%s", je.text);
	if (!*why || !*source)
		return err_set(err, -EINVAL, "why and source: say them");
	if (e.port < -1 || e.port > UINT16_MAX)
		return err_set(err, -EINVAL, "port: must be 0 to 65535");
	r = decode_roles(roles, &e.object.roles, err);
	return r < 0 ? r : add_ops(&e, err);
}

/* ---- the file ---- */

/* Decodes the packages of a pack. A pack may have none: a program that nobody packages. */
static int decode_packages(json_t *packages, bool base, struct knowledge *k, struct err *err)
{
	json_t *v;
	size_t i;

	if (!packages)
		return 0;
	if (base || !json_array_size(packages) ||
	    json_array_size(packages) > KNOWLEDGE_PACKAGES_MAX)
		return err_set(err, -EINVAL, "packages: of a pack only, 1 to %d",
			       KNOWLEDGE_PACKAGES_MAX);
	k->packages = calloc(json_array_size(packages), sizeof(*k->packages));
	if (!k->packages)
		return err_oom(err);
	json_array_foreach (packages, i, v) {
		const char *name = json_string_value(v);

		if (!name || !*name || name[0] == '*' || name[0] == '[' || name[0] == '?')
			return err_set(err, -EINVAL,
				       "packages: write names, or a name with [0-9]* in it");
		k->packages[i] = strdup(name);
		if (!k->packages[i])
			return err_oom(err);
		k->n_packages++;
	}
	return 0;
}

/* Returns true if each name of an absolute path is folded. */
static bool is_folded_path(const char *path)
{
	while (*path == '/') {
		size_t len = strcspn(path + 1, "/");

		if (!knowledge_is_folded(path + 1, len))
			return false;
		path += 1 + len;
	}
	return true;
}

static int decode_programs(json_t *programs, bool base, struct knowledge *k, struct err *err)
{
	json_t *v;
	size_t i;

	if (base != !programs)
		return err_set(err, -EINVAL, "programs: a pack needs them, the base has none");
	if (base)
		return 0;
	if (!json_array_size(programs) || json_array_size(programs) > KNOWLEDGE_PROGRAMS_MAX)
		return err_set(err, -EINVAL, "programs: name 1 to %d", KNOWLEDGE_PROGRAMS_MAX);
	k->programs = calloc(json_array_size(programs), sizeof(*k->programs));
	if (!k->programs)
		return err_oom(err);
	json_array_foreach (programs, i, v) {
		const char *path = json_string_value(v);

		if (!path || path[0] != '/')
			return err_set(err, -EINVAL, "programs: write whole paths, /usr/bin/NAME");
		if (!is_folded_path(path))
			return err_set(err, -EINVAL,
				       "programs: %.100s: write # for a whole word with a digit",
				       path);
		k->programs[i] = strdup(path);
		if (!k->programs[i])
			return err_oom(err);
		k->n_programs++;
	}
	return 0;
}

/* Decodes the objects: the error says which entry it is, from 1. */
static int decode_objects(json_t *list, bool base, struct knowledge *k, struct err *err)
{
	struct err why = {""};
	json_t *v;
	size_t i;

	if (!json_is_array(list))
		return err_set(err, -EINVAL, "objects: must be an array");
	json_array_foreach (list, i, v) {
		int r = decode_entry(v, base, k, &why);

		if (r < 0)
			return err_set(err, r, "objects, entry %zu: %s", i + 1, why.msg);
	}
	return 0;
}

static bool is_name(const char *s)
{
	return *s && strlen(s) < 60 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s);
}

int knowledge_decode(const char *text, size_t len, bool base, struct knowledge *ret,
		     struct err *err)
{
	json_t *programs = NULL, *packages = NULL, *objects;
	json_error_t je;
	json_auto_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	const char *name, *about;
	int version, r;

	memset(ret, 0, sizeof(*ret));
	if (!j)
		return err_set(err, -EINVAL, "line %d: %s", je.line, je.text);
	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:s, s:i, s:s, s?o, s?o, s:o}", "name", &name,
			   "version", &version, "about", &about, "programs", &programs, "packages",
			   &packages, "objects", &objects) < 0)
		return err_set(err, -EINVAL, "%s", je.text);
	if (!is_name(name) || base != (strcmp(name, KNOWLEDGE_BASE) == 0))
		return err_set(err, -EINVAL,
			       "name: \"base\" for the base, else small letters, "
			       "digits and -");
	if (version < 1 || version > KNOWLEDGE_VERSION_MAX)
		return err_set(err, -EINVAL, "version: must be 1 to %d", KNOWLEDGE_VERSION_MAX);
	ret->name = strdup(name);
	ret->version = (uint32_t)version;
	if (!ret->name)
		return err_oom(err);
	r = decode_programs(programs, base, ret, err);
	if (r == 0)
		r = decode_packages(packages, base, ret, err);
	return r < 0 ? r : decode_objects(objects, base, ret, err);
}
