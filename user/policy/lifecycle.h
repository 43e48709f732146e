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
#include "user/identity/identity.h"

#define LIFE_RUNS_MAX 1000 /* of an image, to be learned from */
#define LIFE_NAME_MAX 200
#define LIFE_QUIET_RUNS 2 /* in a row that bring nothing new: there is little more to learn */

/* "life" of the configuration; every member optional. */
struct life_limits {
	uint64_t runs;		   /* to train on, and the gate's; default 5 */
	uint64_t calls;		   /* in these runs; default 10000 */
	uint64_t clean_minutes;	   /* audited without a signal that would refuse; default 1440 */
	uint64_t run_ms;	   /* a run that ends sooner is not counted; default 1000 */
	uint64_t disk_mib;	   /* all recordings together; default 1024 */
	uint64_t fallback_minutes; /* in force, in which */
	uint64_t fallback_signals; /* more refusals and kills end it; defaults 10, 10 */
};

/* The defaults, and over them what j (NULL: nothing) says. -EBADMSG. */
int life_limits_parse(json_t *j, struct life_limits *ret, struct err *err);

/* A run that is on disk, whole. */
struct life_run {
	char *file; /* in the image's directory of recordings */
	uint64_t calls, objects, new_calls, new_objects;
	double seconds;
	bool counted; /* the trainer has looked at it: these four are known */
	bool used;    /* it is in the policy */
	bool given;   /* to the trainer, which is at work; not in the file */
};

struct life_image {
	struct life_image *next;
	char *image;
	char *policy;	       /* its name in policies_dir */
	char *digest;	       /* of the image that the policy was made for; NULL: not known */
	char *learned;	       /* of the image that the runs are of; NULL: not known yet */
	char *note;	       /* what was last out of order; NULL: nothing */
	struct life_run *runs; /* oldest first */
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

struct life {
	struct life_image *images;
	bool changed; /* since it was saved */
};

void life_done(struct life *l);
/* -EBADMSG: damaged, err says where; *ret is all of it, or untouched. */
int life_parse(const char *text, size_t len, struct life *ret, struct err *err);
json_t *life_encode(const struct life *l); /* NULL: out of memory */
/* state_dir/life.json; no file: nothing. Errors as life_parse(), file_read(). */
int life_load(const char *state_dir, struct life *ret, struct err *err);
int life_save(const char *state_dir, struct life *l); /* -errno */

/* The image's, by its reference as engines complete it; NULL: none. */
struct life_image *life_find(const struct life *l, const char *image);
struct life_image *life_of_container(const struct life *l, const struct identity *who);
struct life_image *life_of_policy(const struct life *l, const char *policy);
/* -EEXIST: another image's policy has that name. -EINVAL: no reference. -ENOMEM. */
int life_add(struct life *l, const char *image, struct life_image **ret, struct err *err);
void life_note(struct life *l, struct life_image *i, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Append a run; file is copied. -ENOMEM. */
int life_add_run(struct life *l, struct life_image *i, const char *file);
/* Runs of another digest than the containers' are dropped, and counted. -ENOMEM. */
int life_of_digest(struct life *l, struct life_image *i, const char *digest);
void life_drop_run(struct life *l, struct life_image *i, size_t run);

/* Runs that wait to be trained on; of the newest, how many in a row brought nothing new. */
unsigned life_waiting(const struct life_image *i);
unsigned life_quiet(const struct life_image *i);
/* How many more runs are advised. */
unsigned life_advised(const struct life_image *i);
/* The trainer's word, as news(): what the runs brought, by file name. -EBADMSG. */
int life_count(struct life *l, struct life_image *i, const json_t *news);
/* The policy was made, of all runs that were given. */
void life_trained(struct life *l, struct life_image *i);

/*
 * Is it time for this policy to refuse and kill? False: why says all that is missing. What --force
 * overrides is just that.
 */
bool life_gate(const struct life_image *i, const struct life_limits *limits, struct err *why);
/*
 * The gate of the policy of that name, if it is in a life cycle: -EPERM if it is not met for this
 * mode and not forced, err says what is missing. *ret_over: what force overrides, "" for nothing.
 */
struct life_ask {
	const char *policy;
	unsigned mode;
	bool force;
};
int life_allows(const struct life *l, const struct life_limits *limits, const struct life_ask *ask,
		struct err *ret_over, struct err *err);
/* Time that containers spent under it, in audit or in force. */
void life_tick(struct life *l, struct life_image *i, unsigned mode, uint64_t elapsed_ns);
/*
 * A signal under it, refuses: of a rule that refuses or kills where it is in force. True: too many
 * in its first minutes in force, it is to fall back to audit.
 */
bool life_signal(struct life *l, struct life_image *i, const struct life_limits *limits,
		 unsigned mode, bool refuses);
/* It is in another mode from here on. */
void life_switched(struct life *l, struct life_image *i);

/* For the status: {"image", "policy", "stage", "runs": [], …}. mode: of the policy. */
json_t *life_image_json(const struct life_image *i, const struct life_limits *limits,
			unsigned mode);

#endif
