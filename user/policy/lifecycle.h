/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life cycle of the policies that `lutra learn` makes, one an image: runs are recorded (learn),
 * the policy made of them only alerts (audit), and then it refuses. What is here is counting and
 * deciding, and the file that keeps it, life.json in state_dir; lutrad does the rest.
 */
#ifndef LUTRA_USER_POLICY_LIFECYCLE_H
#define LUTRA_USER_POLICY_LIFECYCLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/config/config_life.h"
#include "user/identity/identity.h"

#define LIFECYCLE_NAME_MAX 200
#define LIFECYCLE_QUIET_RUNS 2 /* in a row that bring nothing new: there is little more to learn */

/* A run that is on disk, whole. */
struct lifecycle_run {
	char *file; /* in the image's directory of recordings */
	uint64_t calls, objects, new_calls, new_objects;
	double seconds;
	bool counted; /* the trainer has looked at it: these four are known */
	bool used;    /* it is in the policy */
	bool given;   /* to the trainer, which is at work; not in the file */
};

struct lifecycle_image {
	struct lifecycle_image *next;
	char *image;
	char *policy;		    /* its name in policies_dir */
	char *digest;		    /* of the image that the policy was made for; NULL: not known */
	char *learned;		    /* of the image that the runs are of; NULL: not known yet */
	char *note;		    /* what was last out of order; NULL: nothing */
	struct lifecycle_run *runs; /* oldest first */
	size_t n_runs;
	bool learning;	  /* runs are recorded */
	bool trained;	  /* there is a policy of it */
	uint32_t wanted;  /* runs to train on */
	uint32_t number;  /* of the next recording */
	uint32_t dropped; /* runs that were not counted */
	uint32_t policy_runs;
	uint32_t fired; /* refusals and kills since it is in force */
	uint64_t policy_calls;
	uint64_t clean_ns;    /* audited since the last signal that would refuse */
	uint64_t enforced_ns; /* in force, in a row */
	/* Not in the file: */
	bool fresh; /* a run came that the trainer has not looked at */
};

struct lifecycle {
	struct lifecycle_image *images;
	bool changed; /* since it was saved */
};

void lifecycle_done(struct lifecycle *l);
/* -EBADMSG: damaged, err says where; *ret is all of it, or untouched. */
int lifecycle_parse(const char *text, size_t len, struct lifecycle *ret, struct err *err);
json_t *lifecycle_to_json(const struct lifecycle *l); /* NULL: out of memory */
/* state_dir/life.json; no file: nothing. Errors as lifecycle_parse(), file_read(). */
int lifecycle_load(const char *state_dir, struct lifecycle *ret, struct err *err);
int lifecycle_save(const char *state_dir, struct lifecycle *l); /* -errno */

/* The image's, by its reference as engines complete it; NULL: none. */
struct lifecycle_image *lifecycle_find(const struct lifecycle *l, const char *image);
struct lifecycle_image *lifecycle_of_container(const struct lifecycle *l,
					       const struct identity *who);
struct lifecycle_image *lifecycle_of_policy(const struct lifecycle *l, const char *policy);
/* -EEXIST: another image's policy has that name. -EINVAL: no reference. -ENOMEM. */
int lifecycle_add(struct lifecycle *l, const char *image, struct lifecycle_image **ret,
		  struct err *err);
void lifecycle_set_note(struct lifecycle *l, struct lifecycle_image *i, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Append a run; file is copied. -ENOMEM. */
int lifecycle_add_run(struct lifecycle *l, struct lifecycle_image *i, const char *file);
/* Runs of another digest than the containers' are dropped, and counted. -ENOMEM. */
int lifecycle_set_digest(struct lifecycle *l, struct lifecycle_image *i, const char *digest);
void lifecycle_drop_run(struct lifecycle *l, struct lifecycle_image *i, size_t run);

/* Runs that wait to be trained on; of the newest, how many in a row brought nothing new. */
unsigned lifecycle_waiting_runs(const struct lifecycle_image *i);
unsigned lifecycle_quiet_runs(const struct lifecycle_image *i);
/* How many more runs are advised. */
unsigned lifecycle_advised_runs(const struct lifecycle_image *i);
/* The trainer's word, as news(): what the runs brought, by file name. -EBADMSG. */
int lifecycle_add_coverage(struct lifecycle *l, struct lifecycle_image *i, const json_t *news);
/* The policy was made, of all runs that were given. */
void lifecycle_on_trained(struct lifecycle *l, struct lifecycle_image *i);

/*
 * Is it time for this policy to refuse and kill? False: why says all that is missing. What --force
 * overrides is just that.
 */
bool lifecycle_is_gate_met(const struct lifecycle_image *i, const struct config_life *limits,
			   struct err *why);
/*
 * The gate of the policy of that name, if it is in a life cycle: -EPERM if it is not met for this
 * mode and not forced, err says what is missing. *ret_over: what force overrides, "" for nothing.
 */
struct lifecycle_mode_request {
	const char *policy;
	unsigned mode;
	bool force;
};
int lifecycle_allows_mode(const struct lifecycle *l, const struct config_life *limits,
			  const struct lifecycle_mode_request *ask, struct err *ret_over,
			  struct err *err);
/* Time that containers spent under it, in audit or in force. */
void lifecycle_add_time(struct lifecycle *l, struct lifecycle_image *i, unsigned mode,
			uint64_t elapsed_ns);
/*
 * A signal under it, refuses: of a rule that refuses or kills where it is in force. True: too many
 * in its first minutes in force, it is to fall back to audit.
 */
bool lifecycle_add_match(struct lifecycle *l, struct lifecycle_image *i,
			 const struct config_life *limits, unsigned mode, bool refuses);
/* It is in another mode from here on. */
void lifecycle_on_mode_set(struct lifecycle *l, struct lifecycle_image *i);

/* For the status: {"image", "policy", "stage", "runs": [], …}. mode: of the policy. */
json_t *lifecycle_image_to_json(const struct lifecycle_image *i, const struct config_life *limits,
				unsigned mode);

#endif
