/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side counts, by slot.
 *
 * Maps: counters, slot -> struct lutra_counters, per CPU.
 */
#ifndef LUTRA_KERN_STATE_COUNTERS_BPF_H
#define LUTRA_KERN_STATE_COUNTERS_BPF_H

#include "kern/state/kernel.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u32);
	__type(value, struct lutra_counters);
} counters SEC(".maps") __weak;

/* Adds 1 to a counter (enum lutra_counter) of a slot. */
static __always_inline void counter_add(__u32 slot, __u32 counter)
{
	struct lutra_counters *c = bpf_map_lookup_elem(&counters, &slot);

	if (c && counter < LUTRA_COUNTER_COUNT)
		c->n[counter]++;
}

/* Sends SIGKILL to the current task, of a container in that slot. */
static __always_inline void kill_current(__u32 slot)
{
	if (bpf_send_signal(SIGKILL))
		counter_add(slot, LUTRA_COUNTER_SIGNAL_FAILED);
}

#endif
