/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded run through the scorer, in userspace: the tasks' states, the container's seen pairs,
 * matches and verdicts as the kernel side would have them (policy_to_kernel_fall_back() included).
 * For `lutra score` and evaluation.
 */
#ifndef LUTRA_LIB_REPLAY_REPLAY_H
#define LUTRA_LIB_REPLAY_REPLAY_H

#include "lib/policy/policy.h"
#include "lutra/verdict.h"

#define REPLAY_MATCHES 4

struct replay_match {
	uint8_t rule; /* enum lutra_rule */
	uint8_t kind;
	uint8_t verdict;
};

/* What became of one event. */
struct replay_step {
	bool is_object;
	uint8_t role;  /* in which it happened */
	uint8_t token; /* of a call */
	uint8_t weight[3];
	uint8_t verdict; /* the gravest */
	uint8_t n_matches;
	struct replay_match match[REPLAY_MATCHES];
	int32_t a, b; /* levels after it */
	/* Of an object event only: */
	struct lutra_object object;
	struct lutra_judgement judgement;
};

struct replay;

/* mode: enum lutra_mode to decide by. Errors as policy_to_kernel(), -ENOMEM. */
int replay_new(struct replay **ret, const struct policy *policy, unsigned mode, struct err *err);
void replay_free(struct replay *r);
DEFINE_FREEP(struct replay, replay_free);

/* Forget all tasks and all seen pairs: another container starts. */
void replay_reset(struct replay *r);

/*
 * The next record of a run. 1: an event, *ret is set. 0: no event (a fork, an exec, a mark), or a
 * restarted call. -ENOMEM; -ENOSPC: more than TASKS_MAX tasks.
 */
int replay_next(struct replay *r, const struct lutra_record *rec, const char *str, size_t str_len,
		struct replay_step *ret);

#endif
