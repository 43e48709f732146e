/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The new names that runs met: replayed by what the other runs taught, they were refused a name
 * directly in a directory that the others have. If two runs met new names of one kind, the kind
 * varies: such a name only alerts. The token of a kind has the directory, the operation, the access,
 * the extension where it counts, and the role where it counts (lutra_object_token_of_new_name()).
 */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_VARYING_H
#define LUTRA_TRAINER_RULES_CALIBRATION_VARYING_H

#include "lutra/verdict.h"
#include "lib/policy/policy.h"

/* So many runs that met new names of a kind make it one that varies: a single run is chance. */
#define VARYING_RUNS 2
#define VARYING_ALL_RUNS SIZE_MAX

/* Starts as zeros. */
struct varying {
	struct varying_name *met; /* by runs; ascending and distinct after varying_sort() */
	size_t n_met, met_size;
	uint64_t *kept; /* tokens of the policy that is updated, ascending */
	size_t n_kept, kept_size;
};

void varying_done(struct varying *v);

/*
 * Returns true if an object is a new name that a policy refuses and that may vary: not a program,
 * which no directory makes known. j: its judgement.
 */
bool varying_is_new_name(const struct lutra_object *o, const struct lutra_judgement *j);

/* An object that a run met in a role, and what a policy says of it. */
struct varying_object {
	const struct lutra_object *object;
	const struct lutra_path *path;
	const struct lutra_judgement *judgement;
	uint8_t role;
};

/*
 * Returns the token of new names of the object's kind in a policy, or 0 if these never vary: the
 * policy has no directory of it, or one that is a wildcard or holds secrets. image: the kernel's
 * form of the policy.
 */
uint64_t varying_token(const struct policy *p, const struct lutra_policy *image,
		       const struct varying_object *o);

/* Adds a new name that a run met. token: varying_token(). Returns 0 or -ENOMEM. */
int varying_add(struct varying *v, size_t run, uint64_t token);

/*
 * Keeps what varies in an old policy. p, image: the new policy and the kernel's form of it. An old
 * policy of format 2 does not say what was met in its directories, so nothing of it is kept.
 * Returns 0 or -ENOMEM.
 */
int varying_keep(struct varying *v, const struct policy *old, const struct policy *p,
		 const struct lutra_policy *image);

/* Ends the adding: varying_without() and varying_mark() may follow. */
void varying_sort(struct varying *v);

/* Returns true if a kind varies by what runs other than this one met. VARYING_ALL_RUNS: by all. */
bool varying_without(const struct varying *v, size_t run, uint64_t token);

/*
 * Adds the tokens of what varies to the policy's objects, as far as these have room. A kind without
 * room does not vary. Returns 0 or -ENOMEM.
 */
int varying_mark(const struct varying *v, struct policy *p);

#endif
