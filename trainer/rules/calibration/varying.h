/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories in which runs met new names. Each run is replayed by a policy of the other runs. A
 * new name is one that this policy refuses, directly in a directory that it has.
 */
#ifndef LUTRA_TRAINER_RULES_CALIBRATION_VARYING_H
#define LUTRA_TRAINER_RULES_CALIBRATION_VARYING_H

#include "lutra/verdict.h"
#include "lib/policy/policy.h"

/*
 * So many runs that met new names in a directory make it one that varies: a single run is chance.
 */
#define VARYING_RUNS 2
#define VARYING_NO_NODE UINT16_MAX

struct varying {
	uint64_t *met; /* (n_runs, LUTRA_NODES / 64): by run, a bit for each node of the policy */
	uint16_t n_met[LUTRA_NODES]; /* runs that met new names, by node */
	bool kept[LUTRA_NODES];	     /* of the policy that is updated */
};

/* Makes it empty. n_runs: runs that varying_add() can name. Returns 0 or -ENOMEM. */
int varying_init(struct varying *v, size_t n_runs);
void varying_done(struct varying *v);

/*
 * Returns true if an object is a new name that a policy refuses and that a node could tell: not a
 * program, which no directory makes known. j: its judgement.
 */
bool varying_is_new_name(const struct lutra_object *o, const struct lutra_judgement *j);

/*
 * Returns the directory of an object in a policy, a node, or VARYING_NO_NODE: it has none, or one
 * that is a wildcard. j: its judgement by the policy.
 */
uint16_t varying_directory(const struct policy *p, const struct lutra_judgement *j);

/* Notes that a run met a new name in a directory. */
void varying_add(struct varying *v, size_t run, uint16_t node);

/* Keeps the directories of an old policy that vary. image: the kernel's form of the new policy. */
void varying_keep(struct varying *v, const struct policy *old, const struct lutra_policy *image);

/* Returns true if the directory varies by what runs other than this one met. SIZE_MAX: by all. */
bool varying_without(const struct varying *v, size_t run, uint16_t node);

/* Sets LUTRA_NODE_VARIES of the directories that vary. */
void varying_mark(const struct varying *v, struct policy *p);

#endif
