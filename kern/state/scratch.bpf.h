/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All that is known of the event under way. It belongs to the current task: scratch of the CPU
 * would be overwritten by any task that preempts this one.
 *
 * Maps: scratch      task -> struct lutra_scratch, made when the task first needs it
 *       scratch_cpu  the same by CPU, for programs that nothing preempts
 * Fails: without scratch an event is not judged (LUTRA_COUNTER_STORAGE_FAILED).
 */
#ifndef LUTRA_KERN_STATE_SCRATCH_BPF_H
#define LUTRA_KERN_STATE_SCRATCH_BPF_H

#include "kern/state/task.bpf.h"

#define INPUT_BYTES 256
#define SOCKADDR_BYTES 128	/* struct sockaddr_storage */
#define EVENT_HOOK 0x1		/* seen in a hook, which can refuse */
#define EVENT_WORKER 0x2	/* an io_uring worker acts for the entry's owner */
#define EVENT_QUIET 0x4		/* no evidence unless something is refused or killed */
#define EVENT_REPORTED_ONCE 0x8 /* an object: an alert that is let pass is reported once */
#define EVENT_SESSION_TOOL 0x10 /* lutra_is_session_tool() */
#define EVENT_CREATION 0x20	/* an open is about to make the file: file_open judges it again */

struct lutra_scratch {
	/* Set by the program of the event, and by object/. op 0: no object. Cleared with 3 stores,
	 * since it begins at a multiple of 8. */
	struct lutra_object object;
	__u32 flags; /* EVENT_* */
	__u32 slot;  /* of the acting task */

	/* path.bpf.c: the path of the object, where object.flags says that it has one. */
	struct lutra_path path;
	struct {
		__u64 dentry;
		__u64 mnt;	/* struct mount; 0: unknown, the walk stays in its file system */
		__u64 root_mnt; /* where the walk ends: the container's root */
		__u64 root_dentry;
	} walk;

	/* What a program read for path.bpf.c or sockaddr.bpf.c: a path, or a socket address. */
	struct {
		char bytes[INPUT_BYTES + LUTRA_NAME];
		__u32 len;
		__u32 end; /* of the path component that path.bpf.c is at */
	} input;
	__u64 pointer; /* kernel_address() only */

	/* open_cache.bpf.h: where the open may be cached. */
	struct {
		__u64 key;
		__u64 dentry;
		__u32 index; /* of the map, from 1; 0: nowhere */
		__u32 pad;
	} open_cache;

	/* verdict.bpf.c: what the scorer said. */
	struct lutra_judgement judgement;
	__u64 known_key; /* open_key() of the object that was judged known; 0: it was not */
	char fold[LUTRA_NAME];
	struct lutra_key_search key_search;
	__u32 object_key; /* number of the judged object's key, if the policy has level M */
	__u32 pad;

	/* starter.bpf.h: the program that the task runs while it executes another. */
	struct {
		__u32 version; /* of the policy whose node it is; 0: none */
		__u16 node;    /* 0: the policy does not know the program */
		__u16 len;     /* of its path; 0: not known */
		char text[LUTRA_STARTER_MAX];
	} starter;

	/* verdict.bpf.c and syscall_enter.bpf.c: the rule that the event matches. */
	struct {
		__u32 rule;  /* enum lutra_rule */
		__u32 flags; /* LUTRA_MATCH_* */
		__u32 kind;  /* enum lutra_kind */
		__u8 weight[3];
		__u8 mode; /* enum lutra_mode: in which the match was judged */
	} match;

	/* evidence.bpf.h and record.bpf.h. Both heads end where the text begins, so that one text
	 * serves either ring. */
	struct {
		__u64 len;
		union {
			struct lutra_evidence evidence;
			struct {
				__u8 before[sizeof(struct lutra_evidence) -
					    sizeof(struct lutra_ring_record)];
				struct lutra_ring_record record;
			} ring;
		} head;
		/* path_to_text(); in evidence, the starter's path follows */
		char bytes[LUTRA_STRING_MAX + LUTRA_STARTER_MAX];
	} text;
};
_Static_assert(sizeof(((struct lutra_scratch *)0)->text.head) == sizeof(struct lutra_evidence),
	       "head");
_Static_assert(__builtin_offsetof(struct lutra_scratch, text.bytes) ==
		       __builtin_offsetof(struct lutra_scratch, text.head) +
			       sizeof(struct lutra_evidence),
	       "text follows its head");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lutra_scratch);
} scratch SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_scratch);
} scratch_cpu SEC(".maps") __weak;

static __always_inline struct lutra_scratch *scratch_get(struct task_struct *task)
{
	struct lutra_scratch *s =
		bpf_task_storage_get(&scratch, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!s)
		counter_add(0, LUTRA_COUNTER_STORAGE_FAILED);
	return s;
}

/* Prepares scratch for an event of the entry's task. flags: EVENT_*. */
static __always_inline void scratch_begin(struct lutra_scratch *s, const struct lutra_task *e,
					  __u32 flags)
{
	s->flags = flags;
	s->slot = e->slot;
	s->match.flags = 0;
	s->match.weight[0] = s->match.weight[1] = s->match.weight[2] = 0;
	s->walk.root_mnt = e->root_mnt;
	s->walk.root_dentry = e->root_dentry;
	__builtin_memset(&s->object, 0, sizeof(s->object));
}

/* Forgets the starter: the next execution has another one. */
static __always_inline void starter_forget(struct lutra_scratch *s)
{
	s->starter.version = 0;
	s->starter.node = 0;
	s->starter.len = 0;
}

/* Returns a kernel pointer as a number: global functions take no pointer of a kernel type. */
static __always_inline __u64 kernel_address(struct lutra_scratch *s, const void *pointer)
{
	s->pointer = (__u64)pointer;
	compiler_barrier();
	return s->pointer;
}

#endif
