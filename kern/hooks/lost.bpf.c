/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tasks that are known by their cgroup alone: state/lost.bpf.h.
 *
 * Hooks: lsm/task_alloc   a fork whose child may get no entry, or may go unseen
 *        (called by)      any hook, tp_btf/sys_enter and the programs at __secure_computing, for a
 *                         task without an entry
 * Maps: cgroups, slot_entries, shortage, stacks, slots, counters.
 * Fails: closed. A lost task is judged as of role any, and the kill modes kill it.
 */
#include "kern/hooks/hook.bpf.h"
#include "kern/state/cgroup_slot.bpf.h"

/* Makes the entry of all lost tasks of a container, once for each enrolment. task: one of them. */
static __always_inline void slot_entry_make(struct lutra_task *e, __u32 slot_nr, __u32 epoch,
					    struct task_struct *task)
{
	__u64 mnt = (__u64)BPF_CORE_READ(task, fs, root.mnt);

	if (e->slot == slot_nr && e->epoch == epoch)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	e->nr = LUTRA_NR_NONE;
	e->state.role = LUTRA_ROLE_ANY;
	e->state.is_later = 1;
	e->root_mnt = mnt - bpf_core_field_offset(struct mount, mnt);
	e->root_dentry = (__u64)BPF_CORE_READ(task, fs, root.dentry);
	e->slot = slot_nr;
	compiler_barrier();
	e->epoch = epoch;
}

/* Returns the slot of the current task, which has no entry, if it is lost; else 0. */
__noinline int lost_enter(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const __u8 *mark = stack_mark((__u32)(__u64)BPF_CORE_READ(task, stack));
	struct lutra_slot *slot;
	struct lutra_task *e;
	__u32 slot_nr;

	if (mark && !*mark)
		return 0;
	slot_nr = cgroup_slot(task_cgroup(task));
	slot = slot_nr ? slot_get(slot_nr) : NULL;
	e = bpf_map_lookup_elem(&slot_entries, &slot_nr);
	if (!slot || !e || !slot->cgroup_id || slot->instance != lutra_instance)
		return 0;
	slot_entry_make(e, slot_nr, slot->epoch, task);
	return (int)slot_nr;
}

/*
 * Kills the current task, which has no entry, if it is lost and its container's mode kills. One whose
 * fork was not seen gets its entry from lutrad within a second, and is judged by the hooks until then.
 * Returns 0.
 */
__noinline int lost_syscall(void)
{
	struct lutra_slot *slot = NULL;
	struct lutra_task *e = may_be_lost() & LUTRA_LOST_NO_ROOM ? lost_entry(&slot) : NULL;

	if (e && slot && lutra_is_kill_mode(slot->mode))
		kill_current(e->slot);
	return 0;
}

/* Notes at a child's stack that the child belongs to a container: nothing else may see the fork. */
static __always_inline void mark_child(const struct task_struct *child)
{
	__u8 *mark = stack_mark((__u32)(__u64)BPF_CORE_READ(child, stack));

	if (mark)
		*mark = 1;
}

/*
 * Refuses a fork while the reserve is full: its child may get no entry. Pending tasks are the
 * runtime's.
 */
SEC("lsm/task_alloc")
int BPF_PROG(lutra_task_alloc_room, struct task_struct *child)
{
	bool full = reserve_is_full(), lost = may_be_lost();
	struct hook_frame f;

	if ((!full && !lost) || !hook_enter(&f))
		return 0;
	/* The fork may go unseen, or the current task be lost: then its child is, too. */
	if (lost)
		mark_child(child);
	if (!full || f.slot->mode <= LUTRA_MODE_AUDIT)
		return 0;
	counter_add(f.e->slot, LUTRA_COUNTER_STORAGE_FAILED);
	counter_add(f.e->slot, LUTRA_COUNTER_REFUSED);
	return deny();
}

char LICENSE[] SEC("license") = "GPL";
