/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names with digits a policy tells apart: programs, mapped libraries, and files in protected
 * directories. The digits of a name that the service itself makes may be any: it makes others next time.
 */
#ifndef LUTRA_TRAINER_RULES_EXACT_NAMES_H
#define LUTRA_TRAINER_RULES_EXACT_NAMES_H

#include "trainer/rules/objects.h"

struct intern;

/* The entries of names so far, and the paths that the runs made. Starts as zeros. */
struct exact_names {
	struct intern *made; /* folded */
	uint64_t *list;	     /* lutra_name_token(), in any order; each may occur several times */
	size_t n, size;
};

/* Looks for the paths that the runs made. roles: in which roles they saw each object; 0: in none. */
int exact_names_init(struct exact_names *x, const struct corpus *c, const uint8_t *roles);
void exact_names_done(struct exact_names *x);

/* Adds the entry of an object that is known by the token of j, if it needs one. Returns 0 or -ENOMEM. */
int exact_names_add(struct exact_names *x, const struct lutra_object *o,
		    const struct lutra_path *path, const struct lutra_judgement *j);

/*
 * Adds the entries of tokens that come from the base or from packs: these write names with "#" in place
 * of digits. Returns 0 or -ENOMEM.
 */
int exact_names_add_known(struct exact_names *x, const struct policy *p, const uint64_t *tokens,
			  size_t n);

/* Sorts the entries and drops duplicates. */
void exact_names_sort(struct exact_names *x);

#endif
