/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that moves the store's write-ahead log into the database through a connection of its
 * own, so that the thread that adds events does not wait for the disk.
 */
#ifndef LUTRA_USER_STORE_CHECKPOINT_H
#define LUTRA_USER_STORE_CHECKPOINT_H

#include "lib/base/cleanup.h"

struct checkpointer;

/* path: a store that this process writes through another connection. -ENOMEM, -EAGAIN. */
int checkpointer_new(struct checkpointer **ret, const char *path);
void checkpointer_free(struct checkpointer *c);
DEFINE_FREEP(struct checkpointer, checkpointer_free);

/* Requests a checkpoint. Does not block. */
void checkpointer_wake(struct checkpointer *c);

#endif
