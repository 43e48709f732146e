/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the key of an object by the walk of lutra/path_class.h. */
#include "trainer/data/stream/object_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/array.h"
#include "lutra/object_token.h"
#include "lutra/path_class.h"

#define PORT_EPHEMERAL 32768u
#define NO_NAME UINT32_MAX
#define RUN_MANY UINT32_MAX
#define RUN_NONE (UINT32_MAX - 1)

/* A key: equal bytes, equal key. */
struct object_key {
	uint32_t verb;	/* enum object_verb */
	uint32_t place; /* enum lutra_place; of a socket: the family */
	uint32_t
		name; /* number in names, NO_NAME, or the port; PORT_EPHEMERAL: any from there on */
};

/* A path, taken apart. */
struct path_parts {
	uint8_t place;
	size_t root_len; /* bytes of the data root, of a path below one */
	size_t own_len;	 /* bytes of the path up to the name in it */
};

static uint8_t object_verb(const struct lutra_object *o)
{
	static const uint8_t verb[LUTRA_OP_COUNT] = {
		[LUTRA_OP_EXEC] = OBJECT_VERB_EXEC,
		[LUTRA_OP_MAPX] = OBJECT_VERB_MAPX,
		[LUTRA_OP_CONNECT] = OBJECT_VERB_CONNECT,
		[LUTRA_OP_BIND] = OBJECT_VERB_BIND,
		[LUTRA_OP_SEND] = OBJECT_VERB_SEND,
		[LUTRA_OP_UNLINK] = OBJECT_VERB_UNLINK,
		[LUTRA_OP_RMDIR] = OBJECT_VERB_UNLINK,
		[LUTRA_OP_RENAME_FROM] = OBJECT_VERB_RENAME,
		[LUTRA_OP_RENAME_TO] = OBJECT_VERB_RENAME,
		[LUTRA_OP_LINK_FROM] = OBJECT_VERB_LINK,
		[LUTRA_OP_LINK_TO] = OBJECT_VERB_LINK,
		[LUTRA_OP_SYMLINK] = OBJECT_VERB_LINK,
		[LUTRA_OP_MKDIR] = OBJECT_VERB_MKDIR,
		[LUTRA_OP_CHMOD] = OBJECT_VERB_CHMOD,
		[LUTRA_OP_CHOWN] = OBJECT_VERB_CHMOD,
		[LUTRA_OP_TRUNCATE] = OBJECT_VERB_TRUNCATE,
		[LUTRA_OP_MKNOD] = OBJECT_VERB_MKNOD,
		[LUTRA_OP_SETXATTR] = OBJECT_VERB_XATTR,
	};

	if (o->op != LUTRA_OP_OPEN)
		return o->op < LUTRA_OP_COUNT ? verb[o->op] : OBJECT_VERB_NONE;
	if ((o->mode & 0xf000) == 0x4000)
		return OBJECT_VERB_OPEN_DIR;
	return o->flags & LUTRA_OBJ_WRITE ? OBJECT_VERB_OPEN_WRITE : OBJECT_VERB_OPEN_READ;
}

/* Takes a folded path apart. */
static void take_apart(const char *path, size_t len, struct path_parts *ret)
{
	struct lutra_name name = {""};
	uint8_t place = LUTRA_PLACE_ROOT;
	size_t n = 0, pos = 0;

	*ret = (struct path_parts){.place = LUTRA_PLACE_OTHER};
	if (!len || path[0] != '/' || (len > 1 && path[1] == '/'))
		return;
	while (pos + 1 < len) {
		const char *from = path + pos + 1;
		const char *end = memchr(from, '/', len - pos - 1);
		uint8_t before = place;

		n = end ? (size_t)(end - from) : len - pos - 1;
		n = n < LUTRA_NAME - 1 ? n : LUTRA_NAME - 1;
		memset(&name, 0, sizeof(name));
		memcpy(name.s, from, n);
		place = lutra_place_next(place, &name, (uint32_t)n);
		if (before == LUTRA_PLACE_DATA)
			ret->root_len = pos;
		pos = end ? (size_t)(end - path) : len;
		if (before == LUTRA_PLACE_DATA)
			ret->own_len = pos;
	}
	ret->place = lutra_place_end(place, &name, (uint32_t)n);
}

static bool is_own(uint8_t place)
{
	return place == LUTRA_PLACE_OWN || place == LUTRA_PLACE_OWN_DEEP;
}

/* Returns the number of a name, or NO_NAME. */
static uint32_t find_known_name(const struct object_keys *k, const char *name, size_t len)
{
	uint32_t i;

	return intern_find(k->names, name, len, &i) ? i : NO_NAME;
}

