/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every program of the kernel side includes: kernel types, constants, task entries, maps. */
#ifndef LUTRA_KERN_STATE_KERNEL_BPF_H
#define LUTRA_KERN_STATE_KERNEL_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lutra/verdict.h"

#define EPERM 1
#define SIGKILL 9

#define PF_IO_WORKER 0x10
#define PF_KTHREAD 0x200000
#define TS_COMPAT 0x2
#define X32_BIT 0x40000000

/* x86-64 numbers of the calls that the programs themselves look at. */
#define NR_CONNECT 42
#define NR_ACCEPT 43
#define NR_SENDTO 44
#define NR_SENDMSG 46
#define NR_BIND 49
#define NR_EXECVE 59
#define NR_ACCEPT4 288
#define NR_EXECVEAT 322
#define NR_SENDMMSG 307
#define NR_SETNS 308
#define NR_NONE LUTRA_NR_NONE

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

#define NO_FD 0xffffffffu
#define O_TRUNC 01000
#define O_CREAT_TRUNC_APPEND (0100 | O_TRUNC | 02000)
#define FMODE_WRITE 0x2
#define FMODE_EXEC 0x20
#define FMODE_PATH 0x4000
#define FMODE_NOACCOUNT 0x20000000 /* a file system's own file behind an overlay's */
#define PTRACE_MODE_ATTACH 0x02
#define PTRACE_MODE_NOAUDIT 0x04
#define CAP_OPT_NOAUDIT 0x02
#define PROT_WRITE 0x2
#define PROT_EXEC 0x4
#define MAP_ANONYMOUS 0x20
#define AT_FDCWD ((__u32)-100)
#define AT_REMOVEDIR 0x200
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define MODE_XS 06111 /* a permission to execute, or as another user */

#define EPISODE_GAP_NS NSEC_PER_SEC

/* ---- a task's entry ---- */

#define TASK_PENDING 0x1   /* enrolled, but the user's program does not run yet */
#define TASK_DENY_CALL 0x2 /* every hook of the call under way refuses */
#define TASK_REFUSED 0x4   /* a refusal of the call under way was reported */
#define TASK_NOVEL 0x8	   /* the call under way set off TH: its hooks say nothing new */
#define TASK_EXECING 0x10  /* past the point of no return: the kernel maps the program */

/*
 * The entry of an enrolled task, copied by fork. Only the task itself writes it once it has it, so
 * there are no locks. Void when its epoch is not its slot's. A call that is scored touches the
 * first 56 bytes, a line of the cache with the word that stands before them in a place.
 */
struct lutra_task {
	struct lutra_state state; /* with place first, as in struct lutra_entry */
	__u32 place;		  /* where the entry is instead: in hot, counted from 1; 0: here */
	__u32 slot;
	__u32 epoch;
	__u32 version; /* of the policy that state's codes belong to; 0: none yet */
	__u32 flags;   /* TASK_* */
	__u32 born;    /* in a place: low half of the task's start_time */
	__u16 nr;      /* call under way, as in struct lutra_record */
	__u8 session;  /* 1: joined a container that ran, or descends from who did */
	__u8 pad;
	__u64 calls;	/* of the lineage */
	__u64 args[2];	/* second and third of the call under way, where tracepoints stand in */
	__u64 root_mnt; /* the container's root, where a path ends: compared, never followed */
	__u64 root_dentry;
	struct lutra_matches signals;
	__u64 episode_ns; /* first unusual event of the episode; 0: none */
	__u64 episode_last_ns;
	__u64 episode_calls;
	__u64 truncated; /* dentry of the last open that truncates: the truncation is part of it */
	__u64 judged_hooks; /* hook.bpf.h: bits that judged_key says are known */
	__u64 judged_caps;
	__u32 judged_key;
	__u32 mnt_ns; /* pending: an exec in another mount namespace arms */
	struct lutra_history past[LUTRA_HISTORY]; /* by calls & 31 */
};
_Static_assert(__builtin_offsetof(struct lutra_task, place) ==
		       __builtin_offsetof(struct lutra_entry, place),
	       "entry layout");
