/* SPDX-License-Identifier: Apache-2.0 */
/* Which call in which role has which token, and which calls make a task steady. */
#ifndef LUTRA_TRAINER_DATA_ALPHABET_H
#define LUTRA_TRAINER_DATA_ALPHABET_H

#include "trainer/data/run_iter.h"

struct alphabet {
	uint32_t v; /* PAD, UNK and the trained tokens */
	uint8_t token[LUTRA_ROLES][LUTRA_NR];
};

/*
 * A token for each (role, call) with a count, in the order of role and number. Past 253, tokens of
 * role 0 become those of the same call in another role, rarest first; then those of role 1, and so
 * on. -E2BIG: more than 253 different calls.
 */
int alphabet_build(const uint64_t calls[LUTRA_ROLES][LUTRA_NR], struct alphabet *ret);

/* Bits of the calls after which a start-up task is steady: accept, or calls that wait. */
void alphabet_steady(const char *arch, bool on_wait, uint64_t ret[LUTRA_NR / 64]);

#endif
