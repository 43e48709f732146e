/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tasks of a recorded container. Each has an entry, whose size the caller sets. It is found by
 * thread id, copied by fork, moved by the exec of a thread, and freed at exit. The tasks of one
 * process share what is known of the process.
 */
#ifndef LUTRA_LIB_REPLAY_TASKS_H
#define LUTRA_LIB_REPLAY_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"

#define TASKS_MAX (1u << 20) /* that live at the same time */

/*
 * size: bytes of an entry. init: initialises the entry of a new task, which is zeroed before; NULL:
 * it stays zero.
 */
struct tasks_type {
	size_t size;
	void (*init)(const void *ctx, void *entry);
	const void *ctx;
};

/* A process: freed with the last of its tasks. */
struct tasks_process {
	uint64_t program; /* hash of the path of what it executed last; 0: unknown, or it was forked
			     since */
	uint64_t next;	  /* the same, of the execution under way; 0: none */
	uint32_t n;	  /* its tasks */
	uint32_t number;  /* the caller's, at first 0 */
	bool again;	  /* its last exec was of the program that it ran */
	uint8_t steady; /* the caller's: see lutra_role_steady(). Cleared at an exec not `again` */
};

#define TASKS_BUCKETS_BITS 13

/* The owner sets type, and begins with zero bytes: no tasks. */
struct tasks {
	struct tasks_type type;
	uint32_t n;
	struct tasks_entry *bucket[1u << TASKS_BUCKETS_BITS]; /* chains */
};

/* Removes all tasks and frees their entries. Keeps the type. */
void tasks_reset(struct tasks *t);

/*
 * Applies a record to the tasks, and finds the entry of its task. An ARM makes a new entry, a FORK
 * copies it for the child, an EXIT removes it (*ret is NULL then). An unknown task gets a new
 * entry. An EXEC sets what its process runs: where the record does not say whether that is the same
 * program again, the paths that tasks_step_object() was told do. The entry is valid until the EXIT.
 * Returns 0, -ENOMEM, or -ENOSPC if more than TASKS_MAX tasks live.
 */
int tasks_step(struct tasks *t, const struct lutra_record *rec, void **ret);

/*
 * Notes the program of an OBJECT record that is an execution, for the EXEC that follows; ignores any
 * other record. str (str_len): the record's path. An execution of a script is followed by that of
 * its interpreter, which is the program.
 */
void tasks_step_object(struct tasks *t, const struct lutra_record *rec, const char *str,
		       size_t str_len);

/* Returns the process of the task that has this entry. Valid as long as the entry. */
struct tasks_process *tasks_process(void *entry);

/* Returns the entry of a task, or NULL if the task is unknown. */
void *tasks_find(struct tasks *t, uint32_t tid);

/* Calls a function for each task, in no order. The function adds and removes no task. */
void tasks_each(struct tasks *t, void (*on_task)(void *ctx, uint32_t tid, void *entry), void *ctx);

#endif
