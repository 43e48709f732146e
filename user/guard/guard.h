/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BPF side as one object: loads, attaches and pins the programs, enrols cgroups, swaps policies
 * and reads the rings. All functions run on one thread. Everything is held by file descriptors of
 * this process: unless it is pinned, nothing stays attached when the process ends, however it ends.
 */
#ifndef LUTRA_USER_GUARD_GUARD_H
#define LUTRA_USER_GUARD_GUARD_H

#include <sys/types.h>

#include "lib/policy/policy.h"

/* Called from guard_drain(); NULL: not called. str: str_len bytes, without NUL. */
struct guard_handler {
	void (*record)(void *ctx, uint32_t slot, const struct lutra_record *rec, const char *str,
		       size_t str_len);
	void (*evidence)(void *ctx, const struct lutra_evidence *ev, const char *str,
			 size_t str_len);
	void *ctx;
};

struct guard;

#define GUARD_NO_LSM 0x1      /* use the fallback programs even where LSM programs load */
#define GUARD_NO_SYSCALLS 0x2 /* attach nothing to sys_enter: only hooks are judged */
#define GUARD_LINGER 0x4      /* stay attached after the last release, until guard_detach_idle() */
#define GUARD_BRIEF 0x8	      /* fallback programs that detach at once, but slow all syscalls */
#define GUARD_STATS 0x10      /* let the kernel count and time the runs of all BPF programs */

/*
 * Loads the programs: LSM programs where the kernel takes them (found by loading), else the
 * tracepoints that replace them. Nothing is attached before the first enrolment or after the last
 * release. flags: GUARD_*. The caller frees *ret.
 *
 * pin_dir: a directory of a bpf file system to pin the kernel state in, or NULL: enrolled containers
 * stay guarded when the process ends, and the next process with this pin_dir takes them over without
 * a gap.
 *
 * -EPERM: not root. -ENOENT: the kernel has no BTF. -EOPNOTSUPP: the kernel is too old, or
 * GUARD_NO_SYSCALLS is set and LSM programs do not run. -EBUSY: a live process uses pin_dir.
 */
int guard_new(struct guard **ret, const struct guard_handler *handler, unsigned flags,
	      const char *pin_dir, struct err *err);
/* Frees the guard. Pinned containers stay guarded; all others are released. */
void guard_free(struct guard *g);
DEFINE_FREEP(struct guard, guard_free);

/*
 * Returns true if programs of another lutra version, whose state this one cannot read, are still
 * pinned in pin_dir. They act until guard_remove_other_versions(): enrol the containers again first.
 */
bool guard_has_other_versions(const struct guard *g);
void guard_remove_other_versions(const struct guard *g);
/*
 * Removes everything that is pinned in pin_dir: no container stays guarded. -EBUSY: a process uses
 * pin_dir, or something could not be removed.
 */
int guard_uninstall(const char *pin_dir, struct err *err);

bool guard_has_lsm(const struct guard *g);

/* Where system calls are seen. */
struct guard_syscalls {
	const char *at_filter; /* the program at the seccomp filter, which costs a task without one
				  nothing; NULL: there is none */
	bool at_enter;	       /* at sys_enter, which costs every task of the host */
	const char *why;       /* why at the filter, or why not; never NULL */
};

/* Tells where system calls are seen while anything is enrolled. */
struct guard_syscalls guard_syscalls(const struct guard *g);
/*
 * Tells whether a task of the slot had no seccomp filter at the last look: then sys_enter is attached
 * for the whole host. False where system calls are not seen at the filter.
 */
bool guard_is_unfiltered(const struct guard *g, uint32_t slot);
/*
 * Detaches what is needed no longer: sys_enter beside the filter when all enrolled tasks have had a
 * filter for some seconds, and what only refuses when no container is in a mode that refuses. Call it
 * about every second. now_ns: CLOCK_MONOTONIC. May take some milliseconds.
 */
void guard_choose_programs(struct guard *g, uint64_t now_ns);
/*
 * Returns true if the process of a pidfd is enrolled, whatever cgroup it moved to. While the kernel has
 * no memory for entries of tasks, the cgroup decides.
 */
bool guard_has_task(const struct guard *g, int pidfd);
/* Reads the levels and the role of the process of a pidfd. -ENOENT: not enrolled. -ENOMEM. */
int guard_task_state(const struct guard *g, int pidfd, struct lutra_state *ret);
/* Returns the operations that are seen on this host: one bit per enum lutra_op. */
uint32_t guard_ops(const struct guard *g);

struct guard_enrolment {
	const char *cgroup;	     /* path of a cgroup v2 directory */
	const struct policy *policy; /* NULL: mode learn */
	uint32_t mode;		     /* enum lutra_mode */
	bool record;		     /* send events to handler.record */
	/*
	 * Every task is pending until its next exec, wherever that is: the caller is about to exec,
	 * or an OCI hook enrols. If false, tasks that run already are armed now, and tasks that
	 * join later are armed at their first exec in another mount namespace than their mover's.
	 */
	bool next_exec;
	bool starting; /* the present tasks are pending until their next exec; later ones as above */
	/*
	 * With starting: a process that has executed the container's program and is stopped before its
	 * first instruction. It is armed now. 0: none is.
	 */
	pid_t at_door;
	bool sessions; /* the cgroup of exactly one container: a task that joins is an exec session */
};

/*
 * Enrols a cgroup with everything below it. On failure nothing is half enrolled. -EINVAL: the root
 * cgroup, the caller's own cgroup or an ancestor of it. -ENOTSUP: not cgroup v2. -EEXIST: enrolled
 * already. -ENOSPC: no slot is free. -EOPNOTSUPP: the mode needs LSM, which this host does not run.
 */
