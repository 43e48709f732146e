/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of an object: what level M tells objects apart by. It is coarser than a policy's object
 * token. A key has the kind of operation, and one of:
 *
 *   - the class of the path (lutra/path_class.h), below a data root with the first name there;
 *   - of the execution of a program of the image: its folded path;
 *   - of connect, bind and send: the family, and of IP the port if it is below 32768.
 *
 * The names in a data root vary if two training runs have names there that no other run has. Names
 * that one run has alone then share a key with all names that are new.
 */
#ifndef LUTRA_TRAINER_DATA_STREAM_OBJECT_KEYS_H
#define LUTRA_TRAINER_DATA_STREAM_OBJECT_KEYS_H

#include "trainer/data/corpus.h"

#define OBJECT_KEYS_NONE UINT32_MAX	 /* no hook counts this object: it has no token */
#define OBJECT_KEYS_NEW (UINT32_MAX - 1) /* no training run had the key */
#define OBJECT_KEYS_TEXT 64		 /* bytes of object_keys_describe() */

enum object_verb {
	OBJECT_VERB_NONE,
	OBJECT_VERB_OPEN_READ,
	OBJECT_VERB_OPEN_WRITE,
	OBJECT_VERB_OPEN_DIR,
	OBJECT_VERB_EXEC,
	OBJECT_VERB_MAPX,
	OBJECT_VERB_CONNECT,
	OBJECT_VERB_BIND,
	OBJECT_VERB_SEND,
	OBJECT_VERB_UNLINK, /* rmdir too */
	OBJECT_VERB_RENAME,
	OBJECT_VERB_LINK, /* symlink too */
	OBJECT_VERB_MKDIR,
	OBJECT_VERB_CHMOD, /* chown too */
	OBJECT_VERB_TRUNCATE,
	OBJECT_VERB_MKNOD,
	OBJECT_VERB_XATTR,
	OBJECT_VERBS
};

struct object_keys {
	struct intern *names; /* data roots, names in them as "ROOT/NAME", programs */
	uint8_t *varies;      /* (names): a data root whose names vary */
	uint32_t *run;	      /* (names): of a name in a data root: the run that has it alone */
	struct intern *keys;
};

/*
 * Learns the keys of all objects of a corpus. seen: (objects of the corpus) bytes for each run, not
 * 0 if the run had the object. *ret_key: (objects), the key of each, for the caller to free. The
 * caller calls object_keys_done(), also after a failure. Returns 0, -ENOMEM or -E2BIG.
 */
int object_keys_learn(struct object_keys *ret, const struct corpus *c, const uint8_t *const *seen,
		      uint32_t **ret_key);
void object_keys_done(struct object_keys *k);

/* Returns the number of keys. */
uint32_t object_keys_count(const struct object_keys *k);

/*
 * Returns the key of an object, OBJECT_KEYS_NONE or OBJECT_KEYS_NEW. path: folded, as
 * run_fold_path() and corpora have it, len bytes; "?" or empty: it has none.
 */
uint32_t object_keys_find(const struct object_keys *k, const struct lutra_object *o,
			  const char *path, size_t len);

/* Describes a key, for example "open own/ /srv/www". */
void object_keys_describe(const struct object_keys *k, uint32_t key, char ret[OBJECT_KEYS_TEXT]);

#endif
