/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policies that are bound to slots.
 *
 * Maps: policies, slot -> inner map of one struct lutra_policy. A new policy is a new inner map,
 * swapped in one step.
 *
 * Include this only where a policy is read: elsewhere clang emits the inner type as a forward
 * declaration, and the linker cannot tell that the definitions are the same.
 */
#ifndef LUTRA_KERN_STATE_POLICY_BPF_H
#define LUTRA_KERN_STATE_POLICY_BPF_H

#include "kern/state/kernel.bpf.h"

struct policy_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_policy);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u32);
	__array(values, struct policy_inner);
} policies SEC(".maps") __weak;

/* Returns the policy bound to a slot, or NULL. */
static __always_inline struct lutra_policy *policy_get(__u32 slot)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&policies, &slot);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

#endif
