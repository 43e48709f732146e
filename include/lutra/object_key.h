/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The key of an object. To level M, objects with the same key are the same. A key is coarser than
 * an object token. It consists of the verb of the operation and of a description of the object:
 *
 *   - connect, bind and send, to another address than that of a Unix socket: the address family,
 *     and for IP the port if it is below LUTRA_EPHEMERAL_PORT;
 *   - execution of a program in a program directory: the path;
 *   - any other object: the class of its path (lutra/path_class.h). For a path below a data root,
 *     also the data root and the next component. If the names in the data root vary, the data root
 *     alone.
 *
 * A policy holds a hash of each of its keys, made with the policy's hash key. Training computes
 * hashes with these functions too.
 */
#ifndef LUTRA_OBJECT_KEY_H
#define LUTRA_OBJECT_KEY_H

#include "lutra/abi.h"
#include "lutra/object_token.h"
#include "lutra/path_class.h"

enum lutra_verb {
	LUTRA_VERB_NONE,
	LUTRA_VERB_OPEN_READ,
	LUTRA_VERB_OPEN_WRITE,
	LUTRA_VERB_OPEN_DIR,
	LUTRA_VERB_EXEC,
	LUTRA_VERB_MAPX,
	LUTRA_VERB_CONNECT,
	LUTRA_VERB_BIND,
	LUTRA_VERB_SEND,
	LUTRA_VERB_UNLINK, /* rmdir too */
	LUTRA_VERB_RENAME,
	LUTRA_VERB_LINK, /* symlink too */
	LUTRA_VERB_MKDIR,
	LUTRA_VERB_CHMOD, /* chown too */
	LUTRA_VERB_TRUNCATE,
	LUTRA_VERB_MKNOD,
	LUTRA_VERB_XATTR,
	LUTRA_VERB_COUNT
};

/* Returns the verb of an operation; LUTRA_VERB_NONE: level M leaves it out. */
static __always_inline __u32 lutra_object_verb(const struct lutra_object *o)
{
	/*
	 * Not 32 bytes: clang puts constants of that size apart, and libbpf 1.1 cannot link them.
	 */
	static const __u8 verb[64] = {
		[LUTRA_OP_OPEN] = LUTRA_VERB_OPEN_READ,
		[LUTRA_OP_EXEC] = LUTRA_VERB_EXEC,
		[LUTRA_OP_MAPX] = LUTRA_VERB_MAPX,
		[LUTRA_OP_CONNECT] = LUTRA_VERB_CONNECT,
		[LUTRA_OP_BIND] = LUTRA_VERB_BIND,
		[LUTRA_OP_SEND] = LUTRA_VERB_SEND,
		[LUTRA_OP_UNLINK] = LUTRA_VERB_UNLINK,
		[LUTRA_OP_RMDIR] = LUTRA_VERB_UNLINK,
		[LUTRA_OP_RENAME_FROM] = LUTRA_VERB_RENAME,
		[LUTRA_OP_RENAME_TO] = LUTRA_VERB_RENAME,
		[LUTRA_OP_LINK_FROM] = LUTRA_VERB_LINK,
		[LUTRA_OP_LINK_TO] = LUTRA_VERB_LINK,
		[LUTRA_OP_SYMLINK] = LUTRA_VERB_LINK,
		[LUTRA_OP_MKDIR] = LUTRA_VERB_MKDIR,
		[LUTRA_OP_CHMOD] = LUTRA_VERB_CHMOD,
		[LUTRA_OP_CHOWN] = LUTRA_VERB_CHMOD,
		[LUTRA_OP_TRUNCATE] = LUTRA_VERB_TRUNCATE,
		[LUTRA_OP_MKNOD] = LUTRA_VERB_MKNOD,
		[LUTRA_OP_SETXATTR] = LUTRA_VERB_XATTR,
	};
	__u32 v = verb[o->op & 63];

	if (v != LUTRA_VERB_OPEN_READ)
		return v;
	if (o->mode >> 12 == 4) /* S_IFDIR */
		return LUTRA_VERB_OPEN_DIR;
	return o->flags & LUTRA_OBJ_WRITE ? LUTRA_VERB_OPEN_WRITE : LUTRA_VERB_OPEN_READ;
}
_Static_assert(LUTRA_OP_COUNT <= 64, "one verb an operation");

