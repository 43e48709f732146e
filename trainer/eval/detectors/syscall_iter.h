/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of a recorded run one by one, with what is known of the task that makes each. */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_SYSCALL_ITER_H
#define LUTRA_TRAINER_EVAL_DETECTORS_SYSCALL_ITER_H

#include "lib/base/err.h"
#include "lib/replay/tasks.h"

/*
 * fn is called at each CALL (restart_syscall left out) and EXEC with the task's entry; less than 0
 * ends it. Errors of fn, of trace_reader_new(), -ENOMEM, -ENOSPC as tasks_step().
 */
struct syscall_iter {
	struct tasks_type type;
	int (*fn)(void *ctx, void *entry, const struct lutra_record *rec);
	void *ctx;
};

int syscall_iter_run(const struct syscall_iter *e, const char *file, struct err *err);

#endif
