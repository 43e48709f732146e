/* SPDX-License-Identifier: Apache-2.0 */
/* Finds in which directories a service reads files by their kind, so that a new one only alerts. */
#ifndef LUTRA_TRAINER_RULES_SIBLINGS_H
#define LUTRA_TRAINER_RULES_SIBLINGS_H

#include "lib/policy/policy.h"
#include "lutra/score.h"

/*
 * So many files of a kind that a role reads in a directory show that it reads by kind. One may be a
 * file that it knows by name; with two that differ a third is likelier than a theft.
 */
#define SIBLINGS_MIN 2

/* The files that the runs read, as candidates. Starts as zeros. */
struct siblings {
	struct sibling_file *list;
	size_t n, size;
};

/* An object that the runs saw in a role, and what the scorer says of it. */
struct sibling_candidate {
	const struct lutra_object *object;
	const struct lutra_path *path;
	const struct lutra_judgement *judgement;
	uint8_t role;
};

/*
 * Adds an object that the runs saw: a plain file that was read in a protected directory and is no
 * secret, or a library of the image. Others are not added. Returns 0 or -ENOMEM.
 */
int siblings_add(struct siblings *s, const struct policy *p, const struct lutra_policy *image,
		 const struct sibling_candidate *candidate);

/*
 * Writes the tokens of new files: at most one for each file that was added. ret: room for s->n.
 * Returns how many.
 */
size_t siblings_tokens(struct siblings *s, uint64_t *ret);
void siblings_done(struct siblings *s);

#endif
