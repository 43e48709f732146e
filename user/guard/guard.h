/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side as one object: load, attach, enrol, read the rings. Everything is held by file
 * descriptors of this process, unless it is pinned: when it ends, however it ends, nothing stays
 * attached.
 */
#ifndef LUTRA_USER_GUARD_GUARD_H
#define LUTRA_USER_GUARD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/policy/policy.h"
#include "lutra/abi.h"

/* Called from guard_poll(). str: str_len bytes, not NUL-terminated. */
struct guard_handler {
	void (*record)(void *ctx, uint32_t slot, const struct lutra_record *rec, const char *str,
		       size_t str_len);
	void (*evidence)(void *ctx, const struct lutra_evidence *ev, const char *str,
			 size_t str_len);
	void *ctx;
};

struct guard;

#define GUARD_NO_LSM 0x1   /* use the stand-ins even where LSM programs load */
#define GUARD_NO_CALLS 0x2 /* attach nothing to sys_enter: hooks alone decide */
#define GUARD_LINGER 0x4   /* stay attached when the last is released, until guard_idle() */
#define GUARD_STATS 0x10   /* have the kernel count and time runs, of all BPF programs */
#define GUARD_BRIEF 0x8	   /* stand-ins that detach at once, but cost every call of the host */

/*
 * Load the programs; LSM ones where the kernel takes them (found by loading), else the tracepoints
 * that stand in. Nothing is attached before the first enrolment, nor after the last release.
 * -EPERM: not root. -ENOENT: kernel has no BTF. -EOPNOTSUPP: kernel too old, or calls are to be
 * off and LSM programs do not run. flags: GUARD_*.
 */
int guard_new(struct guard **ret, const struct guard_handler *handler, unsigned flags,
	      struct err *err);
/*
 * The same with kernel state pinned in pin_dir, of a bpf file system: what is enrolled stays
 * guarded when the process ends, and the next one with this pin_dir takes it over without a gap.
 * Also -EBUSY: a process that lives has it.
 */
int guard_new_pinned(struct guard **ret, const struct guard_handler *handler, unsigned flags,
		     const char *pin_dir, struct err *err);
/*
 * Does a guard of another version, whose state this one cannot read, still act from pin_dir? It
 * does until it is forgotten: enrol again before that.
 */
bool guard_has_others(const struct guard *g);
void guard_forget_others(const struct guard *g);
/* Remove all that is pinned in pin_dir: nothing is guarded any more. -EBUSY: a process has it. */
int guard_uninstall(const char *pin_dir, struct err *err);
void guard_free(struct guard *g);
DEFINE_FREEP(struct guard, guard_free);

bool guard_has_lsm(const struct guard *g);
/* Is the process of a pidfd enrolled, wherever it went since? */
bool guard_has_task(const struct guard *g, int pidfd);
/* Levels and role of the process of a pidfd. -ENOENT: not enrolled; -ENOMEM. */
int guard_task_state(const struct guard *g, int pidfd, struct lutra_state *ret);
uint32_t guard_ops(const struct guard *g); /* bit per enum lutra_op that is seen on this host */

struct guard_enrolment {
	const char *cgroup;	     /* path of a cgroup v2 directory */
	const struct policy *policy; /* NULL: mode learn */
	uint32_t mode;		     /* enum lutra_mode */
	bool record;		     /* send events to handler.record */
	bool next_exec; /* whoever is in it or joins is pending until its next exec, wherever
			   that is (the caller is about to exec, or an OCI hook); else tasks
			   that run in it already are armed now, and those that join later at
			   their first exec in another mount namespace than their mover's */
	bool starting;	/* who is in it is pending until its next exec; who joins, as said last */
	bool sessions;	/* it is one container's own cgroup: who joins once it runs is an exec
			   session */
};

/*
 * Enrol a cgroup with all below it. -EINVAL: the root cgroup, an ancestor of, or the caller's own.
 * -ENOTSUP: not cgroup v2. -EEXIST: already enrolled. -ENOSPC: no slot is free. -EOPNOTSUPP: the
 * mode needs LSM and this host has none. On failure nothing is half enrolled.
 */
int guard_enroll(struct guard *g, const struct guard_enrolment *e, uint32_t *ret_slot,
		 struct err *err);
int guard_release(struct guard *g, uint32_t slot);
/* May a slot be in this mode? -EINVAL, -EOPNOTSUPP, as guard_enroll(). */
int guard_check_mode(const struct guard *g, uint32_t mode, bool has_policy, struct err *err);
int guard_set_mode(struct guard *g, uint32_t slot, uint32_t mode, struct err *err);
/* Have its events sent to handler.record, or no longer. -ENOENT: it holds no container. */
int guard_set_record(struct guard *g, uint32_t slot, bool record);
/* Swap the policy of a slot atomically. */
int guard_set_policy(struct guard *g, uint32_t slot, const struct policy *policy, struct err *err);
int guard_slot(const struct guard *g, uint32_t slot, struct lutra_slot *ret);
/* Sum over CPUs. slot 0: what belongs to no container. */
int guard_counters(const struct guard *g, uint32_t slot, struct lutra_counters *ret);

/* What the kernel counted of a program's runs; nothing where it does not (GUARD_STATS). */
struct guard_program {
	char name[32];
	uint64_t runs;
	uint64_t run_ns;
};
#define GUARD_PROGRAMS 160
/* Programs that are loaded; returns how many. */
size_t guard_programs(const struct guard *g, struct guard_program ret[static GUARD_PROGRAMS]);

/* Now and then: detach, in a thread, where nothing has been enrolled for some seconds. */
void guard_idle(struct guard *g);

/* Handle what is in the rings; waits at most timeout_ms. Returns events handled, or -errno. */
int guard_poll(struct guard *g, int timeout_ms);
/*
 * Handle what is in the rings now, without waiting and without regard to wake-ups; of evidence that
 * comes faster than it is handled not more than the ring holds.
 */
int guard_drain(struct guard *g);
int guard_epoll_fd(const struct guard *g);

/* What this host can do, for `lutra doctor`: one row a feature. */
struct guard_feature {
	char name[48]; /* "lsm/file_open" */
	bool works;
	char detail[160];     /* why not, or what it does */
	const char *fallback; /* what is done instead, or NULL */
};

/* What the tracepoints that stand in for hooks do differently: lines, then NULL. */
const char *const *guard_standin_differences(void);

/* Probe by loading. Returns the number of rows written (at most max), or -errno. */
int guard_probe(struct guard_feature *ret, size_t max, struct err *err);

#endif
