/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds to a policy what is known without a run: the base and packs (knowledge.h), beside what the
 * runs showed. What is not in these files is judged as it was before.
 */
#ifndef LUTRA_TRAINER_RULES_KNOWLEDGE_KNOWN_OBJECTS_H
#define LUTRA_TRAINER_RULES_KNOWLEDGE_KNOWN_OBJECTS_H

#include "lib/policy/policy.h"
#include "lutra/score.h"
#include "trainer/rules/knowledge/knowledge.h"

/* Whether an object of the files is added. */
enum known_state {
	KNOWN_ADDED = 0,
	KNOWN_LEARNED, /* the runs used its directory: what they did there counts */
	KNOWN_NO_ROOM, /* the policy is full */
};

/* The objects of all files that a policy has, in their order, and what becomes of each. */
struct known_objects {
	const struct known_files *files;
	uint8_t *state; /* enum known_state of each */
	size_t n;
};

/* Returns 0 or -ENOMEM. files may be NULL: none. The caller calls known_objects_done(). */
int known_objects_init(struct known_objects *k, const struct known_files *files);
void known_objects_done(struct known_objects *k);

/*
 * Adds the paths to the policy's tree, which has room for LUTRA_NODES nodes, and sets k->state. A
 * node that no run had keeps the verdicts of what was not there: other uses of it are judged as
 * before. Runs' nodes come first: what does not fit beside them is left out, the last files first.
 * lib_digits: as path_flags(). Returns 0 or -ENOMEM.
 */
int known_objects_add_nodes(struct known_objects *k, struct policy *p, bool lib_digits);

/*
 * Sets the groups of ports exact that only the files name. used: groups (bits) that the runs used.
 * A port of another group is known only if that group is exact.
 */
void known_objects_add_ports(struct known_objects *k, uint32_t used, struct policy *p);

/*
 * Writes the tokens of all added objects, those that were learned too. An object does not fit if its
 * new tokens exceed what a policy holds beside the learned ones; its state says so. image: the
 * policy's kernel form. learned: ascending. n_names: entries of names that the policy holds besides.
 * ret: room for n objects in each role. Returns how many.
 */
size_t known_objects_tokens(struct known_objects *k, const struct lutra_policy *image,
			    const uint64_t *learned, size_t n_learned, size_t n_names,
			    uint64_t *ret);

/* Counts the objects of file number i of k->files that have a state. */
uint32_t known_objects_count(const struct known_objects *k, size_t i, enum known_state state);

#endif
