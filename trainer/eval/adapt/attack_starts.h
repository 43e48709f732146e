/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where attacks start: steady tasks of runs that the policy was not trained on, at a moment at which they
 * have just received. That is where an exploit takes a task over.
 */
#ifndef LUTRA_TRAINER_EVAL_ADAPT_ATTACK_STARTS_H
#define LUTRA_TRAINER_EVAL_ADAPT_ATTACK_STARTS_H

#include "lib/policy/policy.h"
#include "trainer/eval/adapt/macros.h"

#define ATTACK_STARTS_MAX 256	  /* kept of all runs, drawn at random */
#define ATTACK_STARTS_EVENTS 3000 /* of the task before the attack */
#define ATTACK_STARTS_RECENT 8	  /* macro events that orders look back on */

struct attack_start {
	struct macro_event *events; /* (n): the task's last ones */
	size_t n;
	/* Its last system calls and macro events, the last one first. MACRO_NONE: there is none. */
	uint32_t calls[ATTACK_STARTS_RECENT];
	uint32_t macros[ATTACK_STARTS_RECENT];
};

struct attack_starts {
	struct attack_start list[ATTACK_STARTS_MAX]; /* (n) */
	size_t n;
	uint64_t found; /* moments that they were drawn from */
};

struct attack_start_source {
	const struct policy *policy;
	const char *const *files; /* (n): traces */
	size_t n;
	uint64_t seed; /* decides which moments are drawn */
};

/*
 * Reads the traces of a source. macros: those that the attacker knows; gets the strings of the starts.
 * The caller calls attack_starts_done(), also after a failure.
 * Returns 0, -ENOMEM, or an error of steady_iter_run().
 */
int attack_starts_read(struct attack_starts *ret, const struct attack_start_source *source,
		       struct macro_set *macros, struct err *err);
void attack_starts_done(struct attack_starts *s);

#endif