/* Scratch for the search of a key. Aligned to 8. */
struct lutra_key_search {
	struct lutra_name fold;
	__u64 hash;	 /* of the components of the path so far, from the root */
	__u64 data_root; /* of the components up to the data root, if the path is below one */
	__u64 data_name; /* of the components up to the name in the data root */
	/* The two hashes that the key may have. If the policy has both, the first one counts. */
	__u64 own;    /* 0: level M leaves the object out */
	__u64 varies; /* if names in the data root vary; 0: the path is not below a data root */
	__u8 place;   /* enum lutra_place */
	__u8 whole;   /* 1: hash is to be that of the whole path */
	__u8 pad[6];
};

/* Returns true if a key may depend on the components up to one that leads to place. */
static __always_inline int lutra_key_needs_hash(__u32 whole, __u32 place)
{
	if (place == LUTRA_PLACE_USR || place == LUTRA_PLACE_USR_TOP)
		return whole != 0;
	return place >= LUTRA_PLACE_LOG && place != LUTRA_PLACE_ETC_TOP &&
	       place != LUTRA_PLACE_RUN_TOP;
}

/* Continues the search with component `at` of a path. Returns 0. */
LUTRA_FN __u32 lutra_key_walk(struct lutra_key_search *s, const struct lutra_path *path, __u32 at,
			      const struct lutra_hash_key *key)
{
	const struct lutra_name *name;
	__u32 len;
	__u8 before;

	if (!s || !path || !key)
		return 0;
	before = s->place;
	if (before == LUTRA_PLACE_OWN) {
		/* Any name leads there, and the key does not depend on it. */
		s->place = LUTRA_PLACE_OWN_DEEP;
		return 0;
	}
	at &= LUTRA_COMPONENTS - 1;
	name = (const struct lutra_name *)(const void *)path->name[at];
	len = path->len[at];
	/* The first 63 bytes of a longer component count. */
	len = len < LUTRA_NAME - 1 ? len : LUTRA_NAME - 1;
	if (lutra_has_digit(name, len)) {
		len = lutra_fold_name(name, len, &s->fold);
		name = &s->fold;
	}
	s->place = lutra_place_next(before, name, len);
	if (before == LUTRA_PLACE_DATA)
		s->data_root = s->hash;
	if (lutra_key_needs_hash(s->whole, s->place)) {
		s->hash = (s->hash ^ lutra_key_words(name, len, key, 0)) * 0x9e3779b97f4a7c15ull;
		s->hash ^= s->hash >> 32;
	}
	if (before == LUTRA_PLACE_DATA)
		s->data_name = s->hash;
	return 0;
}

/*
 * Returns true if the rest of the path changes neither the path's class nor its hash: all paths
 * below the last component have one class, or the last component is below a directory in a data
 * root.
 */
static __always_inline int lutra_key_is_final(const struct lutra_key_search *s)
{
	if (s->whole && s->place == LUTRA_PLACE_USR)
		return 0;
	return s->place < LUTRA_PLACE_LOG || s->place == LUTRA_PLACE_OWN_DEEP;
}

/* Returns the hash of a key. Its low byte is 0. name: hash of the path, or the port, or 0. */
static __always_inline __u64 lutra_key_hash(__u32 verb, __u32 place, __u64 name)
{
	__u64 h = (name ^ ((__u64)verb << 24 | place)) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 29) * 0xd6e8feb86659fd93ull;
	h ^= h >> 32;
	return h & ~0xffull ? h & ~0xffull : 0x100;
}

/*
 * In the hash of a Unix socket, or-ed with the class of its path. Its bit is above all address
 * families, so that no other socket has the same hash.
 */
#define LUTRA_KEY_UNIX 0x10000u

/* Sets the hash of a socket that has no path. */
static __always_inline void lutra_key_of_address(const struct lutra_object *o, __u32 verb,
						 struct lutra_key_search *s)
{
	__u32 family = o->family, port = 0;

	if (family == LUTRA_AF_INET || family == LUTRA_AF_INET6) {
		family = LUTRA_AF_INET;
		port = o->port < LUTRA_EPHEMERAL_PORT ? o->port : LUTRA_EPHEMERAL_PORT;
	}
	s->own = lutra_key_hash(verb, family, port);
}