_Static_assert(sizeof(struct lutra_task) == 312, "with one more word: five lines of a cache");

/* ---- scratch of the current task: a per-CPU one would be overwritten by whoever preempts ---- */

#define SOURCE_BYTES 256
#define SOCKADDR_BYTES 128 /* struct sockaddr_storage */
#define EVENT_HOOK 0x1	   /* seen in a hook, which can refuse */
#define EVENT_WORKER 0x2   /* an io_uring worker acts for the entry's owner */
#define EVENT_QUIET 0x4	   /* no evidence unless something is refused or killed */

/* All that is known of the event under way. object.op is 0 where there is no object. */
struct lutra_scratch {
	struct lutra_path path;
	struct lutra_object object;
	struct lutra_judgement judgement;
	char fold[LUTRA_NAME];
	char source[SOURCE_BYTES + LUTRA_NAME]; /* a path as a string, or a socket address */
	__u32 source_len;
	__u32 source_end;
	__u32 flags; /* EVENT_* */
	__u32 group; /* of the signal, enum lutra_rule */
	__u32 kind;
	__u32 walk_steps;
	__u8 weight[3];
	__u8 pad;
	__u32 str_len;
	__u64 address;
	__u32 known_at; /* where open_keep() may remember the open, from 1; 0: nowhere */
	__u64 known_key;
	__u64 known_dentry;
	__u64 known_by; /* the key of what was judged known; 0: it was not */
	__u64 walk_dentry;
	__u64 walk_mnt; /* 0: unknown, the walk stays in its file system */
	__u64 root_mnt;
	__u64 root_dentry;
	/* Both end where the string begins, so that one string serves either ring. */
	union {
		struct lutra_evidence evidence;
		struct {
			__u8 before[sizeof(struct lutra_evidence) -
				    sizeof(struct lutra_ring_record)];
			struct lutra_ring_record record;
		} ring;
	} head;
	char str[LUTRA_STRING_MAX + LUTRA_NAME];
};
_Static_assert(sizeof(((struct lutra_scratch *)0)->head) == sizeof(struct lutra_evidence), "head");

#include "kern/state/maps.bpf.h"

/* Set at load: tracepoints stand in for the LSM hooks. */
extern const volatile bool lutra_standin;
/* Set at load: programs act for the slots that name their instance. */
extern const volatile __u32 lutra_instance;

/* The event of an entry's task is about to be described in its scratch. */
static __always_inline void scratch_begin(struct lutra_scratch *s, const struct lutra_task *e,
					  __u32 flags)
{
	s->flags = flags;
	s->weight[0] = s->weight[1] = s->weight[2] = 0;
	s->root_mnt = e->root_mnt;
	s->root_dentry = e->root_dentry;
	__builtin_memset(&s->object, 0, sizeof(s->object));
}

/* path.bpf.c, address.bpf.c, verdict.bpf.c, standin.bpf.c: verified once for each program. */
int path_walk(struct lutra_scratch *s, __u64 dentry, __u64 mnt);
int source_byte(struct lutra_scratch *s, __u32 at);
int path_source(struct lutra_scratch *s, __u32 dir);
int path_string(struct lutra_scratch *s);
int file_describe(struct lutra_scratch *s, __u64 file, __u64 fresh_after_ns);
int descriptor_describe(struct lutra_scratch *s, __u64 files, __u32 fd, __u64 fresh_after_ns);
int open_describe(struct lutra_task *e, struct lutra_scratch *s, __u64 address, __u32 fd,
		  __u32 flags);
