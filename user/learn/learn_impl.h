/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of user/learn share. */
#ifndef LUTRA_USER_LEARN_LEARN_IMPL_H
#define LUTRA_USER_LEARN_LEARN_IMPL_H

#include "lib/policy/policy_packs.h"
#include "user/learn/learn.h"

#define RECORDING_FILE "run%06u.ltr" /* name of a recording, by its number */

struct recording;
struct trainer_job;

struct learn {
	struct learn_parts parts;
	struct containers_observer observer;
	struct recording *recordings[LUTRA_SLOTS]; /* NULL: the slot is not recorded */
	struct trainer_job *job;		   /* NULL: the trainer does not run */
	/* CLOCK_MONOTONIC of the last time that this was done; 0: not yet. */
	uint64_t repeats_ns;	      /* repeated alerts were looked at */
	uint64_t ticked_ns;	      /* learn_tick() */
	uint64_t saved_ns;	      /* life.json was written */
	uint64_t flushed_ns;	      /* recordings were written */
	bool orphans_done;	      /* runs of containers that are gone were ended */
	bool save_failed;	      /* the last attempt, which was logged */
	uint64_t idle[LUTRA_NR / 64]; /* syscall_idle_mask() of this machine */
};

/* ---- learn.c ---- */

/*
 * Returns the image that the container's policy was learned for or, if the container has no policy,
 * the image that the container is of. NULL: that image is not learned.
 */
struct lifecycle_image *learn_image_of(const struct learn *l, const struct container *c);
/* Writes life.json now. A failure is logged once. */
void learn_save(struct learn *l);
/*
 * Returns state_dir/learn/POLICY, or a file in it (NULL: none). The caller frees. NULL: no memory.
 */
char *learn_path(const struct learn *l, const struct lifecycle_image *i, const char *file);
/* Returns policies_dir/POLICY. The caller frees. NULL: out of memory. */
char *learn_policy_dir(const struct learn *l, const struct lifecycle_image *i);
/* Returns true if an older version made the image's policy, so that it has no level M. */
bool learn_is_policy_old(const struct learn *l, const struct lifecycle_image *i);
/* Returns true if lutrad has a policy for the image that loads, with the signature that is asked for. */
bool learn_has_policy(const struct learn *l, const struct lifecycle_image *i);
/* Returns true if level M of the policy only logs, as with few runs, while level N alerts. */
bool learn_level_only_logs(const struct learn *l, const struct lifecycle_image *i);
/* Returns how many runs the image's policy has learned from. 0: it has none that is good. */
size_t learn_count_policy_runs(const struct learn *l, const struct lifecycle_image *i);
/* Returns the mode in the files of the image's policy; audit if it has none that is good. */
unsigned learn_own_mode(const struct learn *l, const struct lifecycle_image *i);
/*
 * Writes which packs the image's policy has, as policy_packs_text(). "": none, or it has no policy.
 */
void learn_packs_text(const struct learn *l, const struct lifecycle_image *i,
		      char buf[static POLICY_PACKS_TEXT]);
/*
 * Puts the image's policy in force for the containers that were recorded for it. is_first: in
 * audit. Else each container keeps its mode.
 */
void learn_apply_policy(struct learn *l, struct lifecycle_image *i, bool is_first);

/* ---- recorder.c ---- */

#define RECORDER_RUNNING 0x1	     /* the container runs: its start is not seen */
#define RECORDER_RESTORED 0x2	     /* an earlier lutrad enrolled it */
#define RECORDER_ENROLLED_BEFORE 0x4 /* it was enrolled, and not recorded */

/*
 * Begins to record a container, or goes on with the run that the lutrad before recorded. how:
 * RECORDER_*.
 */
void recorder_begin(struct learn *l, struct container *c, unsigned how);
/* Ends the run that is under way: the container's last task has ended, or it is released. */
void recorder_end(struct learn *l, struct container *c);
/* Ends the recording of a container. keep: the run that is under way counts; else it is removed. */
void recorder_stop(struct learn *l, struct container *c, bool keep);
/* Ends all recordings and leaves the runs that are under way for the next lutrad. */
void recorder_suspend(struct learn *l);
/*
 * Marks the task of an alert, a refusal or a kill in the recording of a container, and the task of
 * an exec session whatever the policy says of it.
 */
void recorder_mark(struct learn *l, const struct container *c, const struct lutra_evidence *ev);
/* The image that a container is recorded for. NULL: none. */
struct lifecycle_image *recorder_image(const struct learn *l, const struct container *c);
/*
 * To be called every second: cuts long runs, looks for lost records, writes every few seconds what
 * was recorded, and keeps all recordings below life.disk_mib.
 */
void recorder_tick(struct learn *l);

/* ---- trainer_job.c ---- */

/* Starts the trainer if it does not run and there is a run that it has not looked at. */
void trainer_job_start(struct learn *l);
/* Ends the trainer, if it runs. */
void trainer_job_stop(struct learn *l);

#endif