/* Sets the part of the key that a path decides. Returns false if it has a name that is new. */
static bool find_path_key(const struct object_keys *k, const char *path, size_t len,
			  struct object_key *key)
{
	struct path_parts parts;
	uint32_t root;

	take_apart(path, len, &parts);
	key->place = parts.place;
	if (key->verb == OBJECT_VERB_EXEC && parts.place == LUTRA_PLACE_USR) {
		key->name = find_known_name(k, path, len);
		return key->name != NO_NAME;
	}
	if (!is_own(parts.place))
		return true;
	root = find_known_name(k, path, parts.root_len);
	key->name = find_known_name(k, path, parts.own_len);
	if (root != NO_NAME && k->varies[root] &&
	    (key->name == NO_NAME || k->run[key->name] != RUN_MANY))
		key->name = root; /* stands for its names that vary */
	return key->name != NO_NAME;
}

/* Returns 1 and the key of an object; 0 if it has none; -ENOENT if it is new. */
static int build_object_key(const struct object_keys *k, const struct lutra_object *o,
			    const char *path, size_t len, struct object_key *ret)
{
	*ret = (struct object_key){object_verb(o), 0, NO_NAME};
	if (ret->verb == OBJECT_VERB_NONE)
		return 0;
	if (ret->verb >= OBJECT_VERB_CONNECT && ret->verb <= OBJECT_VERB_SEND &&
	    o->family != LUTRA_AF_UNIX) {
		ret->place = o->family;
		if (o->family == LUTRA_AF_INET || o->family == LUTRA_AF_INET6) {
			ret->place = LUTRA_AF_INET;
			ret->name = o->port < PORT_EPHEMERAL ? o->port : PORT_EPHEMERAL;
		}
		return 1;
	}
	if (ret->verb >= OBJECT_VERB_CONNECT && ret->verb <= OBJECT_VERB_SEND) {
		struct object_key of_path = *ret;

		if (!find_path_key(k, path, len, &of_path))
			return -ENOENT;
		/* Above all families: a socket's name is told apart by its place alone. */
		ret->place = 1u << 16 | of_path.place;
		return 1;
	}
	return find_path_key(k, path, len, ret) ? 1 : -ENOENT;
}

uint32_t object_keys_find(const struct object_keys *k, const struct lutra_object *o,
			  const char *path, size_t len)
{
	struct object_key key;
	uint32_t i;
	int r = build_object_key(k, o, path, len, &key);

	if (r <= 0)
		return r ? OBJECT_KEYS_NEW : OBJECT_KEYS_NONE;
	return intern_find(k->keys, &key, sizeof(key), &i) ? i : OBJECT_KEYS_NEW;
}

uint32_t object_keys_count(const struct object_keys *k)
{
	return intern_count(k->keys);
}

/* ---- learning ---- */

static void corpus_object(const struct corpus *c, uint32_t i, struct run_object *o,
			  const char **path, size_t *len)
{
	run_names_object(&c->names, i, o);
	*path = "";
	*len = 0;
	if (o->path != RUN_NO_PATH)
		*path = intern_get(c->names.paths, o->path, len);
}

static int add_known_name(struct object_keys *k, size_t *sizes, const char *name, size_t len,
			  uint32_t *ret)
{
	uint32_t before = intern_count(k->names);
	int r = intern_add(k->names, name, len, ret);

	if (r < 0)
		return r;
	if (ARRAY_RESERVE(k->varies, sizes[0], *ret + 1) < 0 ||
	    ARRAY_RESERVE(k->run, sizes[1], *ret + 1) < 0)
		return -ENOMEM;
	if (*ret == before)
		k->run[*ret] = RUN_NONE;
	return 0;
}

/* Notes the names of an object that a run had. */
static int learn_names(struct object_keys *k, size_t *sizes, const struct corpus *c,
		       uint32_t object, uint32_t run)
{
	struct run_object o;
	struct path_parts parts;
	const char *path;
	uint32_t name;
	size_t len;
	int r;

	corpus_object(c, object, &o, &path, &len);
	take_apart(path, len, &parts);
	if (o.object.op == LUTRA_OP_EXEC && parts.place == LUTRA_PLACE_USR)
		return add_known_name(k, sizes, path, len, &name);
	if (!is_own(parts.place) || object_verb(&o.object) == OBJECT_VERB_NONE)
		return 0;
	r = add_known_name(k, sizes, path, parts.root_len, &name);
	if (r == 0)
		r = add_known_name(k, sizes, path, parts.own_len, &name);
	if (r < 0)
		return r;
	if (k->run[name] == RUN_NONE)
		k->run[name] = run;
	else if (k->run[name] != run)
		k->run[name] = RUN_MANY;
	return 0;
}

