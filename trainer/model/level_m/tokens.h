/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alphabet of level M: a token for each (role, system call) and each (role, key of an object)
 * that training saw. A symbol is a system call or a key. There are at most 253 tokens. If training
 * saw more, tokens of role 0 are merged with the token of the same symbol in a higher role, rarest
 * first. Then tokens of role 1 are merged, and so on. If there are still too many, the rarest keys
 * of objects get no token: level M leaves them out.
 *
 * Some system calls have no token at all: those that an allocator or a lock makes, tokens_has_none().
 * Whether one comes between two others depends on how full a heap is, and on what other threads do.
 */
#ifndef LUTRA_TRAINER_MODEL_LEVEL_M_TOKENS_H
#define LUTRA_TRAINER_MODEL_LEVEL_M_TOKENS_H

#include "trainer/data/run_iter.h"
#include "trainer/data/stream/object_keys.h"

#define TOKENS_RUN_MANY UINT32_MAX

struct tokens {
	struct object_keys keys;
	uint32_t *key_of; /* (objects of the corpus): key of the object */
	uint32_t n_keys;
	uint32_t v; /* number of tokens, PAD and UNK included */
	/* (LUTRA_NR + n_keys): tokens of system calls, then of keys; LUTRA_PAD: it is left out. */
	uint8_t *symbol[LUTRA_ROLE_ROWS];
	uint32_t run[LUTRA_V_MAX + 1]; /* by token: the only run that had it, or TOKENS_RUN_MANY */
	bool calls_only;	       /* of struct tokens_source */
};

/* How to read runs. */
struct tokens_source {
	const struct corpus *corpus;
	/*
	 * steady and first_stays decide the roles. hash_key hashes the keys of objects. Objects
	 * whose operation is not in ops have no key.
	 */
	const struct lutra_policy *roles;
	bool sessions; /* events of exec sessions count too */
	unsigned threads;
	/*
	 * The policy that is updated, with its model loaded, or NULL. Its tokens and keys stay. Its
	 * runs are the first ones of the corpus, and have no stream of events.
	 */
	const struct policy *old;
	/* For a baseline: objects are left out, repeated tokens count, each system call has one. */
	bool calls_only;
};

/* Returns true if the levels leave a system call out, however often the runs made it. */
bool tokens_has_none(size_t nr);

/*
 * Builds the alphabet of a corpus. In an update, symbols that only the new runs had get the tokens
 * after those of the old policy: system calls first, then keys, the most frequent first, while
 * there is room. Without room, a new system call shares the token of another one, and a new key is
 * left out. The caller calls tokens_done(ret), also after a failure.
 * Returns 0, -E2BIG if there are too many names or system calls, or -ENOMEM.
 */
int tokens_build(struct tokens *ret, const struct tokens_source *src);
void tokens_done(struct tokens *t);

/*
 * If only one of the roles spawned and deeper made a system call, its token counts in both. If a
 * call opens a port or starts a thread and the role steady has no token for it, the token of
 * start-up counts there too. token: a row of LUTRA_NR tokens for each role.
 */
void tokens_share_roles(uint8_t *const token[LUTRA_ROLES]);

/* Returns the token of a system call. nr: LUTRA_NR or more: the call is UNK. */
static inline uint8_t tokens_syscall(const struct tokens *t, uint8_t role, uint32_t nr)
{
	return nr < LUTRA_NR ? t->symbol[role & (LUTRA_ROLE_ROWS - 1)][nr] : LUTRA_UNK;
}

/* Returns the token of an object's key, or LUTRA_PAD if it is left out. */
static inline uint8_t tokens_object(const struct tokens *t, uint8_t role, uint32_t key)
{
	if (key == OBJECT_KEYS_NONE)
		return LUTRA_PAD;
	return key < t->n_keys ? t->symbol[role & (LUTRA_ROLE_ROWS - 1)][LUTRA_NR + key]
			       : LUTRA_UNK;
}

/* Returns the token of an event of a run in the corpus, or LUTRA_PAD if it is left out. */
static inline uint8_t tokens_event(const struct tokens *t, const struct run_event *e)
{
	if (e->is_syscall)
		return tokens_syscall(t, e->state->role, e->nr);
	return e->is_worker || t->calls_only
		       ? LUTRA_PAD
		       : tokens_object(t, e->state->role, t->key_of[e->object]);
}

#endif
