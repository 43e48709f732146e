/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The entries of enrolled tasks, and their slots.
 *
 * Maps: tasks       task -> struct lutra_task; a task without an entry is none of our business,
 *                   unless entries ran out: reserve.bpf.h
 *       task_cache  the same entries, of as many tasks as it has room for: an array, whose lookup
 *                   takes no helper call
 *       stacks      kernel stack -> may its task have an entry?
 *       slots       slot -> struct lutra_slot; mapped by the daemon, written by both sides
 *       unfiltered  ring of struct lutra_unfiltered: tasks that have an entry and no seccomp filter
 * Fails: a task for which the kernel has no memory has its entry in the reserve. One that gets none
 * there either is counted in LUTRA_COUNTER_STORAGE_FAILED, and is judged by its cgroup.
 */
#ifndef LUTRA_KERN_STATE_TASK_BPF_H
#define LUTRA_KERN_STATE_TASK_BPF_H

#include "kern/state/reserve.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lutra_task);
} tasks SEC(".maps") __weak;

/*
 * By a hash of the task's address. An entry whose index is taken stays in the map tasks. A cached
 * entry belongs to its task from the entry's making to sched_process_exit, which writes the entry
 * back to tasks at last. An address that is used again is found at the fork of its new task and, if
 * the fork or the exit went unseen, by start_time.
 */
#define TASK_CACHE_BITS 12
#define TASK_CACHE_BUSY 1 /* no task's address */
struct lutra_cached_task {
	__u64 task; /* its address; 0: free */
	struct lutra_task entry;
	__u64 pad;
};
_Static_assert(sizeof(struct lutra_cached_task) == 320, "five lines of a cache");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags,
	       BPF_F_MMAPABLE); /* begins at a page, so that entries do at a cache line */
	__uint(max_entries, 1 << TASK_CACHE_BITS);
	__type(key, __u32);
	__type(value, struct lutra_cached_task);
} task_cache SEC(".maps") __weak;

/* By bits 15 to 30 of a stack's address: few of a host's stacks agree in these. */
#define STACK_SHIFT 15 /* of blocks that no two stacks share */
#define STACKS (1 << 16)
struct lutra_stacks {
	__u8 used[STACKS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_stacks);
} stacks SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u32);
	__type(value, struct lutra_slot);
} slots SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} unfiltered SEC(".maps") __weak;

static __always_inline struct lutra_slot *slot_get(__u32 slot)
{
	return bpf_map_lookup_elem(&slots, &slot);
}

/* Returns the element of the task_cache where the entry of a task may be. */
static __always_inline struct lutra_cached_task *task_cache_get(const struct task_struct *task,
								__u32 *ret_index)
{
	__u32 at;

	pointer_low32(at, task);
	at = at * 0x9e3779b1u >> (32 - TASK_CACHE_BITS);
	*ret_index = at;
	return bpf_map_lookup_elem(&task_cache, &at);
}

static __always_inline bool task_cache_is(const struct lutra_cached_task *c,
					  const struct task_struct *task)
{
	return c && c->task == (__u64)task;
}

/*
 * Returns the entry of a task, or NULL. Most tasks have no storage at all: looking at the pointer
 * is cheaper than a helper call. A cached entry may be that of an earlier task at the same address,
 * whose exit went unseen: start_time tells. A thread that executes a program takes its leader's
 * start_time: its storage tells them apart.
 */
static __always_inline struct lutra_task *task_entry(struct task_struct *task)
{
	__u32 at;
	struct lutra_cached_task *c = task_cache_get(task, &at);
	struct lutra_task *e;

	if (task_cache_is(c, task) && c->entry.start_time_low == task_start_time_low(task))
		return &c->entry;
	e = task->bpf_storage ? bpf_task_storage_get(&tasks, task, 0, 0) : NULL;
	if (!e)
		return reserve_get(task);
	if (!e->cache_index || !task_cache_is(c, task))
		return e;
	c->entry.start_time_low = task_start_time_low(task);
	return &c->entry;
}

/* Frees the cache element of a task. */
static __always_inline void task_cache_free(const struct task_struct *task)
{
	__u32 at;
	struct lutra_cached_task *c = task_cache_get(task, &at);

	if (task_cache_is(c, task))
		c->task = 0;
}

static __always_inline void task_forget(struct task_struct *task)
{
	task_cache_free(task);
	reserve_remove(task);
	bpf_task_storage_delete(&tasks, task);
}

/* Returns the mark of the kernel stack that an address lies on: may its task have an entry? */
static __always_inline __u8 *stack_mark(__u32 address)
{
	__u32 zero = 0;
	struct lutra_stacks *s = bpf_map_lookup_elem(&stacks, &zero);

	return s ? &s->used[address >> STACK_SHIFT & (STACKS - 1)] : NULL;
}

/* Returns false if a task has no entry, as most tasks of a host: this costs less than to look for one. */
static __always_inline bool task_may_have_entry(const struct task_struct *task)
{
	const __u8 *mark;
	__u32 address;

	pointer_low32(address, task->stack);
	mark = stack_mark(address);
	return !mark || *mark;
}

/*
 * Moves the new entry of a task to the task_cache, unless another task has its element there.
 * Returns where the entry is. init: what the entry is a copy of; NULL: zeros.
 */
