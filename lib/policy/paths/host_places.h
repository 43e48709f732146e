/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places of a container where a mount shows the host. A place is a path with flags. The flags
 * say what an exec session may not do there. host_places_to_nodes() adds the places to a path tree.
 *
 * A mount shows the host if its source on the host is
 * - a whole protected directory: /, /etc, /var/lib and others (path_flags.h);
 * - /proc, /sys or /dev, or below one of them;
 * - the socket of a container engine, or a directory above it. Of such a directory, only the socket
 *   is the host's.
 * Any other source is a volume: somebody chose it for the container.
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
	uint8_t flags;	/* LUTRA_NODE_*; 0: a volume below a place of the host's */
	bool file, dir; /* the path may be that of a file, of a directory */
};

/* A list of places. All zero: empty. */
struct host_places {
	struct host_place *place;
	size_t n, size;
	size_t left_out; /* number of places that the list had no room for */
};

void host_places_done(struct host_places *all);
/* Returns true if both hold the same places in the same order. */
bool host_places_are_equal(const struct host_places *a, const struct host_places *b);

/* What a mount shows of the host. A greater value shows more. */
enum host_source {
	HOST_SOURCE_NONE,    /* nothing: it is a volume */
	HOST_SOURCE_SOCKETS, /* sockets of container engines: its source is above them */
	HOST_SOURCE_WHOLE,   /* everything in it is the host's */
};

/* Returns what a mount shows of the host. source: path on the host. */
enum host_source host_source_of(const char *source);

/*
 * Adds the places of a mount. Removes the places at and below its mount point first, because the
 * mount hides them. Adds none if the mount point is the container's /proc, /sys or /dev, or below:
 * the tree of every policy has nodes for these.
 * source: path on the host. point: path in the container. Returns 0 or -ENOMEM.
 */
int host_places_add_mount(struct host_places *all, const char *source, const char *point);

/*
 * Adds a place that is not the host's: a volume that is mounted below a place of the host. Removes
 * the places at and below its mount point first. Sockets of container engines in it are the host's.
 * source: path on the host, or NULL: it has none. point: path in the container. Returns 0 or -ENOMEM.
 */
int host_places_add_volume(struct host_places *all, const char *source, const char *point);

/*
 * Copies the path tree of a policy and adds the places to the copy. Only exec sessions reach the
 * new nodes. A node that the policy has gets the flag LUTRA_NODE_HOST. Verdicts on the service stay
 * the same. The caller frees *ret, an array of *ret_n nodes. *ret_left_out: number of places that
 * are missing, because the tree has no room for them or cannot tell them from other paths.
 * Returns 0 or -ENOMEM.
 */
int host_places_to_nodes(const struct host_places *all, const struct policy *p,
			 struct policy_node **ret, size_t *ret_n, size_t *ret_left_out);

#endif
