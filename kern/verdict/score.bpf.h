/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One call through the scorer; the same code in the guard and in the parity test.
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
static __noinline int step_claim(const struct lutra_seen *bits, const struct lutra_pairs *x,
				 __u8 *w)
{
	if (bits && x && w)
		lutra_claim((struct lutra_seen *)bits, x, w);
	return 0;
}

/*
 * Move st on by the token tok. w gets the weights new to the container; seen NULL: none is.
 * lutra_role_steady() is the caller's, after it has looked at the role.
 */
static __always_inline void step(struct lutra_state *st, const struct lutra_policy *p, __u32 slot,
				 __u8 tok, __u8 w[3])
{
	struct lutra_pairs x;

	lutra_pairs(st, p, tok, &x);
	w[0] = w[1] = w[2] = 0;
	if (!lutra_pairs_known(&x))
		step_claim(seen_get(lutra_seen_slot(slot, p->version)), &x, w);
	lutra_level(st, &x, w, tok);
}

#endif
