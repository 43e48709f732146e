/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through the system calls of a recorded run, with an entry for each task. */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_SYSCALL_ITER_H
#define LUTRA_TRAINER_EVAL_DETECTORS_SYSCALL_ITER_H

#include "lib/base/err.h"
#include "lib/replay/tasks.h"

struct syscall_iter {
	struct tasks_type type; /* of the entries, which fork copies */
	/*
	 * Called at each SYSCALL except restart_syscall, at each ARM and EXEC, and at each FORK of a
	 * process with the child's entry. Less than 0 ends the run.
	 */
	int (*fn)(void *ctx, void *entry, const struct lutra_record *rec);
	void *ctx;
};

/*
 * Goes through a trace from begin to end.
 * Returns 0, or the first error of it->fn(), trace_reader_new(), trace_reader_next() or
 * tasks_step().
 */
int syscall_iter_run(const struct syscall_iter *it, const char *file, struct err *err);

#endif