/* A data root varies if two runs have names in it that no other run has. */
static int find_varying_roots(struct object_keys *k)
{
	uint32_t n = intern_count(k->names);
	_cleanup_free_ uint32_t *first = calloc(n + 1, sizeof(*first)); /* run + 1 */

	if (!first)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		size_t len;
		const char *name = intern_get(k->names, i, &len);
		uint32_t root;

		if (k->run[i] >= RUN_NONE)
			continue;
		while (len && name[len - 1] != '/')
			len--;
		if (!len || !intern_find(k->names, name, len - 1, &root))
			continue;
		if (first[root] && first[root] != k->run[i] + 1)
			k->varies[root] = 1;
		first[root] = k->run[i] + 1;
	}
	return 0;
}

/* Gives each object its key. Keys get their numbers in the order of the objects. */
static int learn_keys(struct object_keys *k, const struct corpus *c, uint32_t *ret_key)
{
	uint32_t n = intern_count(c->names.objects);

	for (uint32_t i = 0; i < n; i++) {
		struct object_key key;
		struct run_object o;
		const char *path;
		size_t len;
		int r;

		corpus_object(c, i, &o, &path, &len);
		r = build_object_key(k, &o.object, path, len, &key);
		ret_key[i] = r ? OBJECT_KEYS_NEW : OBJECT_KEYS_NONE;
		if (r > 0) {
			r = intern_add(k->keys, &key, sizeof(key), &ret_key[i]);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int object_keys_learn(struct object_keys *ret, const struct corpus *c, const uint8_t *const *seen,
		      uint32_t **ret_key)
{
	uint32_t n = intern_count(c->names.objects);
	_cleanup_free_ uint32_t *key = calloc(n + 1, sizeof(*key));
	size_t sizes[2] = {0, 0};
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!key || intern_new(&ret->names) < 0 || intern_new(&ret->keys) < 0)
		return -ENOMEM;
	for (uint32_t run = 0; run < c->n_runs; run++) {
		for (uint32_t i = 0; i < n; i++) {
			r = seen[run][i] ? learn_names(ret, sizes, c, i, run) : 0;
			if (r < 0)
				return r;
		}
	}
	r = find_varying_roots(ret);
	if (r == 0)
		r = learn_keys(ret, c, key);
	if (r == 0)
		*ret_key = TAKE_PTR(key);
	return r;
}

void object_keys_done(struct object_keys *k)
{
	intern_free(k->names);
	intern_free(k->keys);
	free(k->varies);
	free(k->run);
	memset(k, 0, sizeof(*k));
}

/* ---- text ---- */

static const char *const verb_names[OBJECT_VERBS] = {
	"none",	  "read",   "write", "list",  "exec",  "map",	   "connect", "bind",	 "send",
	"unlink", "rename", "link",  "mkdir", "chmod", "truncate", "mknod",   "setxattr"};

static const char *const place_names[LUTRA_PLACE_COUNT] = {
	"other", "lib", "usr",	"etc",	"secret", "proc", "dev", "run", "tmp", "home",
	"log",	 "own", "own/", "data", "",	  "",	  "",	 "",	"",    ""};

void object_keys_describe(const struct object_keys *k, uint32_t i, char ret[OBJECT_KEYS_TEXT])
{
	struct object_key key;
	size_t len;

	if (i >= intern_count(k->keys)) {
		snprintf(ret, OBJECT_KEYS_TEXT, "%s", i == OBJECT_KEYS_NEW ? "new" : "none");
		return;
	}
	memcpy(&key, intern_get(k->keys, i, &len), sizeof(key));
	if (key.verb < OBJECT_VERB_CONNECT || key.verb > OBJECT_VERB_SEND) {
		const char *name = key.name == NO_NAME ? "" : intern_get(k->names, key.name, &len);

		snprintf(ret, OBJECT_KEYS_TEXT, "%s %s%s%.*s", verb_names[key.verb],
			 place_names[key.place], key.name == NO_NAME ? "" : " ",
			 key.name == NO_NAME ? 0 : (int)len, name);
	} else if (key.place >> 16) {
		snprintf(ret, OBJECT_KEYS_TEXT, "%s unix %s", verb_names[key.verb],
			 place_names[key.place & 0xffff]);
	} else if (key.name != NO_NAME && key.name < PORT_EPHEMERAL) {
		snprintf(ret, OBJECT_KEYS_TEXT, "%s ip %u", verb_names[key.verb], key.name);
	} else {
		snprintf(ret, OBJECT_KEYS_TEXT, "%s family %u", verb_names[key.verb], key.place);
	}
}