static __always_inline struct lutra_task *
task_cache_add(const struct task_struct *task, struct lutra_task *e, const struct lutra_task *init)
{
	__u32 at;
	struct lutra_cached_task *c = task_cache_get(task, &at);
	__u64 old;

	if (!c)
		return e;
	/* The task's own address: an earlier task at it exited unseen. */
	old = c->task;
	if ((old && old != (__u64)task) ||
	    __sync_val_compare_and_swap(&c->task, old, TASK_CACHE_BUSY) != old)
		return e;
	if (init)
		c->entry = *init;
	else
		__builtin_memset(&c->entry, 0, sizeof(c->entry));
	c->entry.start_time_low = task_start_time_low(task);
	e->cache_index = at + 1;
	compiler_barrier();
	c->task = (__u64)task;
	return &c->entry;
}

/*
 * Returns the entry of a task, made as a copy of init (NULL: zeros) if it had none, or NULL if that
 * failed. Marks its stack once and for as long as anything is enrolled: a task on a stack without a
 * mark has no entry, which sys_enter sees without a helper call.
 */
static __always_inline struct lutra_task *task_make(struct task_struct *task,
						    struct lutra_task *init, __u32 slot)
{
	__u8 *mark = stack_mark((__u32)(__u64)BPF_CORE_READ(task, stack));
	struct lutra_task *e = task_entry(task);

	if (mark)
		*mark = 1;
	if (e)
		return e;
	e = bpf_task_storage_get(&tasks, task, init, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!e) {
		e = reserve_add(task, init);
		if (!e)
			counter_add(slot, LUTRA_COUNTER_STORAGE_FAILED);
		return e;
	}
	e->cache_index = 0;
	return task_cache_add(task, e, init);
}

/* Returns true if a task has a seccomp filter. It keeps it, and passes it to what it starts. */
static __always_inline bool has_filter(const struct task_struct *task)
{
	return task->thread_info.syscall_work & SYSCALL_WORK_SECCOMP;
}

/*
 * Tells the daemon of a task with an entry, if it has no seccomp filter: only sys_enter sees its
 * syscalls. If the ring is full, the daemon is about to learn of another such task.
 */
static __noinline int task_note_unfiltered(const struct task_struct *task, __u32 slot)
{
	struct lutra_unfiltered note = {.instance = lutra_instance, .slot = slot};

	if (lutra_at_filter && !has_filter(task))
		bpf_ringbuf_output(&unfiltered, &note, sizeof(note), BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* Returns the entry of a task and its slot, or NULL: none, void, or another instance's. */
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

/* Returns true if a task has an entry of this enrolment of a slot. */
static __always_inline bool is_of_enrolment(struct task_struct *task, __u32 slot, __u32 epoch)
{
	const struct lutra_task *e = task_entry(task);

	return e && e->slot == slot && e->epoch == epoch;
}

/* Returns true if the task is of an exec session that its container's policy only audits. */
static __always_inline bool is_audited_session(const struct lutra_task *e,
					       const struct lutra_slot *slot)
{
	return e->exec_session && slot->flags & LUTRA_SLOT_AUDIT_EXEC_SESSIONS;
}

/*
 * Returns the entry that stands for the process of a task: its leader's. e: the task's own. NULL:
 * the leader has none of the same enrolment.
 */
static __always_inline struct lutra_task *process_entry(struct task_struct *task,
							struct lutra_task *e)
{
	struct lutra_task *leader;

	if (task->pid == task->tgid)
		return e;
	leader = task_entry(task->group_leader);
	return leader && leader->slot == e->slot && leader->epoch == e->epoch ? leader : NULL;
}

/* Marks the process of a task as steady: its other threads follow at their next syscall. */
static __always_inline void process_mark_steady(struct task_struct *task, struct lutra_task *e)
{
	struct lutra_task *process = process_entry(task, e);

	if (process)
		process->process_steady = 1;
}

/* Makes a task steady if its process is, as lutra_role_follow(). */
static __always_inline void process_follow(struct task_struct *task, struct lutra_task *e,
					   const struct lutra_policy *p)
{
	struct lutra_task *process;

	if (!lutra_may_start(e->state.role))
		return;
	process = process_entry(task, e);
	if (process)
		lutra_role_follow(&e->state, p, process->process_steady);
}

/*
 * Returns what tells the program of a process from others; 0: it has none. The process keeps the
 * inode alive, so no other file is at its address while it runs; only prctl(2) could change that,
 * for a process with capabilities.
 */
static __always_inline __u32 process_program(struct task_struct *task)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	__u64 id = (__u64)inode >> 3;

	if (!inode)
		return 0;
	id = (id ^ BPF_CORE_READ(inode, i_ino)) * 0x9e3779b97f4a7c15ull;
	return (__u32)(id >> 32) | 1;
}

/* Resets the task's state of levels M and N if it belongs to another policy than p. */
static __always_inline void task_follow_policy(struct lutra_task *e, const struct lutra_policy *p)
{
	if (e->version == p->version)
		return;
	lutra_m_init(&e->state.m, &p->m);
	e->version = p->version;
}

/*
 * Returns true if no denial, alert window, freeze or kill is active for the task or its container,
 * so that a cached judgement may be used.
 */
static __always_inline bool has_no_active_verdict(const struct lutra_task *e,
						  const struct lutra_slot *slot)
{
	return !(e->flags & TASK_DENY_SYSCALL) && !e->matches.alert_until_ns &&
	       !(slot->flags & (LUTRA_SLOT_FROZEN | LUTRA_SLOT_KILLING));
}

#endif