int guard_enroll(struct guard *g, const struct guard_enrolment *e, uint32_t *ret_slot,
		 struct err *err);
/*
 * Arms another process that the door stopped in an enrolled container, before it runs: an exec session
 * that came while the container was unknown. Returns 0, -ENOENT, or -errno as bpf(2).
 */
int guard_enroll_stopped(struct guard *g, uint32_t slot, pid_t pid);
/* Releases a slot. -ENOENT: the slot holds no container. */
int guard_release(struct guard *g, uint32_t slot);
/* Checks whether a slot can be in this mode. -EINVAL, -EOPNOTSUPP as guard_enroll(). */
int guard_check_mode(const struct guard *g, uint32_t mode, bool has_policy, struct err *err);
/* Sets the mode of a slot at once. Errors as guard_check_mode(); -ENOENT. */
int guard_set_mode(struct guard *g, uint32_t slot, uint32_t mode, struct err *err);
/* Starts or stops sending the slot's events to handler.record. -ENOENT. */
int guard_set_record(struct guard *g, uint32_t slot, bool record);
/*
 * Notes that the container of a slot is empty: the next program that starts in it is the container's
 * own, and no exec session. -ENOENT.
 */
int guard_note_emptied(struct guard *g, uint32_t slot);
/* Swaps the policy of a slot atomically. -ENOENT, -ENOEXEC: a policy for another architecture. */
int guard_set_policy(struct guard *g, uint32_t slot, const struct policy *policy, struct err *err);
/* Copies the kernel's view of a slot. -ENOENT. */
int guard_slot(const struct guard *g, uint32_t slot, struct lutra_slot *ret);
/* Adds up a slot's counters over all CPUs. Slot 0: events of no container. -ENOENT, -ENOMEM. */
int guard_counters(const struct guard *g, uint32_t slot, struct lutra_counters *ret);

/*
 * Copies the alerts about objects that are reported once in this container, by its present policy and
 * in the last 24 hours, with how often each came again. In no order. Returns their number; -ENOENT:
 * the slot is empty or has no policy; -ENOMEM; else as bpf(2).
 */
int guard_reported(const struct guard *g, uint32_t slot,
		   struct lutra_reported ret[static LUTRA_REPORTED]);
/*
 * Has every alert about an object reported again, since one was lost after the kernel had sent it. A
 * pair that is seen meanwhile may count again. Errors as guard_reported().
 */
int guard_forget_reported(const struct guard *g, uint32_t slot);

/* Runs of one program; runs and run_ns are 0 unless the kernel counts them (GUARD_STATS). */
struct guard_program {
	char name[32];
	uint64_t runs;
	uint64_t run_ns;
	/* Runs that the kernel skipped, because another task was preempted inside the program. */
	uint64_t missed;
};
#define GUARD_PROGRAMS 160
/* Lists the loaded programs. Returns their number. */
size_t guard_programs(const struct guard *g, struct guard_program ret[static GUARD_PROGRAMS]);

/*
 * Returns how many runs of the programs that see system calls and the life of tasks the kernel has
 * skipped, because another task was preempted inside the program on the same CPU. Counts from the
 * load of the programs.
 */
uint64_t guard_missed(const struct guard *g);

/* Returns how many of these were runs of the programs that see forks, moves and executions. */
uint64_t guard_missed_tasks(const struct guard *g);
/* Makes entries for tasks whose fork, move or exec the kernel skipped. Call it every second. */
void guard_enter_missed(struct guard *g);

/*
 * Detaches in a thread if nothing has been enrolled for some seconds; does not block. Call it about
 * every second.
 */
void guard_detach_idle(struct guard *g);

/*
 * Renews the seen pairs of each container that has had them for a day: every pair counts again, so
 * that an attacker cannot mask a sequence by making its pairs slowly. What was alerted once is reported
 * again, too. Call it every few seconds. now_ns: CLOCK_MONOTONIC. Does not block.
 * Returns 0, or the -errno of bpf(2) for the last container that failed; it is tried again after a
 * minute.
 */
int guard_renew_seen(struct guard *g, uint64_t now_ns);

/*
 * Handles what is in the rings now and does not wait. Evidence that keeps coming is handled up to
 * one full ring. Returns the number of events, or -errno.
 */
int guard_drain(struct guard *g);
/* Numbers of alerts that outlive the process, as the rings do. Whoever reads the rings keeps them. */
struct guard_handled {
	uint64_t taken;	  /* given to whoever stores them */
	uint64_t settled; /* of these, stored or counted as lost */
};

/* Returns the numbers, which may be written until guard_free(). NULL: nothing is pinned. */
struct guard_handled *guard_handled(const struct guard *g);
/* Returns the descriptor that becomes readable when guard_drain() has work. */
int guard_epoll_fd(const struct guard *g);

/*
 * Does to the whole cgroup what the mode asks for after a verdict: kill-container kills it after a
 * kill, freeze freezes it after a denial. A second call is harmless. Returns 1 if it acted, 0 if
 * there is nothing to do, or -errno as cgroup_write().
 */
int container_act(const char *cgroup, const struct lutra_evidence *ev);

/* One feature of this host, for `lutra doctor`. */
struct guard_feature {
	char name[48]; /* "lsm/file_open" */
	bool works;
	char detail[160];     /* what it does, or why it does not work */
	const char *fallback; /* what is done instead; NULL: nothing */
};

/* Lists in text lines how the fallback programs differ from the LSM hooks; ends with NULL. */
const char *const *guard_fallback_differences(void);

/* Probes features by loading programs. Returns the number of rows, at most max, or -errno. */
int guard_probe(struct guard_feature *ret, size_t max, struct err *err);

#endif
