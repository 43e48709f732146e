/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by door.c and door_companion.c only. */
#ifndef LUTRA_USER_GUARD_DOOR_DOOR_IMPL_H
#define LUTRA_USER_GUARD_DOOR_DOOR_IMPL_H

#include <bpf/libbpf.h>
#include <sys/types.h>

#include "user/guard/door/door.h"

/* What the companion uses. It has these mappings and descriptors from its parent. */
struct door_companion {
	struct lutra_door_control *control; /* mapped */
	struct ring_buffer *wakes;
	int wakes_fd; /* of the ring, and of its map */
	int wakes_map_fd;
	int stopped_fd; /* of the map door_stopped */
	int parent_fd;	/* pidfd of the process that it watches */
};

/*
 * Starts the companion. *ret_fd: its pidfd, readable when it has ended; the caller closes it, and waits
 * for the process. Returns 0, or -errno as fork(2) and pidfd_open(2).
 */
int door_companion_start(const struct door_companion *c, pid_t *ret_pid, int *ret_fd);

/*
 * Continues the processes in the map door_stopped and removes them from it. Returns how many are left: a
 * program may be about to stop them. Uses no memory of the heap.
 */
unsigned door_continue_all(int stopped_fd);
/* Has nothing stopped any more, and continues what is. Waits for programs that run: some milliseconds. */
void door_give_up(const struct door_companion *c);

#endif
