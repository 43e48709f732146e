/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mounts of a container show of the host, for its exec sessions. Found by comparing the
 * mounts of the container's first process with lutrad's own. Runs on the main loop.
 */
#ifndef LUTRA_USER_CONTAINERS_HOST_MOUNTS_H
#define LUTRA_USER_CONTAINERS_HOST_MOUNTS_H

#include "lib/policy/paths/host_places.h"
#include "user/sys/process/mounts.h"

struct container;

/*
 * Finds the places where a container's mounts show the host. The container's root is none: it is its
 * image. host: mounts of the host. Returns 0 or -ENOMEM; *ret is to be freed by host_places_done().
 */
int host_mounts_find(const struct mounts *host, const struct mounts *own, struct host_places *ret);

/*
 * Looks at the mounts of a container's first process, and replaces c->host.
 * Returns true if it could. False: no process is there that has a root of its own, or reading failed.
 */
bool host_mounts_look(struct container *c);

/* A policy as it is for one container. */
struct host_view {
	struct policy policy; /* borrows all but its nodes */
	struct policy_node *nodes;
};

/*
 * Makes a copy of a policy that knows the places of a container, c->host. Logs what it cannot hold.
 * Returns the copy, which lives as long as p and *view, or p itself if there is nothing to add.
 */
const struct policy *host_mounts_view(const struct container *c, const struct policy *p,
				      struct host_view *view);
void host_view_done(struct host_view *view);

/* Looks again before a policy is applied anew. If it cannot, what was found before stays. */
void host_mounts_renew(struct container *c, const struct policy *p);

/*
 * Has a container that was enrolled before its program ran looked at, once it runs, and its policy
 * applied again if its mounts show the host. To be called every second.
 */
void host_mounts_check(struct container *c);

#endif