int open_keep(struct lutra_scratch *s);
int name_describe(struct lutra_scratch *s, __u64 dentry, __u64 mnt, __u32 mode);
int address_event(struct lutra_task *e, struct lutra_scratch *s, __u32 op);
int object_event(struct lutra_task *e, struct lutra_scratch *s);
int plain_event(struct lutra_task *e, struct lutra_scratch *s);
int standing_event(struct lutra_task *e, struct lutra_scratch *s, __u32 windowed);
int signal_event(struct lutra_task *e, struct lutra_scratch *s, const struct lutra_policy *p);
int standin_address(struct lutra_task *e, struct lutra_scratch *s, __u64 uaddr, __u32 len);
int standin_exec(struct lutra_task *e, struct lutra_scratch *s, __u64 binprm);

/*
 * What is in memory stays there: the verifier takes what it reads from a map for unknown, so that
 * its states for the turns of a loop are the same and it need not walk every combination.
 */
#define forget() asm volatile("" ::: "memory")

static __always_inline void count(__u32 slot, __u32 counter)
{
	struct lutra_counters *c = bpf_map_lookup_elem(&counters, &slot);

	if (c)
		c->n[counter & 15]++;
}
_Static_assert(LUTRA_COUNTER_COUNT == 16, "count() masks");

/* A hook's refusal: the 6.12 verifier wants a literal that the optimiser has not folded away. */
static __always_inline int deny(void)
{
	long r = -EPERM;

	asm volatile("" : "+r"(r));
	return (int)r;
}

static __always_inline struct lutra_slot *slot_get(__u32 slot)
{
	return bpf_map_lookup_elem(&slots, &slot);
}

static __always_inline struct lutra_scratch *scratch_get(struct task_struct *task)
{
	struct lutra_scratch *s =
		bpf_task_storage_get(&scratch, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!s)
		count(0, LUTRA_COUNTER_STORAGE_FAILED);
	return s;
}

/* The place of hot where a task's entry may be. */
static __always_inline struct lutra_hot *hot_place(const struct task_struct *task, __u32 *ret_at)
{
	__u32 at;

	/* As a pointer it could not be calculated with. */
	asm volatile("%0 = %1" : "=w"(at) : "w"((__u32)(__u64)task));
	at = at * 0x9e3779b1u >> (32 - HOT_BITS);
	*ret_at = at;
	return bpf_map_lookup_elem(&hot, &at);
}

static __always_inline bool hot_is(const struct lutra_hot *h, const struct task_struct *task)
{
	return h && h->task == (__u64)task;
}

static __always_inline __u32 task_born(const struct task_struct *task)
{
	return (__u32)task->start_time;
}

/*
 * The entry of a task. Most tasks have no storage at all, which a look tells sooner than a call. A
 * place is not that of who was at the task's address before, whose end may have gone unseen. A
 * thread that executes a program takes its leader's start_time: its storage tells them apart.
 */
static __always_inline struct lutra_task *task_entry(struct task_struct *task)
{
	__u32 at;
	struct lutra_hot *h = hot_place(task, &at);
	struct lutra_task *e;

	if (hot_is(h, task) && h->entry.born == task_born(task))
		return &h->entry;
	if (!task->bpf_storage)
		return NULL;
	e = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!e || !e->place || !hot_is(h, task))
		return e;
	h->entry.born = task_born(task);
	return &h->entry;
}

/* Its place is free. */
static __always_inline void hot_leave(const struct task_struct *task)
{
	__u32 at;
	struct lutra_hot *h = hot_place(task, &at);

	if (hot_is(h, task))
		h->task = 0;
}

static __always_inline void task_forget(struct task_struct *task)
{
	hot_leave(task);
	bpf_task_storage_delete(&tasks, task);
}

static __always_inline __u8 *stack_used(__u32 address)
{
	__u32 zero = 0;
	struct lutra_stacks *s = bpf_map_lookup_elem(&stacks, &zero);

	return s ? &s->used[address >> STACK_SHIFT & (STACKS - 1)] : NULL;
}

