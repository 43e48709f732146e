/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through the events of the steady tasks of a recorded run. */
#ifndef LUTRA_TRAINER_EVAL_ADAPT_STEADY_ITER_H
#define LUTRA_TRAINER_EVAL_ADAPT_STEADY_ITER_H

#include "lib/policy/policy.h"

/* An event of a steady task. */
struct steady_event {
	uint32_t task; /* its number: from 0 on in a run, never used again */
	bool is_object;
	const struct lutra_record *rec;
	const char *str; /* str_len bytes, or NULL */
	size_t str_len;
};

struct steady_iter {
	const struct policy *policy; /* whose roles count */
	/* Called at each event, in the order of the run. Less than 0 ends the run. */
	int (*on_event)(void *ctx, const struct steady_event *e);
	/* Called at the exit of a task that had events, or NULL. */
	void (*on_exit)(void *ctx, uint32_t task);
	void *ctx;
};

/*
 * Goes through a trace from begin to end.
 * Returns 0; -ENOEXEC if its architecture is not the policy's; -EINVAL if it has a labelled attack; or
 * the first error of it->on_event(), trace_reader_new() or replay_new().
 */
int steady_iter_run(const struct steady_iter *it, const char *file, struct err *err);

#endif
