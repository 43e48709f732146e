/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alphabet of level M: a token for each (role, system call) and each (role, key of an object)
 * that training saw. Of both together there are at most 253. With more, tokens of role 0 are merged
 * with those of the same symbol in a higher role, rarest first, then tokens of role 1, and so on. If
 * there are still too many, the rarest keys of objects get no token: they are left out of the stream.
 */
#ifndef LUTRA_TRAINER_MODEL_LEVEL_M_TOKENS_H
#define LUTRA_TRAINER_MODEL_LEVEL_M_TOKENS_H

#include "trainer/data/run_iter.h"
#include "trainer/data/stream/object_keys.h"

#define TOKENS_RUN_MANY UINT32_MAX

struct tokens {
	struct object_keys keys;
	uint32_t *key_of; /* (objects of the corpus): key */
	uint32_t n_keys;
	uint32_t v;			  /* number of tokens, PAD and UNK included */
	uint8_t *symbol[LUTRA_ROLE_ROWS]; /* (LUTRA_NR + n_keys): token of a system call, then of a
					     key; LUTRA_PAD: it is left out */
	uint32_t run[LUTRA_V_MAX + 1]; /* by token: the only run that had it, or TOKENS_RUN_MANY */
};

/* How to read runs: */
struct tokens_source {
	const struct corpus *corpus;
	const struct lutra_policy *roles; /* its steady and first_stays decide the roles */
	bool sessions;			  /* what exec sessions did counts too */
	unsigned threads;
};

/*
 * Builds the alphabet of a corpus. The caller calls tokens_done(ret), also after a failure.
 * Returns 0, -E2BIG if there are too many names, or -ENOMEM.
 */
int tokens_build(struct tokens *ret, const struct tokens_source *src);
void tokens_done(struct tokens *t);

/* Returns the token of a system call. nr: LUTRA_NR or more: of one through a foreign entry. */
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
	return e->is_syscall ? tokens_syscall(t, e->state->role, e->nr)
			     : tokens_object(t, e->state->role, t->key_of[e->object]);
}

#endif
