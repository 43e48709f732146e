/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The cgroups of tasks.
 *
 * Maps: cgroups, cgroup id -> slot.
 */
#ifndef LUTRA_KERN_STATE_CGROUP_BPF_H
#define LUTRA_KERN_STATE_CGROUP_BPF_H

#include "kern/state/task.bpf.h"

#define CGROUP_LEVELS 16

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u64);
	__type(value, __u32);
} cgroups SEC(".maps") __weak;

static __always_inline __u64 cgroup_parent(__u64 cgroup)
{
	__u64 up = (__u64)BPF_CORE_READ((struct cgroup *)cgroup, self.parent);

	return up ? up - bpf_core_field_offset(struct cgroup, self) : 0;
}

/* Returns the slot of a cgroup or of the nearest enrolled one above it; 0: none. */
static __noinline __u32 cgroup_slot(__u64 cgroup)
{
	for (int i = 0; i < CGROUP_LEVELS && cgroup; i++) {
		__u64 id = BPF_CORE_READ((struct cgroup *)cgroup, kn, id);
		__u32 *slot = bpf_map_lookup_elem(&cgroups, &id);

		if (slot)
			return *slot & (LUTRA_SLOTS - 1);
		cgroup = cgroup_parent(cgroup);
	}
	return 0;
}

static __always_inline __u64 task_cgroup(struct task_struct *task)
{
	return (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

#endif
