/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Entries of tasks for which the kernel has no memory. This memory is taken when the maps are made.
 *
 * Maps: reserve       address of a task -> struct lutra_task, as many as 1,024 containers of 100 tasks
 *                     have
 *       shortage      how many entries are in it, and whether it ran out
 *       slot_entries  slot -> struct lutra_task: of all tasks of a container that have no entry of
 *                     their own, not even in the reserve
 * Fails: closed. While the reserve is full, the modes that refuse let no enrolled task fork.
 *
 * While nothing is in the reserve, it costs a task without an entry one look at the shortage.
 */
#ifndef LUTRA_KERN_STATE_RESERVE_BPF_H
#define LUTRA_KERN_STATE_RESERVE_BPF_H

#include "kern/state/entry.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LUTRA_RESERVE);
	__type(key, __u64);
	__type(value, struct lutra_task);
} reserve SEC(".maps") __weak;

struct lutra_shortage {
	__u64 used; /* entries in the reserve */
	__u64 lost; /* LUTRA_LOST_*; it stays until nothing is enrolled */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_shortage);
} shortage SEC(".maps") __weak;

/* Element 0 stays zero: it is what new entries are made of. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u32);
	__type(value, struct lutra_task);
} slot_entries SEC(".maps") __weak;

static __always_inline struct lutra_shortage *shortage_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&shortage, &zero);
}

/* Returns true if there are entries in the reserve. */
static __always_inline bool reserve_is_used(void)
{
	const struct lutra_shortage *s = shortage_get();

	return s && s->used;
}

static __always_inline __u32 task_start_time_low(const struct task_struct *task)
{
	return (__u32)task->start_time;
}

/*
 * Returns the entry of a task in the reserve, or NULL. An entry is removed when its task is freed, and
 * when another is born at its address: so the address alone tells whose it is. The start_time would
 * not, as a thread that executes a program takes that of its leader.
 */
static __always_inline struct lutra_task *reserve_get(const struct task_struct *task)
{
	__u64 key = (__u64)task;

	return reserve_is_used() ? bpf_map_lookup_elem(&reserve, &key) : NULL;
}

/* Removes the entry at the address of a task. */
static __always_inline void reserve_remove(const struct task_struct *task)
{
	struct lutra_shortage *s = shortage_get();
	__u64 key = (__u64)task;

	if (s && s->used && bpf_map_delete_elem(&reserve, &key) == 0)
		__sync_fetch_and_add(&s->used, -1);
}

/*
 * Removes the entry of an earlier task at the address of one that is born. While a daemon takes over, the
 * programs of the other one may have made the entry of this task already.
 */
static __always_inline void reserve_remove_old(const struct task_struct *task)
{
	const struct lutra_task *e = reserve_get(task);

	if (e && e->start_time_low != task_start_time_low(task))
		reserve_remove(task);
}

/* Returns a new entry in the reserve, a copy of init (NULL: zeros); NULL: it is full. */
static __always_inline struct lutra_task *reserve_add(const struct task_struct *task,
						      struct lutra_task *init)
{
	struct lutra_shortage *s = shortage_get();
	__u64 key = (__u64)task;
	struct lutra_task *e;
	__u32 zero = 0;

	if (!init)
		init = bpf_map_lookup_elem(&slot_entries, &zero);
	if (!s || !init)
		return NULL;
	reserve_remove(task);
	if (bpf_map_update_elem(&reserve, &key, init, BPF_NOEXIST)) {
		__sync_fetch_and_or(&s->lost, LUTRA_LOST_NO_ROOM);
		return NULL;
	}
	__sync_fetch_and_add(&s->used, 1);
	e = bpf_map_lookup_elem(&reserve, &key);
	if (!e)
		return NULL;
	e->cache_index = 0;
	e->start_time_low = task_start_time_low(task);
	return e;
}

/* Returns true if a task may get no entry. */
static __always_inline bool reserve_is_full(void)
{
	const struct lutra_shortage *s = shortage_get();

	return s && s->used >= LUTRA_RESERVE - LUTRA_RESERVE_MARGIN;
}

#endif
