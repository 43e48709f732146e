/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The entry of an enrolled task. */
#ifndef LUTRA_KERN_STATE_ENTRY_BPF_H
#define LUTRA_KERN_STATE_ENTRY_BPF_H

#include "kern/state/counters.bpf.h"

#define TASK_PENDING 0x1      /* enrolled, but the user's program does not run yet */
#define TASK_DENY_SYSCALL 0x2 /* every hook of the current syscall refuses */
#define TASK_REFUSED 0x4      /* a refusal of the current syscall was reported */
#define TASK_NOVEL 0x8	      /* the current syscall matched NEW_HOOKABLE: its hooks add nothing */
#define TASK_EXECING 0x10     /* past the point of no return: the kernel maps the program */
#define TASK_TRUNCATES 0x20   /* the current syscall was allowed an open that truncates */
/*
 * The program at the seccomp filter has handled the last syscall that it has seen, and sys_enter has
 * not run since. In one syscall the filter's program runs first: so if sys_enter finds the flag, it
 * removes it and does nothing else.
 */
#define TASK_AT_FILTER 0x40

/*
 * The entry of an enrolled task, copied by fork. Only the task itself writes it once it has it, so
 * there are no locks. Any thread of its process may set process_steady. The entry is void when its
 * epoch is not its slot's. A syscall that is scored touches the first 56 bytes: one cache line,
 * with the word that stands before them in the task_cache.
 */
struct lutra_task {
	struct lutra_state state; /* with cache_index first, as in struct lutra_entry */
	__u32 cache_index;	  /* of task_cache, from 1: the entry is there; 0: it is here */
	__u32 slot;
	__u32 epoch;
	__u32 version;	       /* of the policy that state's codes belong to; 0: none yet */
	__u32 flags;	       /* TASK_* */
	__u32 start_time_low;  /* in the task_cache: low half of the task's start_time */
	__u16 nr;	       /* of the current syscall, as in struct lutra_record */
	__u8 exec_session : 1; /* joined a container that ran, or a descendant of such a task */
	__u8 tainted : 1;      /* of a session that ran or read what the service wrote */
	__u8 process_steady;   /* of a leader: a thread of its process became steady. Any sets it */
	__u64 syscalls;	       /* of the lineage */
	__u64 args[2];	       /* second and third of the current syscall, for the fallback */
	__u64 root_mnt;	   /* the container's root, where a path ends: compared, never followed */
	__u64 root_dentry; /* compared; followed for its superblock alone: see layer_describe() */
	struct lutra_matches matches;
	__u64 episode_ns; /* first unusual event of the episode; 0: none */
	__u64 episode_last_ns;
	__u64 episode_syscalls;
	__u64 truncated; /* dentry of the open of TASK_TRUNCATES: its truncation is part of it; or 0 */
	__u64 cached_hooks; /* hooks judged known under cached_key: hooks/hook.bpf.h */
	__u64 cached_caps;
	__u32 cached_key;
	union {
		__u32 mnt_ns; /* of a pending task: an exec in another mount namespace arms it */
		/*
		 * Of another: the file that it executed, since when it was not forked; 0: unknown.
		 */
		__u32 program;
	};
	/* Of a leader: the number of the processes that share memory or descriptors; 0: it shares none. */
	__u32 sharers;
	__u32 condemned; /* of the slot, as it was when the task was last looked at: sharers.bpf.h */
	struct lutra_history history[LUTRA_HISTORY]; /* by state.history_at & 31 */
};
_Static_assert(__builtin_offsetof(struct lutra_task, cache_index) ==
		       __builtin_offsetof(struct lutra_entry, cache_index),
	       "entry layout");
_Static_assert(sizeof(struct lutra_task) == 304, "copied by every fork");

#endif
