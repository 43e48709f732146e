/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life cycle of learned policies, one per image: lutrad records runs (learn), the policy that
 * the trainer makes from them alerts only (audit), then the policy refuses. This file counts and
 * decides, and reads and writes life.json in state_dir. It changes nothing else.
 */
#ifndef LUTRA_USER_POLICY_LIFECYCLE_H
#define LUTRA_USER_POLICY_LIFECYCLE_H

#include "lib/policy/policy_unseen.h"
#include "user/config/config.h"
#include "user/identity/identity.h"

#define LIFECYCLE_NAME_MAX 200 /* bytes of a policy's or recording's name */

/* A complete recording on disk. */
struct lifecycle_run {
	char *file; /* name in the image's directory of recordings */
	uint64_t calls, objects, new_calls, new_objects; /* new: not in an earlier run */
	double seconds;
	bool start;   /* it begins with the start of its container */
	bool counted; /* the trainer has counted the run: the numbers above are known */
	bool used;    /* the policy was trained on it */
	bool given;   /* the running trainer reads it; not in life.json */
};

#define LIFECYCLE_RELEASES 64 /* of an image that are remembered */

/* A digest of the image that containers had. */
struct lifecycle_release {
	char *digest;
	uint64_t seen_ns; /* CLOCK_REALTIME, of the first container; 0: before this was noted */
	bool learned;	  /* the policy was trained on its runs */
};

struct lifecycle_image {
	struct lifecycle_image *next;
	char *image;
	char *policy;		    /* name in policies_dir */
	char *digest;		    /* image digest of the policy; NULL: unknown */
	char *learned;		    /* image digest of the runs; NULL: unknown yet */
	char *note;		    /* the last problem, for the operator; NULL: none */
	struct lifecycle_run *runs; /* oldest first */
	size_t n_runs, runs_size;
	struct lifecycle_release *releases; /* (n_releases), the first seen first */
	size_t n_releases, releases_size;
	bool learning;	 /* lutrad records runs */
	bool trained;	 /* a policy exists */
	bool accept_new; /* the update that is learned may make the policy weaker */
	bool anew;	 /* as learn_request.anew; false: nothing is learned, or it is an update */
	bool stopped;	 /* a person ended learning: lutrad begins none to add what hooks see */
	bool by_runs;	 /* learning ends after the runs that are wanted, whatever is new */
	uint32_t wanted; /* runs to train on, at least */
	uint64_t began_ns;	     /* CLOCK_REALTIME when learning began; 0: not known */
	struct policy_unseen unseen; /* of the runs that wait, as the trainer counted them */
	uint32_t number;	     /* number of the next recording */
	uint32_t dropped;	     /* runs that were not counted */
	uint32_t policy_runs;	     /* runs that the policy was trained on */
	uint32_t policy_starts;	     /* of these, the runs that begin with a start */
	uint64_t policy_calls;	     /* system calls that the policy was trained on */
	uint64_t clean_ns;	     /* time in audit since the last match that would refuse */
	uint64_t enforced_ns;	     /* time in force since the last change of mode */
	bool fresh;		     /* the trainer has work; not in life.json */
	bool ended_late; /* life.learn_hours were over, and it was tried; not in life.json */
};

struct lifecycle {
	struct lifecycle_image *images;
	bool changed; /* must be saved */
};

void lifecycle_done(struct lifecycle *l);
/* Reads the text of life.json. -EBADMSG: it is damaged, err says where. -ENOMEM. */
int lifecycle_parse(const char *text, size_t len, struct lifecycle *ret, struct err *err);
/* Returns the content of life.json, NULL if memory is short. */
json_t *lifecycle_to_json(const struct lifecycle *l);
/*
 * Reads state_dir/life.json; no file: no images. -EBADMSG: it is damaged, too large or no regular
 * file, err says why. -ENOMEM, or an error of open(2) or read(2).
 */
int lifecycle_load(const char *state_dir, struct lifecycle *ret, struct err *err);
/* Writes state_dir/life.json and clears changed. -ENOMEM, or as file_replace(). */
int lifecycle_save(const char *state_dir, struct lifecycle *l);

/* Each finds an image, or returns NULL: by its exact reference, as engines complete it, … */
struct lifecycle_image *lifecycle_find(const struct lifecycle *l, const char *image);
/* … by a container of the image, … */
struct lifecycle_image *lifecycle_of_container(const struct lifecycle *l,
					       const struct identity *identity);
/* … by the name of its policy. */
struct lifecycle_image *lifecycle_of_policy(const struct lifecycle *l, const char *policy);
/*
 * Adds an image. -EINVAL: not a reference. -EEXIST: the policy of another image has the name.
 * -ENOMEM.
 */
int lifecycle_add(struct lifecycle *l, const char *image, struct lifecycle_image **ret,
		  struct err *err);
