/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of objects in training. lutra/object_key.h describes keys and computes their hashes.
 * Training decides which names in data roots have a key of their own.
 *
 * The names in a data root vary if at least two training runs have names there that no other run
 * has. Then these names, and all names that are new, share one key: that of the data root. In a
 * data root with more than OBJECT_KEYS_NAMES names, all names share that key.
 */
#ifndef LUTRA_TRAINER_DATA_STREAM_OBJECT_KEYS_H
#define LUTRA_TRAINER_DATA_STREAM_OBJECT_KEYS_H

#include "lib/policy/policy.h"
#include "trainer/data/corpus.h"
#include "trainer/data/names/number_map.h"

#define OBJECT_KEYS_NONE UINT32_MAX	 /* level M leaves the object out */
#define OBJECT_KEYS_NEW (UINT32_MAX - 1) /* no training run had the key */
#define OBJECT_KEYS_TEXT POLICY_KEY_NAME /* bytes of a key in words */
#define OBJECT_KEYS_NAMES 128

struct object_keys {
	uint64_t hash_key[2];		/* of path components: the policy's */
	uint32_t ops;			/* bit for each enum lutra_op whose objects have keys */
	struct number_map hashes;	/* hash of each key; its index is the number of the key */
	char (*text)[OBJECT_KEYS_TEXT]; /* by number: the key in words */
	size_t text_size;
};

/*
 * Makes an empty set of keys. hash_key and ops: of the policy. The caller calls object_keys_done(),
 * also after a failure. Returns 0 or -ENOMEM.
 */
int object_keys_init(struct object_keys *k, const uint64_t hash_key[2], uint32_t ops);
void object_keys_done(struct object_keys *k);

/*
 * Adds a key that a policy has. Keys have numbers in the order in which they are added. Returns 0,
 * -E2BIG if there are too many, or -ENOMEM.
 */
int object_keys_add(struct object_keys *k, uint64_t hash, const char *text);

/*
 * Adds the keys of the objects of a corpus to those that the set has. seen: for each run an array
 * (objects of the corpus), not 0 if the run had the object. *ret_key: (objects), the key of each;
 * the caller frees it. Returns 0, -ENOMEM, or -E2BIG if there are too many keys.
 */
int object_keys_learn(struct object_keys *k, const struct corpus *c, const uint8_t *const *seen,
		      uint32_t **ret_key);

/* Returns the number of keys. */
uint32_t object_keys_count(const struct object_keys *k);

/*
 * Returns the key of an object, OBJECT_KEYS_NONE or OBJECT_KEYS_NEW. path: as recorded or folded,
 * len bytes; "?" or empty: the object has none.
 */
uint32_t object_keys_find(const struct object_keys *k, const struct lutra_object *o,
			  const char *path, size_t len);

/*
 * Returns a key in words, for example "read own/ /srv/www"; "new" for OBJECT_KEYS_NEW, "none" for
 * OBJECT_KEYS_NONE.
 */
const char *object_keys_text(const struct object_keys *k, uint32_t key);

#endif
