/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each task of a recorded container: an entry of a size of the caller's, found by
 * thread id, copied by fork, moved by the exec of a thread, dropped at exit.
 */
#ifndef LUTRA_LIB_REPLAY_TASKS_H
#define LUTRA_LIB_REPLAY_TASKS_H

#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"

#define TASKS_MAX (1u << 20) /* that live at a time */

/*
 * size: bytes of an entry. init: called for the entry of a task that starts afresh, zeroed; NULL:
 * it stays zero.
 */
struct tasks_type {
	size_t size;
	void (*init)(const void *ctx, void *entry);
	const void *ctx;
};

#define TASKS_BUCKETS_BITS 13

/* Zero bytes but for type, which its owner sets: no task is known. */
struct tasks {
	struct tasks_type type;
	uint32_t n;
	struct tasks_entry *bucket[1u << TASKS_BUCKETS_BITS]; /* chains */
};

/* Forgets all tasks and frees their entries. The type stays. */
void tasks_reset(struct tasks *t);

/*
 * The entry of the task that a record is of, after what the record does to it: an ARM starts it
 * afresh, a FORK gives the child a copy, an EXIT drops it (ret: NULL). A task never met is made.
 * Valid until its EXIT. -ENOMEM; -ENOSPC: more than TASKS_MAX tasks.
 */
int tasks_step(struct tasks *t, const struct lutra_record *rec, void **ret);

/* The entry of a task that is known, or NULL. */
void *tasks_find(struct tasks *t, uint32_t tid);

#endif
