/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that a profile allows though no run made them: they do no more than one that was seen,
 * and libraries choose between them by version, by a flag, or after an error.
 */
#ifndef LUTRA_USER_SECCOMP_RELATIVES_H
#define LUTRA_USER_SECCOMP_RELATIVES_H

#include <stdbool.h>
#include <stddef.h>

#include "lutra/abi.h"

#define RELATIVES_MAX 12

struct relatives {
	const char *reason; /* why the group is harmless, one sentence without a full stop */
	/* If one of these is known, all of then are, or where then is empty, all of these. */
	unsigned short of[RELATIVES_MAX]; /* numbers plus 1, 0 after the last */
	unsigned short then[RELATIVES_MAX];
};

/* All groups; *ret_n is their number. */
const struct relatives *relatives_list(size_t *ret_n);

/* Adds to the system calls that are known their relatives, until nothing is added. */
void relatives_add(bool known[static LUTRA_NR]);

/*
 * Calls that are harmless with one value of an argument, and then need no run that made them.
 */
struct relatives_value {
	const char *reason;
	unsigned nr, index;
	unsigned value; /* compared with the low 32 bits */
};

const struct relatives_value *relatives_values(size_t *ret_n);

#endif
