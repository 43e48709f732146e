/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of user/guard only. */
#ifndef LUTRA_USER_GUARD_GUARD_IMPL_H
#define LUTRA_USER_GUARD_GUARD_IMPL_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <pthread.h>

#include "user/guard/guard.h"

#define GUARD_EVIDENCE_TURN 4096 /* records of evidence taken at a time: more than the ring holds */
#define GUARD_LINKS 128

/* Programs that are attached beside the others while something needs them. */
enum guard_extra {
	GUARD_ENTER,   /* sys_enter, where system calls are seen at the seccomp filter */
	GUARD_REFUSAL, /* file_alloc_security, which only refuses */
	GUARD_EXTRAS
};

struct lutra_bpf;

DEFINE_FREEP(struct btf, btf__free);

struct guard {
	/* guard.c */
	struct guard_handler handler;
	struct lutra_slot *slots; /* the kernel's array, mapped */
	int stats_fd;		  /* open: the kernel counts runs; or -1 */
	bool linger;		  /* GUARD_LINGER */

	/* guard_load.c */
	struct lutra_bpf *skel;
	bool lsm;
	bool syscalls;	     /* system calls are scored and recorded */
	bool syscall_events; /* fallback programs are at the exits of single system calls */

	/* guard_syscalls.c */
	/* It sees system calls of tasks with a seccomp filter; NULL: sys_enter alone is used. */
	const struct bpf_program *at_filter;
	const char *at_filter_why;   /* why at_filter is as it is */
	bool preempts;		     /* the kernel may skip runs of tracing programs */
	uint64_t missed_tasks;	     /* skipped runs of what follows tasks, at the last look */
	bool unfiltered;	     /* such a task was noted, and sys_enter is to be attached */
	uint64_t filters_checked_ns; /* CLOCK_MONOTONIC: the last look at tasks, or note */

	/* rings.c */
	struct ring_buffer *rings;
	unsigned evidence_left; /* to handle before guard_drain() returns */

	/* handled.c */
	struct guard_handled *handled; /* mapped; NULL: nothing is pinned */

	/* guard_attach.c; links and n_links belong to the detacher while detaching */
	struct bpf_link *links[GUARD_LINKS];
	size_t n_links;
	struct bpf_link *extra[GUARD_EXTRAS]; /* NULL: not attached */
	pthread_t detacher;
	bool detaching;	  /* the detacher runs, or has to be joined */
	bool detach_stop; /* atomic: the detacher stops before the next link */
	bool detach_over; /* atomic: the detacher has ended */

	/* guard_enroll.c, guard_pin.c */
	uint32_t n_enrolled;
	uint32_t last_slot;
	uint32_t version;	/* of the policy bound last */
	uint64_t idle_since_ns; /* CLOCK_MONOTONIC, while n_enrolled is 0 */

	/* guard_pin.c */
	char *pin_dir; /* NULL: everything ends with the process */
	int pin_lock;  /* lock on pin_dir, or -1 */
	uint32_t instance;
	bool pinned;	/* the links are pinned */
	bool in_charge; /* the pinned state has been taken over */
};

/* ---- guard_load.c ---- */

/* Loads the programs into g->skel, LSM programs if the kernel runs them. Errors as guard_new(). */
int guard_load(struct guard *g, unsigned flags, struct err *err);
/*
 * Loads an empty program for a section such as "lsm/file_open". -ENOENT: the kernel has no such
 * hook, or keeps it to itself; else as bpf(2).
 */
int guard_try_load(const struct btf *kernel, const char *section, enum bpf_prog_type type,
		   enum bpf_attach_type attach);

/* ---- guard_syscalls.c: where system calls are seen ---- */

/* Opens a file system that is mounted nowhere, as "tracefs". Returns a directory, or as fsmount(2). */
int guard_open_fs(const char *type);
enum guard_preemption { GUARD_PREEMPTION_OFF, GUARD_PREEMPTION_ON, GUARD_PREEMPTION_UNKNOWN };

/* Tells whether the kernel preempts tasks in the kernel, as far as files of the kernel say. */
enum guard_preemption guard_read_preemption(void);
/* Finds out which loaded program at the seccomp filter can be used. Sets g->at_filter and preempts. */
void guard_place_syscalls(struct guard *g);
/* Has hooks look for tasks whose fork was skipped, on a kernel that may skip one. Returns 0 or -errno. */
int guard_note_skipping(const struct guard *g);
/* Attaches sys_enter beside the program at the filter, if that is used. Returns 0 or as bpf(2). */
int guard_attach_enter(struct guard *g);
/* Attaches sys_enter if a task without a filter was noted since the last call. */
void guard_heed_notes(struct guard *g);
/* Attaches sys_enter if a task without a filter is enrolled. Returns 0 or as bpf(2). */
int guard_follow_filters(struct guard *g);

