/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of user/guard*.c share. */
#ifndef LUTRA_USER_GUARD_GUARD_IMPL_H
#define LUTRA_USER_GUARD_GUARD_IMPL_H

#include <pthread.h>

#include "user/guard/guard.h"

#define GUARD_LINKS 96
#define GUARD_EVIDENCE_TURN 4096 /* more than the ring holds */

struct lutra_bpf;
struct bpf_link;
struct ring_buffer;

struct btf;

struct guard {
	struct lutra_bpf *skel;
	struct ring_buffer *rings;
	struct lutra_slot *slots; /* the kernel's, mapped */
	struct bpf_link *links[GUARD_LINKS];
	struct guard_handler handler;
	size_t n_links;
	uint32_t n_enrolled;
	unsigned evidence_left; /* to be handled before others have a turn */
	uint64_t idle_since_ns; /* CLOCK_MONOTONIC, where n_enrolled is 0 */
	uint32_t last_slot;
	uint32_t version;		     /* of the policy bound last */
	uint64_t seen_since_ns[LUTRA_SLOTS]; /* CLOCK_MONOTONIC; 0: no policy */
	char *pin_dir;			     /* NULL: everything ends with the process */
	int pin_lock;			     /* on pin_dir, or -1 */
	int stats_fd;			     /* while it is open, the kernel counts runs; or -1 */
	uint32_t instance;		     /* of the programs */
	bool pinned;			     /* the links are */
	bool in_charge;			     /* of what is pinned: it has been taken over */
	bool linger;			     /* as GUARD_LINGER */
	bool lsm;
	pthread_t detacher;
	bool detaching;	  /* detacher runs, or is to be joined: links and n_links are its */
	bool detach_stop; /* atomic: at the next link */
	bool detach_over; /* atomic */
	bool calls;	  /* are scored and recorded */
	bool call_events; /* stand-ins are at single calls' exits, not at every one */
};

/*
 * Load the programs into g->skel, LSM ones if the kernel takes and runs them. Errors as
 * guard_new().
 */
int guard_load(struct guard *g, unsigned flags, struct err *err);
/* Load an empty program for a hook, by its section's name. 0; -ENOENT: it is not there, or
 * disabled; or as bpf(2). */
int guard_try_hook(const struct btf *kernel, const char *section);
/* Attach all that is loaded and is not yet. On failure nothing stays attached. */
int guard_attach(struct guard *g, struct err *err);
void guard_detach(struct guard *g);
/* The same in a thread; call it again while g->detaching. */
void guard_detach_aside(struct guard *g);

/* ---- guard_pin.c: no-ops where g->pin_dir is NULL ---- */

/* Make the directory and lock it. -EBUSY: another process has it; or as mount(2), mkdir(2). */
int guard_pin_open(const char *dir, int *ret_lock, struct err *err);
/* Have the maps of an object that is not loaded yet be the pinned ones. Sets g->instance. */
int guard_pin_maps(struct guard *g, struct lutra_bpf *skel);
int guard_pin_links(struct guard *g);
void guard_unpin_links(struct guard *g);
/* Act for what is enrolled already, in place of the instance before. */
int guard_take_over(struct guard *g, struct err *err);
/* Remove the directory and all pins in it: what they held is detached. */
void guard_unpin_all(const char *dir);

/* Bind a new image of policy, and new seen bits, to a slot. */
int guard_bind(struct guard *g, uint32_t slot, const struct policy *policy, struct err *err);
void guard_unbind(struct guard *g, uint32_t slot);
/* Seen bits older than a day make room for new ones: slow masking does not last. */
void guard_refresh_seen(struct guard *g);

#endif
