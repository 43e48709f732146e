/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guard costs an operation, by a program that does it in a loop: ns each, in six states,
 * one after the other in every round.
 *
 *   off       nothing attached
 *   empty     an empty program at sys_enter
 *   places    empty programs wherever lutra has some that the operation meets: also at the exit of
 *             openat, where LSM programs do not run and a tracepoint stands in
 *   idle      lutra, task not enrolled
 *   scored    enrolled, a policy that knows the operation
 *   recorded  enrolled, every event goes into the ring
 *
 * A figure of a round is the median of many short batches, so that what else runs on the host
 * seldom counts; ratios and differences are taken within a round.
 */
#ifndef LUTRA_BENCH_STATES_H
#define LUTRA_BENCH_STATES_H

#include <jansson.h>

#include "lib/base/err.h"
#include "lib/policy/policy.h"

enum bench_state {
	BENCH_OFF,
	BENCH_EMPTY,
	BENCH_PLACES,
	BENCH_IDLE,
	BENCH_SCORED,
	BENCH_RECORDED,
	BENCH_STATES
};

extern const char *const bench_state_name[BENCH_STATES];

#define BENCH_KINDS 4
#define BENCH_ROUNDS_MAX 21

/* One benchmark: kinds of operation that are measured in the same states. */
struct bench {
	const char *name; /* results go to NAME.json beside the program */
	const char *const *kinds;
	unsigned n_kinds;
	unsigned n_opens;	     /* kinds of which each operation is an object */
	unsigned batch, batch_quick; /* operations in a batch */
	/* Do the operation n times; arg as argument() said. Nonzero: it failed. */
	int (*operate)(unsigned kind, const char *arg, unsigned n);
	const char *(*argument)(unsigned kind);
	/* A policy that knows the operations, the caller's to free. */
	int (*policy)(struct policy **ret);
	/* Print the results; adds them to json. */
	int (*report)(const struct bench *b, json_t *json);

	/* While it runs. ns an operation, by round. */
	double *ns[BENCH_KINDS][BENCH_STATES];
	unsigned rounds;
	struct bench_run *run;
};

/* A program's main(): [--quick], or --loop for the program in the cgroup. An exit code. */
int bench_main(struct bench *b, int argc, char **argv);

/* Over the rounds: the median, the least, and the median of ratio and difference to empty. */
struct bench_figure {
	double median, min, ratio, above;
};

void bench_figure(const struct bench *b, unsigned kind, enum bench_state state,
		  struct bench_figure *ret);

/* The median of n values, which it sorts. */
double bench_median(double *v, unsigned n);

/* A policy of which every call is known, with room for nodes and objects. -ENOMEM. */
int bench_policy(struct policy **ret);

#endif
