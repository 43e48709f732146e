/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a recorded run through the scorer in userspace, for `lutra score` and for evaluation. The
 * states of the tasks, the seen pairs of the container, matches and verdicts are as the kernel side
 * would have them, also after policy_to_kernel_fall_back(). Whether an alert about an object is
 * reported or repeated too, but for IPv6 addresses: a recording has their last four bytes alone.
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
	bool repeated;	 /* the container alerted on this before: it is counted, not reported */
	int32_t level;	 /* level M at the match */
	int32_t novelty; /* level N at the match */
};

/* The result of one event. */
struct replay_step {
	bool is_object;
	uint8_t role;  /* of the task at the event */
	uint8_t token; /* of level M; LUTRA_PAD: level M leaves the object out */
	uint8_t weight[3];
	uint8_t verdict; /* the most severe of the matches */
	uint8_t n_matches;
	struct replay_match match[REPLAY_MATCHES];
	int32_t level;	 /* level M after the event */
	int32_t novelty; /* level N after the event */
	/* Set for an object event alone: */
	struct lutra_object object;
	struct lutra_judgement judgement;
};

struct replay;

/* mode: enum lutra_mode. Returns 0, -ENOMEM, or an error of policy_to_kernel(). */
int replay_new(struct replay **ret, const struct policy *policy, unsigned mode, struct err *err);
void replay_free(struct replay *r);
DEFINE_FREEP(struct replay, replay_free);

/* Removes all tasks, seen pairs and remembered alerts, because another container starts. */
void replay_reset(struct replay *r);

/*
 * Takes the next record of a run. Returns 1 with *ret set for an event; 0 for a record that is no
 * event (a fork, an exec, a mark) and for a restarted system call; -ENOMEM; or -ENOSPC if more than
 * TASKS_MAX tasks live.
 */
int replay_next(struct replay *r, const struct lutra_record *rec, const char *str, size_t str_len,
		struct replay_step *ret);

#endif
