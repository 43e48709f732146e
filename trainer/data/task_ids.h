/* SPDX-License-Identifier: Apache-2.0 */
/* Thread ids, which come and go and are used again, to small numbers of living tasks. */
#ifndef LUTRA_TRAINER_DATA_TASK_IDS_H
#define LUTRA_TRAINER_DATA_TASK_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

struct tids;

int tids_new(struct tids **ret, uint32_t max); /* at most max living tasks. -ENOMEM */
void tids_free(struct tids *t);
DEFINE_FREEP(struct tids, tids_free);

/* The number of a thread; *ret_fresh: it had none and got one. -ENOMEM; -E2BIG: too many live. */
int tids_get(struct tids *t, uint32_t tid, uint32_t *ret, bool *ret_fresh);

/* The thread is gone; its number is free for another. */
void tids_drop(struct tids *t, uint32_t tid);

/* All numbers given so far are below this. */
uint32_t tids_high(const struct tids *t);

#endif
