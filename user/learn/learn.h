/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life cycle of policies in lutrad: runs of the containers of images that are learned are
 * recorded, start to stop; the trainer is run on them; what it makes is put in force in audit, and
 * taken back when it fires too often. What of it outlives the daemon is in life.json (life.h), and
 * the recordings in state_dir/learn/POLICY.
 *
 * A run counts if it was recorded whole: from the container's first program to its last task's end,
 * nothing lost, no shorter than life.run_ms. One that was under way when lutrad began or ended, or
 * when the disk or life.disk_mib was full, is dropped, and said.
 */
#ifndef LUTRA_USER_LEARN_LEARN_H
#define LUTRA_USER_LEARN_LEARN_H

#include "user/daemon/daemon.h"
#include "user/policy/lifecycle.h"

struct learn;

/* d->learn is set. A damaged life.json is set aside, and said. Errors as lifecycle_load(). */
int learn_open(struct daemon *d, struct err *err);
/* Runs that are under way are dropped, the trainer is ended. */
void learn_close(struct daemon *d);
/* Every second. */
void learn_tick(struct daemon *d);

/* Handler of the kernel's records; ctx: the daemon. */
void learn_record(void *ctx, uint32_t slot, const struct lutra_record *rec, const char *str,
		  size_t str_len);

/*
 * A container that has no policy, or p: is its image learned? *ret: its runs are to be recorded.
 * One of another digest than p was made for is put in audit, and begins to be learned. -ENOENT: it
 * has no policy and is not learned. -ENOMEM.
 */
int learn_choose(struct daemon *d, struct container *c, const struct policy *p, bool *ret,
		 struct err *err);
/* It is enrolled, and c->recorded. cut: it ran before, this run is not one. */
void learn_begin(struct daemon *d, struct container *c, bool cut);
/* Its last task has ended, or it is about to be released. */
void learn_end(struct daemon *d, struct container *c);

/* A signal of a container, as it came from the kernel. */
void learn_signal(struct daemon *d, struct container *c, const struct lutra_evidence *ev);
/*
 * May a policy, in dir, be in this mode by its life so far? -EPERM: no, err says what is missing.
 * With force: *ret_over says what that overrides, "" where nothing.
 */
int learn_gate(const struct daemon *d, const char *dir, unsigned mode, bool force,
	       struct err *ret_over, struct err *err);
/* The operator set its mode. */
void learn_switched(struct daemon *d, const char *policy);

/* ---- learn_train.c ---- */

/* Run the trainer where there is something new for it and it does not run. */
void learn_train(struct daemon *d);
void learn_train_end(struct daemon *d);
/* Is it at work for this image? */
bool learn_training(const struct daemon *d, const struct lifecycle_image *i);

/* ---- learn_control.c: requests, each with its answer, or NULL with err ---- */

json_t *learn_start(struct daemon *d, json_t *q, struct err *err);
json_t *learn_stop(struct daemon *d, json_t *q, struct err *err);
json_t *learn_status(struct daemon *d, json_t *q, struct err *err);
/* Of all images. */
json_t *learn_json(const struct daemon *d);

/* ---- between these files ---- */

struct recording;
struct job;

struct learn {
	struct lifecycle lifecycle;
	struct recording *at[LUTRA_SLOTS]; /* NULL: not recorded */
	struct job *job;		   /* the trainer at work, or NULL */
	uint64_t ticked_ns;		   /* CLOCK_MONOTONIC */
	uint64_t saved_ns;
	uint64_t flushed_ns;
	bool save_failed; /* and said */
};

/* The image of its policy, or else its own; NULL: it is in no life cycle. */
struct lifecycle_image *learn_image(const struct daemon *d, const struct container *c);
/* Write life.json, now. */
void learn_save(struct daemon *d);
/* state_dir/learn/POLICY, or a file in it; the caller's to free; NULL: out of memory. */
char *learn_path(const struct daemon *d, const struct lifecycle_image *i, const char *file);
/* No more runs of an image: those under way are dropped; who has no policy is released. */
void learn_halt(struct daemon *d, struct lifecycle_image *i, const char *why);
/* Its policy, or NULL with err. */
struct policy *learn_policy(const struct daemon *d, const struct lifecycle_image *i,
			    struct err *err);
/* Containers that were recorded for it get the policy that was made, in audit. */
void learn_put_in_force(struct daemon *d, struct lifecycle_image *i);

#endif
