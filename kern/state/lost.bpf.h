/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lost tasks: their cgroup is enrolled, and they have no entry. They got none, not even in the reserve
 * (reserve.bpf.h), or the kernel skipped the program that sees forks, as it preempts tasks in it. All
 * lost tasks of a container share one entry, of role any, in the map slot_entries.
 */
#ifndef LUTRA_KERN_STATE_LOST_BPF_H
#define LUTRA_KERN_STATE_LOST_BPF_H

#include "kern/state/task.bpf.h"

/* lost.bpf.c, global functions for a current task without an entry. */
int lost_enter(void);
int lost_syscall(void);

/* Returns LUTRA_LOST_*; 0: no task is lost. The current task has no entry. */
static __always_inline __u64 may_be_lost(void)
{
	const struct lutra_shortage *s = shortage_get();

	return s ? s->lost : 0;
}

/* Returns the entry of the current task if it is lost, and its slot; NULL: it is not. */
static __always_inline struct lutra_task *lost_entry(struct lutra_slot **ret_slot)
{
	__u32 slot_nr = may_be_lost() ? (__u32)lost_enter() & (LUTRA_SLOTS - 1) : 0;
	struct lutra_slot *slot = slot_nr ? slot_get(slot_nr) : NULL;

	if (!slot)
		return NULL;
	*ret_slot = slot;
	return bpf_map_lookup_elem(&slot_entries, &slot_nr);
}

#endif
