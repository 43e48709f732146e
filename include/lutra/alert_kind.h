/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Kinds of alerts. However many alerts a container causes, the first of each kind has room.
 */
#ifndef LUTRA_ALERT_KIND_H
#define LUTRA_ALERT_KIND_H

#include "lutra/abi.h"

#define LUTRA_ALERT_KINDS 512 /* a power of two; some kinds share a number */
#define LUTRA_ALERT_KINDS_NS                                                                       \
	(10 * NSEC_PER_SEC) /* then the next alert of a kind is its first again */

/*
 * Returns the kind of an alert, below LUTRA_ALERT_KINDS. Alerts of one kind have the same rule and
 * operation. Objects with a path are told apart by read or write; others by capability, hook, kind of
 * socket, and class of address; events without an object by their system call nr.
 */
static __always_inline __u32 lutra_alert_kind(__u32 rule, const struct lutra_object *o, __u32 nr)
{
	__u32 detail;

	if (o->op == LUTRA_OP_NONE)
		detail = nr;
	else if (o->flags & LUTRA_OBJ_PATH)
		detail = o->flags & LUTRA_OBJ_WRITE;
	else
		detail = o->mode | (__u32)o->family << 16 | (__u32)o->addr_class << 24;
	return ((rule << 8 | o->op) * 0x9e3779b1u ^ detail * 0x85ebca6bu) * 0xc2b2ae35u >> 23;
}
_Static_assert(LUTRA_ALERT_KINDS == 1 << (32 - 23), "bits of a kind");

/* The kinds of which an alert had room. All zero: none. */
struct lutra_alert_kinds {
	__u64 since_ns; /* of any clock that does not go back */
	__u64 had_room[LUTRA_ALERT_KINDS / 64];
};

/* Returns 1 if an alert is the first of its kind since LUTRA_ALERT_KINDS_NS at most, and notes it. */
static __always_inline __u32 lutra_is_first_of_kind(struct lutra_alert_kinds *k, __u32 kind,
						    __u64 now_ns)
{
	__u64 *word = &k->had_room[kind / 64 & (LUTRA_ALERT_KINDS / 64 - 1)];
	__u64 bit = 1ull << (kind & 63);

	if ((__s64)(now_ns - k->since_ns) > (__s64)LUTRA_ALERT_KINDS_NS) {
		__builtin_memset(k->had_room, 0, sizeof(k->had_room));
		k->since_ns = now_ns;
	}
	if (*word & bit)
		return 0;
	*word |= bit;
	return 1;
}

#endif
