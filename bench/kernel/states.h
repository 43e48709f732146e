/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what the guard costs an operation. A program repeats the operation in a loop; each round
 * measures six states, one after the other, in ns an operation.
 *
 *   off       nothing is attached
 *   empty     an empty program at sys_enter
 *   places    an empty program at each place where the operation meets one of lutra's; without LSM
 *             programs, that includes the exit of openat
 *   idle      lutra is attached, the task is not enrolled
 *   scored    the task is enrolled, by a policy that knows the operation
 *   recorded  the task is enrolled, and every event goes into the ring
 *
 * The figure of a round is the median of many short batches, so other programs on the host rarely
 * change it. Ratios and differences are taken within a round.
 */
#ifndef LUTRA_BENCH_KERNEL_STATES_H
#define LUTRA_BENCH_KERNEL_STATES_H

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
	unsigned n_opens;	     /* kinds whose operations are an object each */
	unsigned batch, batch_quick; /* operations in a batch */
	/*
	 * Does the operation n times, with what argument() returned. Returns 0, or not if it
	 * failed.
	 */
	int (*operate)(unsigned kind, const char *arg, unsigned n);
	const char *(*argument)(unsigned kind);
	/* Makes a policy that knows the operations, for the caller to free. */
	int (*policy)(struct policy **ret);
	/* Prints the results and adds them to json. */
	int (*report)(const struct bench *b, json_t *json);

	/* Set while the benchmark runs. ns: of an operation, by round. */
	double *ns[BENCH_KINDS][BENCH_STATES];
	unsigned rounds;
	struct bench_run *run;
};

/*
 * The main() of a benchmark. Arguments: [--quick], or --loop ... for the child in the cgroup.
 * Returns an exit code.
 */
int bench_main(struct bench *b, int argc, char **argv);

/* Over all rounds: median and least ns, and the medians of ratio and difference to state empty. */
struct bench_figure {
	double median, min, ratio, above;
};

void bench_figure(const struct bench *b, unsigned kind, enum bench_state state,
		  struct bench_figure *ret);

/*
 * Calls getppid(2) and getpid(2) in turn, n calls together. Level M leaves out a call that equals
 * the last two, so a loop of one call costs less. Returns 0.
 */
int bench_call_in_turn(unsigned n);

/* Returns the median of n values, and sorts them. */
double bench_median(double *v, unsigned n);

/* The tokens of bench_policy(): of calls by their number, and of every object that is known. */
enum { BENCH_EVEN = LUTRA_TOKEN0, BENCH_ODD, BENCH_OBJECT };

/*
 * Makes a policy that knows every system call, with room for nodes, objects and keys. Returns 0 or
 * -ENOMEM.
 */
int bench_policy(struct policy **ret);

#endif
