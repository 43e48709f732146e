/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of new names that vary. A run meets a new name if its replay, by a policy of the other runs, is
 * refused a name directly in a directory that the other runs used. If two runs met new names of one
 * kind, the kind varies: new names of this kind only alert. The token of a kind holds the directory,
 * the operation and the access, and where they count the index of code and the role
 * (lutra_object_token_of_new_name()).
 */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_VARYING_H
#define LUTRA_TRAINER_RULES_CALIBRATION_VARYING_H

#include "lutra/verdict.h"
#include "lib/policy/policy.h"

/* A kind varies if this many runs met new names of it. A single run may be chance. */
#define VARYING_RUNS 2
#define VARYING_ALL_RUNS SIZE_MAX /* no run is left out */

/* The new names that runs met, and the kinds that an old policy has. Initialise it with zeros. */
struct varying {
	struct varying_name *met; /* token and run; ascending and distinct after varying_sort() */
	size_t n_met, met_size;
	uint64_t *kept; /* tokens of the old policy of an update; ascending after varying_sort() */
	size_t n_kept, kept_size;
};

/* Frees what v holds, and zeroes it. */
void varying_done(struct varying *v);

/*
 * Returns true if an object is a new name that a policy refuses and that may vary. Programs and
 * libraries never vary. j: the object's judgement.
 */
bool varying_is_new_name(const struct lutra_object *o, const struct lutra_judgement *j);

/* An object that a run met in a role, and its judgement by a policy. */
struct varying_object {
	const struct lutra_object *object;
	const struct lutra_path *path;
	const struct lutra_judgement *judgement;
	uint8_t role;
};

/*
 * Returns the token of the object's kind of new name in a policy. Returns 0 if the kind never varies:
 * the object's directory is not in the policy, is a wildcard or holds secrets. image: the kernel's form
 * of the policy.
 */
uint64_t varying_token(const struct policy *p, const struct lutra_policy *image,
		       const struct varying_object *o);

/* Adds a new name that a run met. token: from varying_token(). Returns 0 or -ENOMEM. */
int varying_add(struct varying *v, size_t run, uint64_t token);

/*
 * Keeps the kinds that vary in the old policy of an update. p, image: the new policy and the kernel's
 * form of it. An old policy of format 2 has no kinds, only directories: none of them is kept.
 * Returns 0 or -ENOMEM.
 */
int varying_keep(struct varying *v, const struct policy *old, const struct policy *p,
		 const struct lutra_policy *image);

/* Sorts names and tokens. Call it before varying_has_kind() and varying_add_tokens(). */
void varying_sort(struct varying *v);

/*
 * Asks for each kind that varies, and did not in the old policy, whether it may. One that may not does not
 * vary. ctx: for may_kind_vary(). Call it after varying_sort().
 */
void varying_ask(struct varying *v, bool (*may_kind_vary)(const void *ctx, uint64_t token),
		 const void *ctx);

/*
 * Returns true if a kind varies by the new names that all runs but this one met, or varied in the old
 * policy. run: VARYING_ALL_RUNS leaves out no run. token: the kind's.
 */
bool varying_has_kind(const struct varying *v, size_t run, uint64_t token);

/*
 * Adds the tokens of the kinds that vary to the objects of the policy. If the policy is full, the other
 * kinds do not vary. Returns 0 or -ENOMEM.
 */
int varying_add_tokens(const struct varying *v, struct policy *p);

#endif
