/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Scores a syscall or an object by levels M and N. The guard and the parity test run this code.
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
 * Calls lutra_m_claim() with the counters of seen_pairs, which may be NULL. It is a global function
 * with a pointer to const, because clang 14 puts struct lutra_seen into the object's BTF only then.
 * The definition of the maps needs the struct there.
 */
static __noinline int claim_pairs(const struct lutra_seen *seen_pairs, struct lutra_m_score *x,
				  __u32 counts, __u32 novelty_counts)
{
	if (seen_pairs && x)
		lutra_m_claim(&((struct lutra_seen *)seen_pairs)->m, x, counts, novelty_counts);
	return 0;
}

/* The argument claim of lutra_m_step() in the kernel. ctx: __u32, index in the map seen. */
static __always_inline void claim_in_map(void *ctx, const struct lutra_m_tables *p,
					 struct lutra_m_score *x)
{
	claim_pairs(seen_get(*(__u32 *)ctx), x, p->counts, p->novelty_counts);
}

/*
 * Scores a syscall of a task in a slot, as lutra_score_syscall() does. weighs: false: no weight
 * counts, and the counters of the container stay as they are.
 */
static __always_inline void score_syscall(struct lutra_state *state, const struct lutra_policy *p,
					  __u32 slot, bool weighs, __u32 nr,
					  struct lutra_token_score *ret)
{
	__u32 at = weighs ? lutra_seen_slot(slot, p->version) : LUTRA_SEEN_SLOTS;

	lutra_score_syscall(state, p, nr, claim_in_map, &at, ret);
}

/*
 * Scores the key of an object of a task in a slot, as lutra_score_object() does. weighs: as for
 * score_syscall(). Returns false if level M leaves the object out.
 */
static __always_inline bool score_object(struct lutra_state *state, const struct lutra_policy *p,
					 __u32 slot, bool weighs, __u32 key,
					 struct lutra_token_score *ret)
{
	__u32 at = weighs ? lutra_seen_slot(slot, p->version) : LUTRA_SEEN_SLOTS;

	return lutra_score_object(state, p, key, claim_in_map, &at, ret);
}

#endif
