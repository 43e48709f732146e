/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live tasks of a container that is recorded, each with its role. With these a recording that
 * begins in the middle of a container's life begins its tasks in their roles.
 */
#ifndef LUTRA_LIB_REPLAY_LIVE_ROLES_H
#define LUTRA_LIB_REPLAY_LIVE_ROLES_H

#include <stdbool.h>

#include "lib/replay/tasks.h"

struct live_task;

/* The owner calls live_roles_init(), and live_roles_reset() at the end. */
struct live_roles {
	struct tasks tasks;
	uint64_t accepts[LUTRA_NR / 64], waits[LUTRA_NR / 64]; /* bit per system call */
	struct live_task *last;				       /* of the last record; or NULL */
	uint32_t last_tid;
};

/* arch: as in struct trace_meta. */
void live_roles_init(struct live_roles *l, const char *arch);
/* Removes all tasks and frees their entries. */
void live_roles_reset(struct live_roles *l);

/*
 * Applies a record to the tasks. A task that is unknown begins in role any. Returns 0, -ENOMEM, or
 * -ENOSPC if more than TASKS_MAX tasks live.
 */
int live_roles_step(struct live_roles *l, const struct lutra_record *rec);
/*
 * Marks a task as unusual, and the tasks that descend from it since onset_ns, the time of its first
 * unusual event. The children of a marked task are marked. A task whose parent has ended counts as a
 * descendant, because nobody knows that it is none.
 */
void live_roles_mark(struct live_roles *l, uint32_t tid, uint64_t onset_ns);
/* Returns true if the task is marked. */
bool live_roles_is_marked(struct live_roles *l, uint32_t tid);
/* Returns true if the task is known. */
bool live_roles_knows(struct live_roles *l, uint32_t tid);
/* Sets nr, arg and aux of an ARM record for a task that is known. */
void live_roles_fill(struct live_roles *l, struct lutra_record *arm);
/*
 * Makes ARM records of all tasks, by their thread ids, with that time. The caller frees *ret.
 * Returns 0 or -ENOMEM.
 */
int live_roles_list(struct live_roles *l, uint64_t ts_ns, struct lutra_record **ret, size_t *ret_n);

#endif
