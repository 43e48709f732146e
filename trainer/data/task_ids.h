/* SPDX-License-Identifier: Apache-2.0 */
/* Thread ids, which come and go and are used again, to small numbers of living tasks. */
#ifndef LUTRA_TRAINER_DATA_TASK_IDS_H
#define LUTRA_TRAINER_DATA_TASK_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

struct task_ids;

int task_ids_new(struct task_ids **ret, uint32_t max); /* at most max living tasks. -ENOMEM */
void task_ids_free(struct task_ids *t);
DEFINE_FREEP(struct task_ids, task_ids_free);

/* The number of a thread; *ret_fresh: it had none and got one. -ENOMEM; -E2BIG: too many live. */
int task_ids_get(struct task_ids *t, uint32_t tid, uint32_t *ret, bool *ret_fresh);

/* The thread is gone; its number is free for another. */
void task_ids_drop(struct task_ids *t, uint32_t tid);

/* All numbers given so far are below this. */
uint32_t task_ids_high(const struct task_ids *t);

#endif
