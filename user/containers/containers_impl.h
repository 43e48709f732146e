/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of user/containers share. */
#ifndef LUTRA_USER_CONTAINERS_CONTAINERS_IMPL_H
#define LUTRA_USER_CONTAINERS_CONTAINERS_IMPL_H

#include "user/containers/containers.h"

struct containers {
	struct containers_parts parts;
	struct container *first;
	struct containers_observer *observers, **last_observer;
};

struct host_view; /* user/containers/host_mounts.h */

/* Calls a function of each observer that has it. */
#define CONTAINERS_TELL(all, on_event, ...)                                                        \
	do {                                                                                       \
		for (struct containers_observer *o_ = (all)->observers; o_; o_ = o_->next)         \
			if (o_->on_event)                                                          \
				o_->on_event(o_->ctx, __VA_ARGS__);                                \
	} while (0)

/* Makes a container that the kernel does not guard yet. NULL: out of memory. */
struct container *container_new(struct containers *all);
void container_free(struct container *c);
DEFINE_FREEP(struct container, container_free);

/*
 * Adds a container whose slot is enrolled to the registry, which owns it from here on, and tells
 * the observers. how: CONTAINERS_*.
 */
void containers_add(struct container *c, unsigned how);

/* ---- rebuild.c ---- */

/*
 * Adds the containers of the slots that are enrolled and not known, and releases such slots whose
 * cgroup is gone. Slots become known.
 */
void containers_rebuild(struct containers *all, bool known[LUTRA_SLOTS]);

/* ---- container_view.c ---- */

#define CONTAINER_LEVEL_RULES (1u << LUTRA_RULE_LEVEL | 1u << LUTRA_RULE_NOVELTY)

/*
 * Makes the policy of one container from that of its image, p. Returns it, valid as long as p and
 * *view; p itself if they are equal. The caller ends *view with host_view_done().
 */
const struct policy *container_view(const struct container *c, const struct policy *p,
				    struct host_view *view);
/* Writes the names of rules (a bit for each), cut to size. */
void container_rules_text(uint32_t rules, char *buf, size_t size);
/*
 * Begins a release for a container that is about to be enrolled: what its image brings is expected,
 * and new programs and peers only alert for life.release_minutes. seen_ns: when the release was
 * first seen; 0: now.
 */
void container_begin_release(struct container *c, uint64_t seen_ns);
/* Writes the event of a release that begins, if the container is of one. */
void container_note_release(struct container *c);
/* Puts the rules of a release in force when its first hours are over. To be called every second. */
void container_check_release(struct container *c);

/* Tells the observers that something which is saved has changed. c: NULL for several. */
void containers_changed(struct containers *all, const struct container *c);

/*
 * Loads the policy of a container with what a person added to it. What is left out of that is
 * logged. Errors as policy_load_signed().
 */
int container_load_policy(const struct container *c, struct policy **ret, struct err *err);

#endif
