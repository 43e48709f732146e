/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides which of the hashes that lutra/object_key.h computes are keys, and finds the key of an
 * object by its hashes.
 */
#include "trainer/data/stream/object_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/base/array.h"
#include "lutra/object_key.h"

#define RUN_MANY UINT32_MAX

/* An object, its path, and the hashes that its key may have. */
struct searched_object {
	struct lutra_object object;
	struct lutra_path path;
	struct lutra_key_search search;
};

int object_keys_init(struct object_keys *k, const uint64_t hash_key[2], uint32_t ops)
{
	memset(k, 0, sizeof(*k));
	memcpy(k->hash_key, hash_key, sizeof(k->hash_key));
	k->ops = ops;
	return number_map_init(&k->hashes);
}

void object_keys_done(struct object_keys *k)
{
	number_map_done(&k->hashes);
	free(k->text);
	memset(k, 0, sizeof(*k));
}

uint32_t object_keys_count(const struct object_keys *k)
{
	return (uint32_t)k->hashes.n;
}

int object_keys_add(struct object_keys *k, uint64_t hash, const char *text)
{
	uint32_t i;
	int r = number_map_add(&k->hashes, hash, &i);

	if (r < 0)
		return r;
	if (ARRAY_RESERVE(k->text, k->text_size, i + 1) < 0)
		return -ENOMEM;
	snprintf(k->text[i], sizeof(k->text[i]), "%s", text);
	return 0;
}

static void search_object(const struct object_keys *k, const char *path, size_t len,
			  struct searched_object *s)
{
	struct lutra_hash_key key;

	memcpy(key.k, k->hash_key, sizeof(key.k));
	memset(&s->path, 0, sizeof(s->path));
	memset(&s->search, 0, sizeof(s->search));
	if (s->object.flags & LUTRA_OBJ_PATH)
		path_text_parse(path, len, &s->path);
	if (k->ops >> (s->object.op & 31) & 1)
		lutra_key_compute(&s->object, &s->path, &key, &s->search);
}

/* Returns the key of the first of the two hashes that is a key. */
static uint32_t find_searched(const struct object_keys *k, const struct lutra_key_search *s)
{
	uint32_t i;

	if (!s->own)
		return OBJECT_KEYS_NONE;
	if (number_map_find(&k->hashes, s->own, &i) ||
	    (s->varies && number_map_find(&k->hashes, s->varies, &i)))
		return i;
	return OBJECT_KEYS_NEW;
}

uint32_t object_keys_find(const struct object_keys *k, const struct lutra_object *o,
			  const char *path, size_t len)
{
	struct searched_object s = {.object = *o};

	search_object(k, path, len, &s);
	return find_searched(k, &s.search);
}

/* ---- text ---- */

static const char *const verb_names[LUTRA_VERB_COUNT] = {
	"none",	  "read",   "write", "list",  "exec",  "map",	   "connect", "bind",	 "send",
	"unlink", "rename", "link",  "mkdir", "chmod", "truncate", "mknod",   "setxattr"};

static const char *const place_names[LUTRA_PLACE_COUNT] = {
	"other", "lib", "usr",	"etc",	"secret", "proc", "dev", "run", "tmp", "home",
	"log",	 "own", "own/", "data", "",	  "",	  "",	 "",	"",    ""};

static bool is_socket(const struct lutra_object *o, uint32_t verb)
{
	return verb >= LUTRA_VERB_CONNECT && verb <= LUTRA_VERB_SEND && o->family != LUTRA_AF_UNIX;
}

/*
 * Returns the length of the path up to the name in its data root; root_only: up to the data root.
 */
static size_t own_name_bytes(const struct searched_object *s, const char *path, size_t len,
			     bool root_only)
{
	uint8_t place = LUTRA_PLACE_ROOT;
	size_t pos = 0;

	for (uint32_t i = s->path.n; i > 0 && place != LUTRA_PLACE_OWN; i--) {
		const struct lutra_name *name =
			(const void *)s->path.name[(i - 1) & (LUTRA_COMPONENTS - 1)];
		const char *end = pos + 1 < len ? memchr(path + pos + 1, '/', len - pos - 1) : NULL;

		if (place == LUTRA_PLACE_DATA && root_only)
			break;
		place = lutra_place_next(place, name,
					 s->path.len[(i - 1) & (LUTRA_COMPONENTS - 1)]);
		pos = end ? (size_t)(end - path) : len;
	}
	return pos;
}

