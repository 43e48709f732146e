/* SPDX-License-Identifier: Apache-2.0 */
/* An enrolled container whose tasks run although none of them was armed: nothing of it is judged. */
#ifndef LUTRA_USER_CONTAINERS_UNARMED_H
#define LUTRA_USER_CONTAINERS_UNARMED_H

#include <stdbool.h>
#include <stdint.h>

/* How long a runtime may take from the first task in the cgroup to the container's program. */
#define UNARMED_PATIENCE_S 60

/* All zero: the container has no such tasks. */
struct unarmed {
	uint64_t since_ns; /* since when it has tasks of which none was armed; 0: it has none */
	bool told;	   /* since then */
};

/*
 * Notes whether a container has tasks, and whether one was armed since it had none. Returns true if it
 * is time to tell, once each time. now_ns: CLOCK_MONOTONIC.
 */
bool unarmed_check(struct unarmed *u, bool has_tasks, bool armed, uint64_t now_ns);

#endif
