/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places in a container where a mount shows what is the host's: a path, and what an exec session may
 * not do there. They become nodes of the path tree that no training made.
 *
 * A mount shows the host if its source is a protected directory of the host as a whole (/, /etc,
 * /var/lib …: path_flags.h), is below /proc, /sys or /dev, or is a socket of a container engine. A
 * directory below a protected one was chosen for the container: it is a volume.
 */
#ifndef LUTRA_LIB_POLICY_PATHS_HOST_PLACES_H
#define LUTRA_LIB_POLICY_PATHS_HOST_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/policy/policy.h"

#define HOST_PLACES_MAX 512

struct host_place {
	char *path;	/* in the container */
	uint8_t flags;	/* LUTRA_NODE_HOST and more; 0: the place is the container's after all */
	bool file, dir; /* what its last component may name */
};

/* All zero: none. */
struct host_places {
	struct host_place *place;
	size_t n, size;
	size_t left_out; /* for which there was no room */
};

void host_places_done(struct host_places *all);
/* Returns true if both hold the same places in the same order. */
bool host_places_are_equal(const struct host_places *a, const struct host_places *b);

/* What a mount shows of the host. A greater value tells more. */
enum host_source {
	HOST_SOURCE_NONE,    /* nothing: it is a volume */
	HOST_SOURCE_SOCKETS, /* it may show sockets of container engines */
	HOST_SOURCE_WHOLE,   /* all of it is the host's */
};

/* Tells what a mount shows whose source has this path on the host. */
enum host_source host_source_of(const char *source);

/*
 * Adds what a mount shows of the host, in place of what was added at its mount point and below. A
 * mount at or below the container's /proc, /sys or /dev is left to the nodes of these.
 * source: path on the host. point: path in the container. Returns 0 or -ENOMEM.
 */
int host_places_add_mount(struct host_places *all, const char *source, const char *point);

/* Says that a mount at this point, in a place of the host, shows nothing of the host. 0 or -ENOMEM. */
int host_places_add_volume(struct host_places *all, const char *point);

/*
 * Copies the path tree of a policy and adds the places: nodes that only exec sessions reach, and the
 * flag LUTRA_NODE_HOST for those that the policy has. What the service may do stays the same. The
 * caller frees *ret, of *ret_n nodes. *ret_left_out: places that the tree cannot tell from others or
 * has no room for. Returns 0 or -ENOMEM.
 */
int host_places_to_nodes(const struct host_places *all, const struct policy *p,
			 struct policy_node **ret, size_t *ret_n, size_t *ret_left_out);

#endif
