/* SPDX-License-Identifier: Apache-2.0 */
/* The names that profiles give to actions, comparisons, architectures and flags. */
#ifndef LUTRA_USER_SECCOMP_PROFILE_PROFILE_WORDS_H
#define LUTRA_USER_SECCOMP_PROFILE_PROFILE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

struct profile_word {
	const char *name; /* NULL in the last row */
	uint32_t value;
};

extern const struct profile_word profile_actions[]; /* SCMP_ACT_* without an errno */
extern const struct profile_word profile_ops[];	    /* SCMP_CMP_* */
extern const struct profile_word profile_arches[];  /* the index is the bit in struct profile */
extern const struct profile_word profile_flags[];   /* SECCOMP_FILTER_FLAG_* */

/* Returns the name of a value, or NULL. */
const char *profile_word_name(const struct profile_word *w, uint32_t value);
/* Returns the row of a name (NULL: none), or NULL. */
const struct profile_word *profile_word_find(const struct profile_word *w, const char *name);

/* Returns the action without its errno. */
uint32_t profile_action_kind(uint32_t action);
/* Returns true if an action has an error number. */
bool profile_action_has_errno(uint32_t action);

#endif
