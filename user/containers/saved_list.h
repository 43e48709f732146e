/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of containers on disk, for the lutrad that comes next, where kernel state is pinned. It
 * is written when the loop has nothing else to do, 200 ms after a change at the latest.
 */
#ifndef LUTRA_USER_CONTAINERS_SAVED_LIST_H
#define LUTRA_USER_CONTAINERS_SAVED_LIST_H

#include "user/containers/containers.h"

struct saved_list;

/*
 * Adds the containers of the list to the registry, releases slots of which the list knows nothing,
 * and saves from here on. What cannot be restored is logged. *ret is NULL if nothing is pinned.
 * Returns 0 or -ENOMEM.
 */
int saved_list_open(struct saved_list **ret, struct containers *all);
/* Does not write: see saved_list_flush(). */
void saved_list_close(struct saved_list *l);
/* Writes at once what is not written yet. l may be NULL. */
void saved_list_flush(struct saved_list *l);
/* Removes the list from the disk. */
void saved_list_remove(const struct config *config);

#endif
