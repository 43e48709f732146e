/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sends a syscall through the scorer: the same code in the guard and in the parity test.
 *
 * seen: lutra_seen_slot() -> inner map of one struct lutra_seen.
 */
#ifndef LUTRA_KERN_VERDICT_SCORE_BPF_H
#define LUTRA_KERN_VERDICT_SCORE_BPF_H

#include "kern/state/policy.bpf.h"

struct seen_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_seen);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LUTRA_SEEN_SLOTS);
	__type(key, __u32);
	__array(values, struct seen_inner);
} seen SEC(".maps") __weak;

static __always_inline struct lutra_seen *seen_get(__u32 at)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&seen, &at);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

/*
 * A function of its own with a pointer to const: clang 14 puts struct lutra_seen into the object's
 * BTF only for that, and the maps' definition needs it there.
 */
static __noinline int claim_pairs(const struct lutra_seen *seen_pairs, const struct lutra_pairs *x,
				  __u8 *w)
{
	if (seen_pairs && x && w)
		lutra_pairs_claim((struct lutra_seen *)seen_pairs, x, w);
	return 0;
}

/* The claim of the kernel side. ctx: __u32, the seen slot. */
static __always_inline void claim_in_map(void *ctx, const struct lutra_pairs *x, __u8 w[3])
{
	claim_pairs(seen_get(*(__u32 *)ctx), x, w);
}

/*
 * Scores a syscall of a task in a slot, as lutra_score_syscall(). weighs: else no pair is claimed,
 * and no weight counts.
 */
static __always_inline void score_syscall(struct lutra_state *state, const struct lutra_policy *p,
					  __u32 slot, bool weighs, __u32 nr,
					  struct lutra_syscall_score *ret)
{
	__u32 at = weighs ? lutra_seen_slot(slot, p->version) : LUTRA_SEEN_SLOTS;

	lutra_score_syscall(state, p, nr, claim_in_map, &at, ret);
}

#endif
