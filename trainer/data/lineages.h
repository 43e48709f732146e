/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a trace to find which tasks did something unusual, from when on, and which tasks belong to exec
 * sessions. A mark of the recording names an unusual task; so does a policy by which the trace is
 * judged. What a task is from the first unusual event of its lineage on, its children are from their
 * beginning.
 */
#ifndef LUTRA_TRAINER_DATA_LINEAGES_H
#define LUTRA_TRAINER_DATA_LINEAGES_H

#include "lib/base/err.h"
#include "lib/policy/policy.h"
#include "trainer/data/intern.h"

#define LINEAGES_NEVER UINT64_MAX

/* A task by its number, from 1. */
struct lineage {
	uint32_t parent;  /* 0: it has none */
	uint32_t session; /* index in sessions, from 1; 0: of no exec session */
	uint64_t born_ns;
	uint64_t from_ns; /* unusual from this time on, or LINEAGES_NEVER */
};

/* A program that an exec session executed. */
struct session_program {
	uint32_t session; /* index, from 1 */
	uint32_t program; /* number of its folded path */
};

struct lineages {
	struct lineage *list; /* (n + 1): list[0] is not used */
	size_t n, size;
	struct session_program *programs; /* (n_programs), in the order of the trace */
	size_t n_programs, programs_size;
	uint32_t n_sessions;
	uint32_t n_unusual; /* tasks that are unusual by an event of their own lineage */
};

/*
 * Reads a trace. programs: gets the programs of exec sessions. judge: the policy that judges the trace,
 * or NULL. Errors as trace_reader_new(), replay_new(); -E2BIG: more tasks or programs than a run may
 * have; -ENOMEM. The caller calls lineages_done(), also after a failure.
 */
int lineages_read(struct lineages *ret, const char *path, struct intern *programs,
		  const struct policy *judge, struct err *err);
void lineages_done(struct lineages *l);

#endif