/* Removes an image and frees it. The caller removes its recordings. */
void lifecycle_remove(struct lifecycle *l, struct lifecycle_image *i);
/* Replaces the note for the operator. */
void lifecycle_set_note(struct lifecycle *l, struct lifecycle_image *i, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Appends a run and copies file. start: it begins with the start of its container. -ENOMEM. */
int lifecycle_add_run(struct lifecycle *l, struct lifecycle_image *i, const char *file, bool start);
/* Finds a run by the name of its file. NULL: there is none. */
struct lifecycle_run *lifecycle_find_run(const struct lifecycle_image *i, const char *file);
/* Sets the digest of the runs; drops and counts the waiting runs of another digest. -ENOMEM. */
int lifecycle_set_digest(struct lifecycle *l, struct lifecycle_image *i, const char *digest);
/* Finds what is known of a digest of the image. NULL: nothing. */
struct lifecycle_release *lifecycle_find_release(const struct lifecycle_image *i,
						 const char *digest);
/*
 * Notes that a container of a digest was seen. If there are LIFECYCLE_RELEASES, the first is
 * forgotten. *ret may be NULL. -ENOMEM.
 */
int lifecycle_add_release(struct lifecycle *l, struct lifecycle_image *i, const char *digest,
			  uint64_t now_ns, struct lifecycle_release **ret);
/* Removes a run from the list. The caller removes its file. */
void lifecycle_drop_run(struct lifecycle *l, struct lifecycle_image *i, size_t run);

/* Counts the runs that no policy was trained on. */
unsigned lifecycle_waiting_runs(const struct lifecycle_image *i);

/*
 * Begins to learn an image. runs: learning ends after so many runs; 0: when little is new. now_ns:
 * CLOCK_REALTIME.
 */
void lifecycle_begin(struct lifecycle *l, struct lifecycle_image *i, uint32_t runs,
		     const struct config_life *limits, uint64_t now_ns);

enum lifecycle_end {
	LIFECYCLE_GOES_ON,
	LIFECYCLE_ENOUGH,    /* the runs that wait are to be trained on */
	LIFECYCLE_TIME_IS_UP /* the same, though more is new than life.new_per_day */
};

/*
 * Returns whether learning ends now. Without a number of runs to learn from it ends when there are
 * life.runs runs and the unseen is at most life.new_per_day; at the latest after life.learn_hours,
 * or when there are as many runs as the trainer takes.
 */
enum lifecycle_end lifecycle_end(const struct lifecycle_image *i, const struct config_life *limits,
				 uint64_t now_ns);
/*
 * Returns the hours of runs that are needed more, if nothing new comes, to show life.new_per_day.
 */
double lifecycle_hours_more(const struct lifecycle_image *i, const struct config_life *limits);
/*
 * Stores the trainer's coverage report: what each run brought, by file name, and the unseen.
 * -EBADMSG: not a report.
 */
int lifecycle_add_coverage(struct lifecycle *l, struct lifecycle_image *i, const json_t *coverage);
/* Records that the trainer made a policy from the given runs. */
void lifecycle_on_trained(struct lifecycle *l, struct lifecycle_image *i);

/* What the life cycle says of a container that is about to be enrolled. */
struct lifecycle_choice {
	bool record;  /* its runs are to be recorded */
	bool changed; /* a release: its policy was made for another digest */
	uint64_t
		seen_ns; /* CLOCK_REALTIME, when the release was first seen; 0: now, or not known */
};

/*
 * Chooses for a container of that identity. policy: the name of its policy in policies_dir; NULL:
 * it has none. Returns 0, or -ENOENT if it has no policy and its image is not learned.
 */
int lifecycle_choose(const struct lifecycle *l, const struct identity *who, const char *policy,
		     struct lifecycle_choice *ret);

/*
 * Returns true if the policy may refuse and kill: it has enough runs, system calls and clean hours.
 * If not, *why lists what is missing, which --force overrides.
 */
bool lifecycle_is_gate_met(const struct lifecycle_image *i, const struct config_life *limits,
			   struct err *why);
struct lifecycle_mode_request {
	const char *policy;
	unsigned mode;
	bool force;
};

/*
 * Checks the gate for a mode. A policy outside the life cycle may have each mode. -EPERM: the gate
 * is not met and force is not set; err says what is missing. *ret_overridden: what force overrides,
 * "" if nothing.
 */
int lifecycle_allows_mode(const struct lifecycle *l, const struct config_life *limits,
			  const struct lifecycle_mode_request *ask, struct err *ret_overridden,
			  struct err *err);
/* Adds the time that containers spent under the policy in this mode. */
void lifecycle_add_time(struct lifecycle *l, struct lifecycle_image *i, unsigned mode,
			uint64_t elapsed_ns);
/* Ends the clean time in audit: a match came that a mode in force would refuse. */
void lifecycle_end_clean_time(struct lifecycle *l, struct lifecycle_image *i);
/*
 * Returns true if refusals in a container may be false alarms: the policy is in its first
 * life.fallback_minutes in force, or the release of that digest (NULL: not known) is. now_ns:
 * CLOCK_REALTIME.
 */
bool lifecycle_is_watched(const struct lifecycle_image *i, const struct config_life *limits,
			  const char *digest, uint64_t now_ns);
/* Starts the counts of clean and enforced time again, for a change of the mode. */
void lifecycle_on_mode_set(struct lifecycle *l, struct lifecycle_image *i);

/*
 * Returns {"image", "policy", "stage", "runs": [], …}, for the status. mode: the policy's mode.
 * now_ns: CLOCK_REALTIME.
 */
json_t *lifecycle_image_to_json(const struct lifecycle_image *i, const struct config_life *limits,
				unsigned mode, uint64_t now_ns);

#endif
