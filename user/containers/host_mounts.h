/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds where the mounts of a container show the host, and adds these places to the container's
 * policy for its exec sessions. Compares the mounts of the container's first process with lutrad's
 * own. The first process is the oldest one that has another root than lutrad. Runs on the main
 * loop.
 */
#ifndef LUTRA_USER_CONTAINERS_HOST_MOUNTS_H
#define LUTRA_USER_CONTAINERS_HOST_MOUNTS_H

#include "lib/policy/paths/host_places.h"
#include "user/sys/process/mounts.h"

struct container;

/*
 * Finds the places where a container's mounts show the host. The container's root is never one of
 * them: it is the image. host, own: mounts of the host and of the container. The caller frees *ret
 * with host_places_done(). Returns 0 or -ENOMEM.
 */
int host_mounts_find(const struct mounts *host, const struct mounts *own, struct host_places *ret);

/*
 * Reads the mounts of a container's first process, and replaces c->host. Returns false if the
 * container has no first process, or if reading failed; the log says which error. c->host stays
 * then.
 */
bool host_mounts_inspect(struct container *c);

/* A copy of a policy with the places of one container. */
struct host_view {
	struct policy policy; /* shares everything but the nodes with the policy */
	struct policy_node *nodes;
};

/*
 * Copies a policy and adds the places of a container, c->host. Logs how many places the copy cannot
 * hold. Returns the copy, which is valid as long as p and *view are. Returns p itself if there is
 * nothing to add, or without memory. The caller ends *view with host_view_done().
 */
const struct policy *host_mounts_view(const struct container *c, const struct policy *p,
				      struct host_view *view);
void host_view_done(struct host_view *view);

/* Inspects the mounts again if policy p needs them. To be called before p is applied. */
void host_mounts_renew(struct container *c, const struct policy *p);

/*
 * Inspects the mounts of a container that was enrolled before its program started, or that was empty
 * since, once the program has started. Applies its policy again if the mounts show the host, or did
 * so before the container was empty. To be called every second.
 */
void host_mounts_check(struct container *c);

#endif
