/* SPDX-License-Identifier: Apache-2.0 */
/* Maps the ids of living threads, which the kernel reuses, to small numbers. */
#ifndef LUTRA_TRAINER_DATA_TASK_IDS_H
#define LUTRA_TRAINER_DATA_TASK_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

struct task_ids;

/* Makes an empty map for at most max living threads. Returns 0 or -ENOMEM. */
int task_ids_new(struct task_ids **ret, uint32_t max);
void task_ids_free(struct task_ids *t);
DEFINE_FREEP(struct task_ids, task_ids_free);

/*
 * Finds the number of a thread, or gives it one; *ret_fresh tells which.
 * Returns 0, -ENOMEM, or -E2BIG if max threads live.
 */
int task_ids_get(struct task_ids *t, uint32_t tid, uint32_t *ret, bool *ret_fresh);

/* Forgets a thread that has ended. Another thread may get its number. */
void task_ids_drop(struct task_ids *t, uint32_t tid);

/* Returns the number above all numbers given so far. */
uint32_t task_ids_high(const struct task_ids *t);

#endif
