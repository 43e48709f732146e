/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers the tasks of a trace in the order in which they begin, from 1. Whoever reads the trace again
 * gets the same numbers. A thread id that the kernel uses again is another task.
 */
#ifndef LUTRA_TRAINER_DATA_TASK_NUMBERS_H
#define LUTRA_TRAINER_DATA_TASK_NUMBERS_H

#include "lib/replay/tasks.h"

/* The entry of a task. A fork copies it, and the child gets a number of its own. */
struct numbered_task {
	uint32_t number;
	uint32_t session;	  /* number of the task that began its exec session; 0: none */
	uint64_t episode_ns;	  /* first unusual event of the episode under way; 0: none */
	uint64_t episode_last_ns; /* the last one */
};

/* Begins with zero bytes and task_numbers_init(); ends with tasks_reset(&t->tasks). */
struct task_numbers {
	struct tasks tasks;
	uint32_t n; /* the last number */
};

/* What a record says of its task. */
struct numbered_record {
	struct numbered_task *task;  /* NULL: the task has ended, or the record is of no task */
	bool begins;		     /* the task begins with it */
	struct numbered_task *child; /* of a fork: it begins too; else NULL */
};

void task_numbers_init(struct task_numbers *t);

/*
 * Takes the next record. What *ret points to is valid until the next one. A task that begins anew
 * behind a gap of the recording keeps its number. Returns 0, -ENOMEM, or -ENOSPC if more than
 * TASKS_MAX tasks live.
 */
int task_numbers_step(struct task_numbers *t, const struct lutra_record *rec,
		      struct numbered_record *ret);

#endif
