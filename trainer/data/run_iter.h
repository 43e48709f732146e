/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a run event by event with the scorer's state of each task. Training counts these events
 * and calibration scores them. States change by the functions of lutra/score.h.
 */
#ifndef LUTRA_TRAINER_DATA_RUN_ITER_H
#define LUTRA_TRAINER_DATA_RUN_ITER_H

#include "lib/policy/policy.h"
#include "trainer/data/corpus.h"

/*
 * An event. The caller scores system calls, which moves the levels; the iterator moves the roles.
 */
struct run_event {
	struct lutra_state *state;
	uint32_t ms;	 /* since the start of the run */
	bool is_syscall; /* else an object event */
	bool is_worker;	 /* of an object: an io_uring worker used it, so level M leaves it out */
	uint32_t nr;	 /* of a system call; LUTRA_NR for one through a foreign entry */
	uint32_t object; /* of an object event: its number in run_names.objects */
	void *attached;	 /* what run_iter_attach() attached to the task, or NULL */
};

struct run_iter {
	const struct run *run;
	const struct lutra_policy *policy; /* only steady, first_stays, m.p1 and m.p2 are used */
	struct lutra_state *states;	   /* (run->n_tasks) */
	uint32_t *process;		   /* number of each task's: (run->n_tasks) */
	uint8_t *steady;		   /* of each process: (run->n_processes + 1) */
	struct ZSTD_DCtx_s *zstd;
	uint32_t *words; /* of a block: (RUN_BLOCK_WORDS) */
	uint32_t n_words, pos;
	size_t block; /* the next */
	uint32_t ms;
	struct lutra_state *called; /* task of the call that was returned last; NULL: none */
	uint32_t called_nr;
	uint32_t
		forked; /* the task that was forked last, until its process is known; or UINT32_MAX */
	uint32_t forked_from; /* number of its parent's process */
	uint8_t *attached;    /* (run->n_tasks, attached_bytes), or NULL */
	size_t attached_bytes;
	const void *initial; /* (attached_bytes) */
};

/*
 * Starts at the beginning of a run. run and policy must outlive the iterator. The caller calls
 * run_iter_done(), also after a failure. Returns 0 or -ENOMEM.
 */
int run_iter_init(struct run_iter *r, const struct run *run, const struct lutra_policy *policy);
void run_iter_done(struct run_iter *r);

/*
 * Attaches the caller's own state to every task: `bytes` bytes, a copy of initial when the task
 * begins and a copy of its parent's after a fork. To be called once, before the first event.
 * initial must outlive the iterator. Returns 0 or -ENOMEM.
 */
int run_iter_attach(struct run_iter *r, size_t bytes, const void *initial);

/* Returns false at the end of the run, else true and the next system call or object event. */
bool run_iter_next(struct run_iter *r, struct run_event *ret);

/* The counts of one run, which training adds up over runs. */
struct run_counts {
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	uint8_t *object_roles; /* by object: bit per role that it was seen in */
	enum policy_first_process first_process;
};

/* Frees the counts and zeroes them. */
void run_counts_done(struct run_counts *c);

/* Counts system calls and objects by role. ret must be zeroed. Returns 0 or -ENOMEM. */
int run_count_syscalls(const struct run *run, const struct lutra_policy *policy, uint32_t n_objects,
		       struct run_counts *ret);

#endif
