/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life cycle of policies in lutrad. Containers whose image is learned are recorded, a long run
 * in pieces that count as runs. The trainer is run on them. The first policy that it makes is put
 * in force in mode audit, a later one in the mode of the one before. A policy that fires too often
 * in its first minutes in force goes back to audit. What outlives the daemon is life.json
 * (user/policy/lifecycle.h) and the recordings in state_dir/learn/POLICY.
 *
 * A run ends with its container's last task, or after life.run_max_s or life.run_max_mib: then the
 * next run begins with the same tasks, in their roles. A restart of lutrad ends no run: the kernel
 * keeps the records meanwhile. A run counts if it is no shorter than life.run_ms, less than one
 * record in 1000 was lost, the service did more than wait, and life.disk_mib had room for it. What
 * does not count is logged.
 */
#ifndef LUTRA_USER_LEARN_LEARN_H
#define LUTRA_USER_LEARN_LEARN_H

#include "user/containers/containers.h"

struct learn;

/* What it uses; all of it outlives struct learn. */
struct learn_parts {
	struct loop *loop;
	struct guard *guard;
	const struct config *config;
	struct containers *containers;
	struct lifecycle *lifecycle; /* empty; filled and written by struct learn alone */
};

/*
 * Reads life.json and observes the containers. A damaged life.json is renamed, which is logged.
 * Errors as lifecycle_load(), rename(2); -ENOMEM.
 */
int learn_new(struct learn **ret, const struct learn_parts *parts, struct err *err);
/* Leaves the runs that are under way for the next lutrad, ends the trainer, saves. */
void learn_free(struct learn *l);
/* To be called every second: counts time, writes recordings, starts the trainer. */
void learn_tick(struct learn *l);
/* Takes a record of the container in a slot. Does not block, but for the disk. */
void learn_on_record(struct learn *l, uint32_t slot, const struct lutra_record *rec,
		     const char *str, size_t str_len);

struct learn_request {
	const char *image;
	uint32_t runs;	 /* those of containers that run already too; 0: until little is new */
	bool accept_new; /* the update may make the policy weaker */
	bool anew; /* the new policy takes only what was accepted from the policy that exists */
};

/*
 * Learns an image as asked; see lifecycle_end() for the end. *ret is the life cycle's. -EINVAL: no
 * image reference; -EEXIST: another image has a policy of that name; -ENOENT: no policy was learned
 * that could be made anew; -ENOMEM.
 */
int learn_start(struct learn *l, const struct learn_request *ask,
		const struct lifecycle_image **ret, struct err *err);
/* Ends it: containers that have no policy are released. -ENOENT: the image is not learned. */
int learn_stop(struct learn *l, const char *image, const struct lifecycle_image **ret,
	       struct err *err);
/* A run that was recorded. */
struct learn_run {
	const char *image;
	unsigned number; /* as the name of its file has it */
};

/*
 * Removes a recorded run and its file, so that no training takes it. A policy that has learned from
 * it stays as it is. *ret is the life cycle's. -ENOENT: there is no such run, or the image is not
 * learned. Else as unlink(2).
 */
int learn_drop_run(struct learn *l, const struct learn_run *run, const struct lifecycle_image **ret,
		   struct err *err);

/* What learn_forget() has left. */
struct learn_forgotten {
	size_t n_runs;	 /* that were removed */
	bool has_policy; /* the policy stays, without a gate */
	char policy[LIFECYCLE_NAME_MAX + 1];
};

/*
 * Ends learning as learn_stop() does, and removes all recordings of an image and what life.json has
 * of it. Its policy stays. -ENOENT: the image is not learned. Else as unlink(2).
 */
int learn_forget(struct learn *l, const char *image, struct learn_forgotten *ret, struct err *err);
/* Returns true if the trainer works on this image. */
bool learn_is_training(const struct learn *l, const struct lifecycle_image *i);
/* Returns the mode of an image's policy; audit if it has none that is good. */
unsigned learn_policy_mode(const struct learn *l, const struct lifecycle_image *i);

#endif