/* Move the new entry of a task to its place in hot, unless another has that: the entry. */
static __always_inline struct lutra_task *
hot_take(const struct task_struct *task, struct lutra_task *e, const struct lutra_task *init)
{
	__u32 at;
	struct lutra_hot *h = hot_place(task, &at);
	__u64 old;

	if (!h)
		return e;
	/* The task itself: one that was at its address died unseen. */
	old = h->task;
	if ((old && old != (__u64)task) ||
	    __sync_val_compare_and_swap(&h->task, old, HOT_BUSY) != old)
		return e;
	if (init)
		h->entry = *init;
	else
		__builtin_memset(&h->entry, 0, sizeof(h->entry));
	h->entry.born = task_born(task);
	e->place = at + 1;
	forget();
	h->task = (__u64)task;
	return &h->entry;
}

/*
 * Make the entry of a task, a copy of init where that is not NULL; one that is there stays. Its
 * stack is marked, once and for as long as anything is enrolled: a task on a stack that is not
 * has no entry, which sys_enter sees without a call.
 */
static __always_inline struct lutra_task *task_make(struct task_struct *task,
						    struct lutra_task *init, __u32 slot)
{
	__u8 *used = stack_used((__u32)(__u64)BPF_CORE_READ(task, stack));
	struct lutra_task *e = task_entry(task);

	if (used)
		*used = 1;
	if (e)
		return e;
	e = bpf_task_storage_get(&tasks, task, init, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!e) {
		count(slot, LUTRA_COUNTER_STORAGE_FAILED);
		return NULL;
	}
	e->place = 0;
	return hot_take(task, e, init);
}

/* The entry of a task and its slot; NULL: none, or void. */
static __always_inline struct lutra_task *task_live(struct task_struct *task,
						    struct lutra_slot **ret_slot)
{
	struct lutra_task *e = task_entry(task);
	struct lutra_slot *slot;

	if (!e)
		return NULL;
	slot = slot_get(e->slot);
	if (!slot || slot->epoch != e->epoch) {
		task_forget(task);
		return NULL;
	}
	if (slot->instance != lutra_instance)
		return NULL;
	*ret_slot = slot;
	return e;
}

/*
 * All that the judgement of an open rests on but its path: the binding, the role, the file's mode
 * and LUTRA_OBJ_WRITE of flags. Never 0.
 */
static __always_inline __u64 known_key(__u32 slot, __u32 version, __u32 role, __u32 mode,
				       __u32 flags)
{
	return (__u64)version << 32 | (slot & (LUTRA_SLOTS - 1)) << 16 | (mode >> 12 & 15) << 8 |
	       (flags & LUTRA_OBJ_WRITE) << 3 | (role & 7);
}

/* Nothing is under way for this subject: what is known to be known need not be looked at again. */
static __always_inline bool at_ease(const struct lutra_task *e, const struct lutra_slot *slot)
{
	return !(e->flags & TASK_DENY_CALL) && !e->signals.alert_until_ns &&
	       !(slot->flags & (LUTRA_SLOT_FROZEN | LUTRA_SLOT_KILLING));
}

/* A kernel pointer as a number: global functions take no pointer that the verifier has typed. */
static __always_inline __u64 address_of(struct lutra_scratch *s, const void *pointer)
{
	s->address = (__u64)pointer;
	forget();
	return s->address;
}

/* Argument of a call by its number, from 1; 0: none. */
static __always_inline __u64 call_arg(const struct pt_regs *regs, __u32 which)
{
	switch (which) {
	case 1:
		return regs->di;
	case 2:
		return regs->si;
	case 3:
		return regs->dx;
	case 4:
		return regs->r10;
	case 5:
		return regs->r8;
	case 6:
		return regs->r9;
	default:
		return 0;
	}
}

static __always_inline void kill_current(__u32 slot)
{
	if (bpf_send_signal(SIGKILL))
		count(slot, LUTRA_COUNTER_SIGNAL_FAILED);
}

#endif
