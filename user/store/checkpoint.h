/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that moves what the store's log holds into the database, with a connection of its own:
 * who writes events does not wait for the disk meanwhile.
 */
#ifndef LUTRA_USER_STORE_CHECKPOINT_H
#define LUTRA_USER_STORE_CHECKPOINT_H

#include "lib/base/cleanup.h"

struct checkpointer;

/* path: of a store that is written elsewhere in this process. -ENOMEM, -EAGAIN. */
int checkpointer_new(struct checkpointer **ret, const char *path);
void checkpointer_free(struct checkpointer *c);
DEFINE_FREEP(struct checkpointer, checkpointer_free);

/* The log has grown: look at it. Does not wait. */
void checkpointer_wake(struct checkpointer *c);

#endif
