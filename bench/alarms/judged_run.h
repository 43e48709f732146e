/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One recorded run of one container, replayed by a policy in two modes: what mode audit would alert,
 * and what mode deny would refuse. The scorer and the verdicts are those of the kernel (lib/replay).
 *
 * A thing is (rule, what matched it as thing.h describes it, role of the task). It is new at its first
 * alert, or its first refusal, in the run. Alerts less than a second apart are one episode, and so
 * are refusals. An alert that mode audit only counts, since it was reported before, is no alert here.
 */
#ifndef LUTRA_BENCH_ALARMS_JUDGED_RUN_H
#define LUTRA_BENCH_ALARMS_JUDGED_RUN_H

#include "bench/alarms/thing.h"
#include "lib/abi/rules.h"
#include "trainer/data/names/intern.h"

#define WINDOW_THINGS_MAX 32
#define WINDOW_AFTER_NS 2000000000ull /* after an event's end: what alarms may still be its doing */

enum outcome { OUTCOME_ALERTED, OUTCOME_REFUSED, OUTCOMES };

/* What one mode made of the run. */
struct outcome_counts {
	uint64_t operations;
	uint64_t things; /* new ones */
	uint64_t episodes;
	uint64_t new_episodes; /* those in which a thing was new */
	uint64_t last_ns;      /* of the last operation; 0: none yet */
	bool is_new;	       /* the episode under way has something new */
};

/* A thing of the run. Its text is string i of judged_run.names. */
struct run_thing {
	uint64_t first_ns; /* when it first matched */
	uint64_t matched;  /* how often it matched, whatever the verdict was */
	uint64_t alerted, refused;
	uint64_t own_refused; /* of these, by tasks that are of no exec session */
	bool after_level;     /* refused for a level that alerted in the second before */
	size_t cause;	      /* number + 1 of the window that lasts and in which it was refused
				 first; 0: none */
};

/* A thing that alarmed in a window. */
struct window_thing {
	uint32_t thing;
	bool refused, own_refused;
};

/*
 * A time of which alarms are counted apart: a rare event, with WINDOW_AFTER_NS. lasts: what the event
 * changed stays. A thing that is refused first in such a window has its later refusals counted
 * there too, and in no other window.
 */
struct window {
	uint64_t begin_ns, end_ns;
	bool lasts;
	struct window_counts {
		uint64_t alerted, refused, own_refused; /* operations */
	} rule[RULES_COUNT];
	struct window_thing things[WINDOW_THINGS_MAX]; /* the first ones */
	size_t n_things;
};

struct judged_run {
	uint64_t start_ns, stop_ns; /* first and last record */
	uint64_t syscalls, objects;
	struct outcome_counts outcome[OUTCOMES];
	struct intern *names;	  /* "RULE\tROLE\tTEXT" */
	struct run_thing *things; /* (intern_count(names)) */
	size_t things_size;
	struct window *windows; /* (n_windows), the caller's */
	size_t n_windows;
};

/*
 * Replays a trace. ret->windows and n_windows are set by the caller, the rest is zero. The caller
 * calls judged_run_done(ret), also after a failure.
 * Returns 0; -ENOEXEC if the run's architecture is not the policy's; or an error of the trace's
 * reader or of replay_new().
 */
int judged_run_replay(struct judged_run *ret, const struct policy *policy, const char *file,
		      struct err *err);

/* Frees what the run owns: not the windows. */
void judged_run_done(struct judged_run *run);

#endif
