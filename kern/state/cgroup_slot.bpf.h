/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The slots of cgroups.
 *
 * Maps: cgroups, cgroup id -> slot.
 */
#ifndef LUTRA_KERN_STATE_CGROUP_SLOT_BPF_H
#define LUTRA_KERN_STATE_CGROUP_SLOT_BPF_H

#include "kern/state/cgroup.bpf.h"
#include "kern/state/task.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u64);
	__type(value, __u32);
} cgroups SEC(".maps") __weak;

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

#endif
