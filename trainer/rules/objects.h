/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy knows of objects: path tree, exact ports, object tokens; learned from runs. */
#ifndef LUTRA_TRAINER_RULES_OBJECTS_H
#define LUTRA_TRAINER_RULES_OBJECTS_H

#include "lib/policy/policy.h"
#include "lutra/score.h"
#include "trainer/data/run_iter.h"

#define OBJECTS_PORTS_EXACT 4 /* distinct ports of a group, at most, for them to be exact */
#define OBJECTS_NO_RUN SIZE_MAX

/* Where the objects of all runs are. */
struct objects_source {
	const struct corpus *corpus;
	const struct run_counts *counts; /* (corpus->n_runs) */
	size_t without;			 /* a run to leave out, or OBJECTS_NO_RUN */
};

/*
 * Fill in nodes, port_exact and objects of p, whose tables, hash_key and ops are set already.
 * scratch: for images. -ENOSPC: more nodes or tokens than a policy holds; -ENOMEM.
 */
int objects_learn(const struct objects_source *src, struct policy *p, struct lutra_policy *scratch,
		  struct err *err);

/* Judge object i of the corpus, in a role, by a policy's image. */
void objects_judge(const struct corpus *c, uint32_t i, uint8_t role, const struct lutra_policy *p,
		   struct lutra_judgement *ret);

#endif
