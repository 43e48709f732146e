/* SPDX-License-Identifier: Apache-2.0 */
/* The alphabet: which system call in which role has which token. */
#ifndef LUTRA_TRAINER_DATA_ALPHABET_H
#define LUTRA_TRAINER_DATA_ALPHABET_H

#include "trainer/data/run_iter.h"

struct alphabet {
	uint32_t v; /* number of tokens, PAD and UNK included */
	uint8_t token[LUTRA_ROLES][LUTRA_NR];
};

/*
 * Gives a token to each (role, system call) with a count, in the order of role and number. With
 * more than 253 of them, tokens of role 0 are merged with those of the same system call in another
 * role, rarest first; then tokens of role 1, and so on.
 * Returns 0, or -E2BIG if there are more than 253 different system calls.
 */
int alphabet_build(const uint64_t calls[LUTRA_ROLES][LUTRA_NR], struct alphabet *ret);

/*
 * Gives a system call that only one of the roles spawned and deeper made its token in both. Gives
 * steady the token of start-up of a call that opens a port or starts a thread, if steady has none.
 */
void alphabet_share_roles(uint8_t token[LUTRA_ROLES][LUTRA_NR]);

#endif