/* Writes a key in words. s->search must be that of the object. */
static void describe_key(const struct searched_object *s, const char *path, size_t len,
			 bool root_only, char ret[OBJECT_KEYS_TEXT])
{
	uint32_t verb = lutra_object_verb(&s->object), place = s->search.place, n = s->path.len[0];

	if (is_socket(&s->object, verb)) {
		if (s->object.family != LUTRA_AF_INET && s->object.family != LUTRA_AF_INET6)
			snprintf(ret, OBJECT_KEYS_TEXT, "%s family %u", verb_names[verb],
				 s->object.family);
		else if (s->object.port < LUTRA_EPHEMERAL_PORT)
			snprintf(ret, OBJECT_KEYS_TEXT, "%s ip %u", verb_names[verb],
				 s->object.port);
		else
			snprintf(ret, OBJECT_KEYS_TEXT, "%s ip", verb_names[verb]);
		return;
	}
	if (!(s->object.flags & LUTRA_OBJ_PATH) ||
	    s->path.flags & (LUTRA_PATH_UNRESOLVED | LUTRA_PATH_DETACHED))
		place = LUTRA_PLACE_OTHER;
	else
		place = lutra_place_end((uint8_t)place, (const void *)s->path.name[0],
					s->path.n > LUTRA_COMPONENTS || n > LUTRA_NAME - 1 ? 0 : n);
	if (verb >= LUTRA_VERB_CONNECT && verb <= LUTRA_VERB_SEND) {
		snprintf(ret, OBJECT_KEYS_TEXT, "%s unix %s", verb_names[verb], place_names[place]);
		return;
	}
	if (s->search.varies)
		len = own_name_bytes(s, path, len, root_only);
	else if (verb != LUTRA_VERB_EXEC || place != LUTRA_PLACE_USR)
		len = 0;
	snprintf(ret, OBJECT_KEYS_TEXT, "%s %s%s%.*s", verb_names[verb], place_names[place],
		 len ? " " : "", (int)len, path);
}

const char *object_keys_text(const struct object_keys *k, uint32_t key)
{
	if (key < object_keys_count(k))
		return k->text[key];
	return key == OBJECT_KEYS_NEW ? "new" : "none";
}

/* ---- learning ---- */

/* The names in data roots, by the hashes of their paths. */
struct data_names {
	struct number_map names, roots;
	uint32_t *run;	    /* (names): 1 + the only run that has the name, or RUN_MANY */
	uint32_t *root;	    /* (names): its data root */
	uint32_t *n_names;  /* (roots): names in the data root */
	uint32_t *alone_in; /* (roots): 1 + the only run with names of its own; RUN_MANY; 0: none */
	size_t run_size, root_size, n_names_size, alone_size;
};

static void data_names_done(struct data_names *d)
{
	number_map_done(&d->names);
	number_map_done(&d->roots);
	free(d->run);
	free(d->root);
	free(d->n_names);
	free(d->alone_in);
}

static void search_corpus_object(const struct object_keys *k, const struct corpus *c, uint32_t i,
				 struct searched_object *s, const char **ret_path, size_t *ret_len)
{
	struct run_object o;

	run_names_object(&c->names, i, &o);
	s->object = o.object;
	*ret_path = "";
	*ret_len = 0;
	if (o.path != RUN_NO_PATH)
		*ret_path = intern_get(c->names.paths, o.path, ret_len);
	search_object(k, *ret_path, *ret_len, s);
}

/* Notes that a run had a name in a data root. */
static int note_data_name(struct data_names *d, const struct lutra_key_search *s, uint32_t run)
{
	size_t n_names = d->names.n, n_roots = d->roots.n;
	uint32_t root = 0, name = 0;
	int r = number_map_add(&d->roots, s->data_root, &root);

	if (r == 0)
		r = number_map_add(&d->names, s->data_name, &name);
	if (r < 0)
		return r;
	if (ARRAY_RESERVE(d->run, d->run_size, d->names.n) < 0 ||
	    ARRAY_RESERVE(d->root, d->root_size, d->names.n) < 0 ||
	    ARRAY_RESERVE(d->n_names, d->n_names_size, d->roots.n) < 0 ||
	    ARRAY_RESERVE(d->alone_in, d->alone_size, d->roots.n) < 0)
		return -ENOMEM;
	if (d->roots.n > n_roots)
		d->n_names[root] = d->alone_in[root] = 0;
	if (d->names.n > n_names) {
		d->run[name] = run + 1;
		d->root[name] = root;
		d->n_names[root]++;
	} else if (d->run[name] != run + 1) {
		d->run[name] = RUN_MANY;
	}
	return 0;
}

