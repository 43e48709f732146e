/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recording of one container: the run that is under way, and the roles of the live tasks, which
 * outlast the run. A run is a file FILE.part with its state beside it, FILE.state. Both stay when
 * lutrad ends, and the next lutrad goes on with them.
 *
 * On the main loop. What cannot be written is dropped with the run, and noted for `lutra learn`.
 */
#ifndef LUTRA_USER_LEARN_RECORDING_H
#define LUTRA_USER_LEARN_RECORDING_H

#include "lib/replay/live_roles.h"
#include "lib/trace/trace.h"
#include "user/learn/learn_impl.h"

#define RECORDING_PART ".part" /* ends the name of a recording whose run has not ended */
#define RECORDING_STATE ".state"
#define RECORDING_NAME 32

/* The run under way, as its state file tells it to the next lutrad. */
struct recorded_run {
	char file[RECORDING_NAME];  /* name once it is whole; "": no run is under way */
	uint64_t start_ns, last_ns; /* CLOCK_MONOTONIC, of its first and last record */
	uint64_t bytes;		    /* of the file, up to its last chunk */
	uint64_t events;	    /* records of what tasks did; without ARM records */
	uint64_t syscalls;	    /* that do more than wait */
	uint64_t missing;	    /* records that were lost before its first one */
	uint64_t lost;		    /* records that were lost in it */
	uint64_t received;	    /* records of the slot taken so far, of LUTRA_COUNTER_RECORDS */
	uint64_t lost_before;	    /* LUTRA_COUNTER_RECORDS_LOST when it was last looked at */
	bool has_start;		    /* it begins with the start of the container */
	bool is_clean; /* lutrad ended in order: all records that it took are written */
};

struct recording {
	struct lifecycle_image *image;
	struct container *container;
	struct trace_writer *trace; /* NULL: no run is under way */
	struct live_roles live;
	struct recorded_run run;
	char *part;	   /* path of the file while it is written */
	int failed;	   /* -errno of what could not be written; 0: nothing */
	bool runs_already; /* the container runs: a run begins with its next record */
	bool disk_full;	   /* no run begins until there is room below life.disk_mib */
	bool was_killed;   /* the lutrad before: records that it had taken are missing */
	bool is_resumed;   /* by this lutrad: recorder_tick() has not looked at it yet */
};

/* ---- recording.c ---- */

/* Makes a recording without a run. NULL: out of memory. */
struct recording *recording_new(struct lifecycle_image *i, struct container *c);
/* Frees the recording. The files of a run under way stay as they are. */
void recording_free(struct recording *r);

/* Takes a record of the container: begins a run, ends one and adds to it. */
void recording_add(struct learn *l, struct recording *r, const struct lutra_record *rec,
		   const char *str, size_t str_len);
/*
 * Notes in the run under way what a policy in force says of a task, and remembers it for the next runs:
 * training leaves the task out, with all that it starts (trainer/data/left_out.h).
 */
void recording_mark(struct recording *r, const struct lutra_evidence *ev);
/* Ends the run under way, if there is one. It counts if it is whole. */
void recording_finish(struct learn *l, struct recording *r);
/*
 * Ends the run, and begins the next one with all live tasks, each in its role. missing: records that
 * were lost between the two.
 */
void recording_cut(struct learn *l, struct recording *r, uint64_t missing);
/* The kernel lost records of the run under way: begins its tasks anew, each in its role. */
void recording_pass_gap(struct recording *r, uint64_t lost);
/* Drops the run under way. why: for `lutra learn`; NULL: nobody needs to know. */
void recording_drop(struct learn *l, struct recording *r, const char *why);
/* Writes what was gathered, and the state for the next lutrad. */
void recording_flush(struct learn *l, struct recording *r, bool is_clean);
/* Reads the slot's counters. */
void recording_counters(const struct learn *l, const struct recording *r,
			struct lutra_counters *ret);

/* ---- recording_state.c ---- */

/* Writes the state file. A failure is not reported: the run is dropped if lutrad ends now. */
void recording_save(const struct learn *l, struct recording *r);
/* Removes the state file. */
void recording_forget(const struct learn *l, const struct recording *r);
/*
 * Goes on with the run that the lutrad before recorded of this container. Returns false if there is
 * none.
 */
bool recording_resume(struct learn *l, struct recording *r);
/* Ends the runs of an image whose containers are gone since the lutrad before recorded them. */
void recording_finish_orphans(struct learn *l, struct lifecycle_image *i);

#endif
