/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of the door and userspace exchange. The door stops the first program of a container
 * that is not known yet, until userspace continues it. Fixed width, widest first, explicit padding. A
 * change of struct lutra_door_stop raises LUTRA_ABI_VERSION: its map is pinned.
 */
#ifndef LUTRA_DOOR_H
#define LUTRA_DOOR_H

#include "lutra/types.h"

#define LUTRA_DOOR_ALIVE_NS 1000000000ull /* no task is stopped if alive_ns is older */
#define LUTRA_DOOR_STOPS 4096		  /* tasks that are stopped at a time */
#define LUTRA_DOOR_KNOWN 16384		  /* containers that are known, the latest ones */

/* The only value of the map door_control, which userspace maps. */
struct lutra_door_control {
	__u64 alive_ns; /* CLOCK_MONOTONIC, written by userspace; 0: the door is open for all */
	__u64 stopped;	/* tasks that were stopped */
	__u64 missed;	/* tasks that were not: userspace was away, or there was no room */
};

/* A task that is stopped: the value of the map door_stopped, by tgid, and a record of door_events. */
struct lutra_door_stop {
	__u64 cgroup_id;  /* of the container */
	__u64 start_ns;	  /* start of the process, since boot: another one may get its number */
	__u64 stopped_ns; /* CLOCK_MONOTONIC */
	__u32 tgid;	  /* as the first pid namespace counts */
	__u32 is_sent;	  /* 1: the signal was sent; 0: it may still be sent */
};
_Static_assert(sizeof(struct lutra_door_stop) == 32, "layout of a stop");

#endif