static int note_data_names(struct data_names *d, const struct object_keys *k,
			   const struct corpus *c, const uint8_t *const *seen)
{
	uint32_t n = intern_count(c->names.objects);

	for (uint32_t i = 0; i < n; i++) {
		struct searched_object s;
		const char *path;
		size_t len;

		search_corpus_object(k, c, i, &s, &path, &len);
		for (uint32_t run = 0; s.search.varies && run < c->n_runs; run++) {
			int r = seen[run][i] ? note_data_name(d, &s.search, run) : 0;

			if (r < 0)
				return r;
		}
	}
	for (size_t i = 0; i < d->names.n; i++) {
		uint32_t *alone = &d->alone_in[d->root[i]];

		if (d->run[i] != RUN_MANY)
			*alone = !*alone || *alone == d->run[i] ? d->run[i] : RUN_MANY;
	}
	return 0;
}

/* Returns true if the key of the data root stands for a name in it. */
static bool shares_root_key(const struct data_names *d, const struct lutra_key_search *s)
{
	uint32_t name, root;

	if (!s->varies || !number_map_find(&d->names, s->data_name, &name))
		return false;
	root = d->root[name];
	return d->n_names[root] > OBJECT_KEYS_NAMES ||
	       (d->alone_in[root] == RUN_MANY && d->run[name] != RUN_MANY);
}

/* Returns true if a run that is trained on had the object. */
static bool is_trained_object(const struct corpus *c, const uint8_t *const *seen, uint32_t object)
{
	for (uint32_t run = 0; run < c->n_runs; run++)
		if (seen[run][object])
			return true;
	return false;
}

/* Adds the keys of the objects that training runs had, in the order of the objects. */
static int learn_keys(struct object_keys *k, const struct data_names *d, const struct corpus *c,
		      const uint8_t *const *seen)
{
	uint32_t n = intern_count(c->names.objects);
	size_t n_before = k->hashes.n;

	for (uint32_t i = 0; i < n; i++) {
		struct searched_object s;
		char text[OBJECT_KEYS_TEXT];
		uint32_t known;
		const char *path;
		size_t len;
		bool shares;
		int r;

		search_corpus_object(k, c, i, &s, &path, &len);
		if (!s.search.own || !is_trained_object(c, seen, i))
			continue;
		known = find_searched(k, &s.search);
		if (known < n_before) /* the key that the old policy has for the object stays */
			continue;
		shares = shares_root_key(d, &s.search);
		describe_key(&s, path, len, shares, text);
		if (number_map_find(&k->hashes, shares ? s.search.varies : s.search.own, &known))
			continue;
		r = object_keys_add(k, shares ? s.search.varies : s.search.own, text);
		if (r < 0)
			return r;
	}
	return 0;
}

int object_keys_learn(struct object_keys *k, const struct corpus *c, const uint8_t *const *seen,
		      uint32_t **ret_key)
{
	uint32_t n = intern_count(c->names.objects);
	_cleanup_free_ uint32_t *key = calloc(n + 1, sizeof(*key));
	_cleanup_(data_names_done) struct data_names d = {0};
	int r = key ? number_map_init(&d.names) : -ENOMEM;

	if (r == 0)
		r = number_map_init(&d.roots);
	if (r == 0)
		r = note_data_names(&d, k, c, seen);
	if (r == 0)
		r = learn_keys(k, &d, c, seen);
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		struct searched_object s;
		const char *path;
		size_t len;

		search_corpus_object(k, c, i, &s, &path, &len);
		key[i] = find_searched(k, &s.search);
	}
	if (r == 0)
		*ret_key = TAKE_PTR(key);
	return r;
}
