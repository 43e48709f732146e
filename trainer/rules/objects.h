/* SPDX-License-Identifier: Apache-2.0 */
/* Learns from runs what a policy knows of objects: its path tree, exact ports and object tokens. */
#ifndef LUTRA_TRAINER_RULES_OBJECTS_H
#define LUTRA_TRAINER_RULES_OBJECTS_H

#include "lib/policy/policy.h"
#include "lutra/score.h"
#include "trainer/data/run_iter.h"
#include "trainer/rules/knowledge/knowledge.h"

#define OBJECTS_PORTS_EXACT 4	/* a group of at most so many distinct ports is exact */
#define OBJECTS_NO_RUN SIZE_MAX /* of `without`: leave no run out */

/* The runs whose objects are learned. */
struct objects_source {
	const struct corpus *corpus;
	const struct run_counts *counts; /* (corpus->n_runs) */
	size_t without;			 /* a run to leave out, or OBJECTS_NO_RUN */
	const struct policy *old;	 /* a policy whose wildcards stay, or NULL */
	const struct known_files *known; /* the base and packs; NULL: none */
};

/*
 * Sets nodes, port_exact, objects, known and known_tokens of p. Its tables, hash_key and ops must be
 * set. scratch: memory for the policy's kernel form, overwritten.
 * Returns 0, -ENOSPC if the runs have more paths or tokens than a policy holds, or -ENOMEM.
 */
int objects_learn(const struct objects_source *src, struct policy *p, struct lutra_policy *scratch,
		  struct err *err);

/* Reads object i of the corpus and its path. Without a path, *ret_path is unresolved. */
void objects_get(const struct corpus *c, uint32_t i, struct lutra_object *ret,
		 struct lutra_path *ret_path);

/* Judges object i of the corpus in a role by the kernel form of a policy. */
void objects_judge(const struct corpus *c, uint32_t i, uint8_t role, const struct lutra_policy *p,
		   struct lutra_judgement *ret);

#endif