/* ---- guard_attach.c ---- */

/* Attaches what is loaded and not yet attached. On failure nothing stays attached. */
int guard_attach(struct guard *g, struct err *err);
/* Detaches everything; takes seconds where many tracepoints are attached. */
void guard_detach(struct guard *g);
/* Detaches in a thread; call it again while g->detaching is true. */
void guard_detach_aside(struct guard *g);
/* Attaches a program, unless it is, and pins it if the other links are. Returns 0 or as bpf(2). */
int guard_attach_extra(struct guard *g, enum guard_extra which);
void guard_detach_extra(struct guard *g, enum guard_extra which);
/* Returns true if the kernel has loaded a program that only refuses. */
bool guard_has_refusal(const struct guard *g);
/* Attaches the programs that only refuse if a mode refuses. Returns 0 or as bpf(2). */
int guard_follow_mode(struct guard *g, uint32_t mode);

/* ---- guard_enroll.c ---- */

/* Runs a program of the section iter/task for every task of the host. Returns 0 or as bpf(2). */
int guard_walk_tasks(struct bpf_program *p);

/* ---- guard_pin.c: no-ops if g->pin_dir is NULL ---- */

/*
 * Makes the directory and locks it. -EBUSY: another process has it. -EINVAL: it is not on a bpf file
 * system. Else as mount(2), mkdir(2).
 */
int guard_pin_open(const char *dir, int *ret_lock, struct err *err);
/* Ends the bpf file system that guard_pin_open() has mounted, if nothing is in it. */
void guard_unmount_bpffs(void);
/* Writes the path at which a map is pinned. There has to be a pin_dir. */
void guard_pin_path(const struct guard *g, const char *map, char ret[static PATH_MAX]);
/* Makes an object that is not loaded yet use the pinned maps. Sets g->instance. */
int guard_pin_maps(struct guard *g, struct lutra_bpf *skel);
int guard_pin_links(struct guard *g);
/* Pins a link of g->extra, if it and the other links are there. Returns 0 or as bpf(2). */
int guard_pin_extra(struct guard *g, enum guard_extra which);
void guard_unpin_links(struct guard *g);
/* Removes the pinned links of this ABI, of all instances but keep. */
void guard_remove_links(const struct guard *g, uint32_t keep);
/* Removes the directory and all pins in it, which detaches what they held. */
void guard_unpin_all(const char *dir);

/* Takes over from the earlier instance everything that is enrolled. */
int guard_take_over(struct guard *g, struct err *err);

/* ---- rings.c ---- */

int guard_open_rings(struct guard *g, struct err *err);

/* ---- handled.c ---- */

/* Opens or makes the numbers of guard_handled(), if there is a pin_dir. Errors as bpf(2), mmap(2). */
int guard_open_handled(struct guard *g, struct err *err);
void guard_close_handled(struct guard *g);

/* ---- inner_map.c: inner maps of a map-in-map ---- */

/*
 * Creates an array of one value of struct type, size bytes, with the BTF that the template of the
 * outer map has: kernel 6.1 accepts no other inner map. Returns the descriptor. -ENOENT: the object
 * has no such struct; else as bpf(2).
 */
int inner_map_new(const struct bpf_object *obj, const char *type, size_t size);

/*
 * Puts an inner map into an outer map; inner -1 removes it, and 0 is returned if there was none.
 * Returns when programs see the change. The kernel's commands would block about 10 ms longer, until
 * no program uses the old map; a thread waits for that. Returns 0, or -errno as bpf(2).
 */
int inner_map_put(int outer, uint32_t key, int inner);

/* ---- syscall_events.c: tracepoints at the exits of single system calls ---- */

/* Returns true if every system call of lutra/fallback.h that the kernel has has a tracepoint. */
bool syscall_events_usable(void);

/* Attaches a program to the exit of one system call, for `make bench`. Errors as below. */
int syscall_events_attach_one(struct bpf_program *p, unsigned nr, struct bpf_link **ret);
/*
 * Attaches a program to all of them, always in the same order. *at is the index of the first link
 * and is moved behind the last; links below *n exist already and are skipped. On failure the links
 * made so far are in links and counted in *n. -ENOSPC: more than max; else as perf_event_open(2).
 */
int syscall_events_attach(struct bpf_program *p, struct bpf_link **links, size_t *n, size_t max,
			  size_t *at);

#endif