/* Sets the hashes of a path after its last component. place: its class. */
static __always_inline void lutra_key_of_path(struct lutra_key_search *s, __u32 verb, __u32 place)
{
	__u32 is_own = place == LUTRA_PLACE_OWN || place == LUTRA_PLACE_OWN_DEEP;

	if (verb >= LUTRA_VERB_CONNECT && verb <= LUTRA_VERB_SEND) {
		s->own = lutra_key_hash(verb, LUTRA_KEY_UNIX | place, 0);
	} else if (verb == LUTRA_VERB_EXEC && place == LUTRA_PLACE_USR) {
		s->own = lutra_key_hash(verb, place, s->hash);
	} else {
		s->own = lutra_key_hash(verb, place, is_own ? s->data_name : 0);
		if (is_own)
			s->varies = lutra_key_hash(verb, place, s->data_root);
	}
}

/*
 * Computes the hashes that the key of an object may have. path: of an object that has one. key: the
 * policy's hash key. Returns 0.
 */
LUTRA_FN __u32 lutra_key_compute(const struct lutra_object *o, const struct lutra_path *path,
				 const struct lutra_hash_key *key, struct lutra_key_search *s)
{
	__u32 verb, n, i, place = LUTRA_PLACE_OTHER;

	if (!o || !path || !key || !s)
		return 0;
	verb = lutra_object_verb(o);
	s->own = s->varies = 0;
	if (verb == LUTRA_VERB_NONE)
		return 0;
	if (verb >= LUTRA_VERB_CONNECT && verb <= LUTRA_VERB_SEND && o->family != LUTRA_AF_UNIX) {
		lutra_key_of_address(o, verb, s);
		return 0;
	}
	n = path->n;
	if (o->flags & LUTRA_OBJ_PATH &&
	    !(path->flags & (LUTRA_PATH_UNRESOLVED | LUTRA_PATH_DETACHED))) {
		s->hash = s->data_root = s->data_name = 0;
		s->place = LUTRA_PLACE_ROOT;
		s->whole = verb == LUTRA_VERB_EXEC;
		for (i = 0; i < LUTRA_COMPONENTS; i++) {
			if (i >= n || lutra_key_is_final(s))
				break;
			lutra_key_walk(s, path, n - 1 - i, key);
		}
		n = path->len[0];
		place = lutra_place_end(s->place,
					(const struct lutra_name *)(const void *)path->name[0],
					path->n > LUTRA_COMPONENTS || n > LUTRA_NAME - 1 ? 0 : n);
	}
	lutra_key_of_path(s, verb, place);
	return 0;
}

/* Returns the slot in which the search for a hash begins. */
static __always_inline __u32 lutra_key_slot(__u64 seed, __u64 hash)
{
	return lutra_object_slot(seed, hash) & (LUTRA_KEY_SLOTS - 1);
}

/* Returns the number of the key that has a hash, or LUTRA_KEY_NEW if the policy has no such key. */
LUTRA_FN __u32 lutra_key_find(const struct lutra_policy *p, __u64 hash)
{
	__u32 slot;

	if (!p)
		return 0;
	slot = lutra_key_slot(p->key_seed, hash);
	for (__u32 i = 0; i < LUTRA_PROBE; i++) {
		__u64 k = p->key[(slot + i) & (LUTRA_KEY_SLOTS - 1)];

		if (k == 0)
			break;
		if ((k ^ hash) >> 8 == 0)
			return (__u32)(k & 0xff);
	}
	return LUTRA_KEY_NEW;
}

/*
 * Returns the number of an object's key, LUTRA_KEY_NEW or LUTRA_KEY_NONE. Level M leaves out an
 * operation that the recordings could not see.
 */
static __always_inline __u32 lutra_object_key(const struct lutra_policy *p,
					      const struct lutra_object *o,
					      const struct lutra_path *path,
					      struct lutra_key_search *s)
{
	__u32 key;

	if (!(p->ops >> (o->op & 31) & 1))
		return LUTRA_KEY_NONE;
	lutra_key_compute(o, path, (const struct lutra_hash_key *)(const void *)p->hash_key, s);
	if (!s->own)
		return LUTRA_KEY_NONE;
	key = lutra_key_find(p, s->own);
	if (key == LUTRA_KEY_NEW && s->varies)
		key = lutra_key_find(p, s->varies);
	return key;
}

#endif
