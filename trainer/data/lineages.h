/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a trace to find which tasks did something unusual, from when on, and which tasks belong to
 * exec sessions. A mark of the recording names an unusual task; so does a policy by which the trace
 * is judged. A task is unusual from the first unusual event of its lineage on. A child that it starts
 * after that is unusual from its beginning.
 */
#ifndef LUTRA_TRAINER_DATA_LINEAGES_H
#define LUTRA_TRAINER_DATA_LINEAGES_H

#include "lib/base/err.h"
#include "lib/policy/policy.h"
#include "trainer/data/names/intern.h"

#define LINEAGES_NEVER UINT64_MAX

/* A task by its number, from 1. */
struct lineage {
	uint32_t parent;  /* 0: it has none */
	uint32_t session; /* number of its exec session, from 1; 0: of none */
	uint64_t born_ns;
	uint64_t from_ns; /* unusual from this time on, or LINEAGES_NEVER */
};

/* Something that an exec session did: it began, or it used an object. */
struct session_act {
	uint32_t session; /* its number, from 1 */
	uint32_t act;	  /* number of the act: of operation, access and folded path or address */
};

struct lineages {
	struct lineage *list; /* (n + 1): list[0] is not used */
	size_t n, size;
	struct session_act *acts; /* (n_acts), in the order of the trace */
	size_t n_acts, acts_size;
	uint32_t n_sessions;
	uint32_t n_unusual; /* tasks that are unusual by an event of their own lineage */
};

/*
 * Reads a trace. acts: gets what exec sessions did. judge: the policy that judges the trace,
 * or NULL. Errors as trace_reader_new(), replay_new(); -E2BIG: more tasks or acts than a run may
 * have; -ENOMEM. The caller calls lineages_done(), also after a failure.
 */
int lineages_read(struct lineages *ret, const char *path, struct intern *acts,
		  const struct policy *judge, struct err *err);
void lineages_done(struct lineages *l);

#endif
