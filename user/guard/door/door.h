/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door: programs that stop the first program of a container that is not known yet, before its first
 * instruction (kern/door/door.bpf.c). Whoever has opened the door hears of each stop, finds out what the
 * container is, notes it as known, and continues the process.
 *
 * No process stays stopped for long. Nothing is stopped once door_beat() was not called for a second.
 * A companion process continues what is stopped when the caller's process ends or hangs for a second
 * (door_companion.c). The programs are detached when the caller's process ends, however it ends.
 *
 * All functions run on one thread. A second process with a door stops what the first one does not know.
 */
#ifndef LUTRA_USER_GUARD_DOOR_DOOR_H
#define LUTRA_USER_GUARD_DOOR_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lutra/door.h"

struct door;

struct door_parts {
	/* Called from door_drain() for each stop. */
	void (*on_stop)(void *ctx, const struct lutra_door_stop *stop);
	void *ctx;
	uint64_t below; /* id of the cgroup below which the door holds; 0: everywhere */
	/* pin_dir of the guard, for what the next process has to continue; NULL: none. */
	const char *pin_dir;
};

/*
 * Loads and attaches the programs and starts the companion. Continues what an earlier process with this
 * pin_dir left stopped. Nothing is stopped before the first door_beat(). The caller frees *ret.
 * -EOPNOTSUPP: the kernel cannot load or attach the programs, or this process is not in the first pid
 * namespace. -ENOMEM. Else as fork(2).
 */
int door_new(struct door **ret, const struct door_parts *parts, struct err *err);
/*
 * Continues what a process with this pin_dir left stopped. For a process that opens no door, or is about
 * to remove the pins. Does nothing if nothing is pinned.
 */
void door_release_left(const char *pin_dir);
/* Detaches the programs, continues what is stopped and ends the companion. */
void door_free(struct door *d);

/* Returns the descriptor that becomes readable when door_drain() has work. */
int door_epoll_fd(const struct door *d);
/* Reports the stops since the last call. Does not wait. */
void door_drain(struct door *d);

/*
 * Says that the caller is there. If the companion has ended, nothing is stopped until a new one runs,
 * which this call starts. Returns 0, or -errno as fork(2). Call it several times a second.
 */
int door_beat(struct door *d);

/* Notes the container with this cgroup as known: its tasks are not stopped any more. */
void door_note_known(struct door *d, uint64_t cgroup_id);
bool door_is_known(const struct door *d, uint64_t cgroup_id);
/* Returns true if nobody has continued a process that the door stopped. */
bool door_holds(const struct door *d, const struct lutra_door_stop *stop);
/*
 * Continues a process that the door stopped. Returns false if the companion has done so before: then
 * the process is left alone, since it may have stopped itself meanwhile.
 */
bool door_continue(struct door *d, const struct lutra_door_stop *stop);

struct door_counts {
	uint64_t stopped; /* processes, since the door was opened */
	uint64_t missed;  /* processes that were not stopped: door.h of include says why */
};

void door_counts(const struct door *d, struct door_counts *ret);

#endif
