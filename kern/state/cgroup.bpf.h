/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The cgroup and the mount namespace of a task, and the cgroups above one. Uses no map. */
#ifndef LUTRA_KERN_STATE_CGROUP_BPF_H
#define LUTRA_KERN_STATE_CGROUP_BPF_H

#include "kern/state/kernel.bpf.h"

#define CGROUP_LEVELS 16

/* Returns the cgroup above; 0: this is the root. Cgroups are scalars: loops would lose a pointer. */
static __always_inline __u64 cgroup_parent(__u64 cgroup)
{
	__u64 up = (__u64)BPF_CORE_READ((struct cgroup *)cgroup, self.parent);

	return up ? up - bpf_core_field_offset(struct cgroup, self) : 0;
}

static __always_inline __u64 task_cgroup(struct task_struct *task)
{
	return (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

static __always_inline __u32 task_mnt_ns(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
}

#endif
