/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the LSM programs share: whom the current task acts for, scratch for an event, and events
 * whose object is the hook itself.
 */
#ifndef LUTRA_KERN_HOOKS_HOOK_BPF_H
#define LUTRA_KERN_HOOKS_HOOK_BPF_H

#include "kern/state/kernel.bpf.h"

/* The armed entry that the current task acts for: its own, or an io_uring worker's owner's. */
static __always_inline struct lutra_task *subject(struct lutra_slot **ret_slot, __u32 *ret_flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lutra_task *e = task_live(task, ret_slot);

	*ret_flags = EVENT_HOOK;
	if (!e && task->flags & PF_IO_WORKER) {
		e = task_live(task->group_leader, ret_slot);
		*ret_flags = EVENT_HOOK | EVENT_WORKER;
	}
	return e && !(e->flags & TASK_PENDING) ? e : NULL;
}

/* Scratch for an event of this subject, with an empty object. */
static __always_inline struct lutra_scratch *begin(const struct lutra_task *e, __u32 flags)
{
	struct lutra_scratch *s = scratch_get(bpf_get_current_task_btf());

	if (s)
		scratch_begin(s, e, flags);
	return s;
}

/* Without scratch nothing can be judged; is the subject under a verdict? */
static __always_inline int blind(const struct lutra_task *e, const struct lutra_slot *slot)
{
	return e->flags & TASK_DENY_CALL || slot->flags & (LUTRA_SLOT_FROZEN | LUTRA_SLOT_KILLING);
}

/* Is there anything to do with the objects of this container? */
static __always_inline bool idle(const struct lutra_slot *slot)
{
	return slot->mode == LUTRA_MODE_LEARN && !(slot->flags & LUTRA_SLOT_RECORD);
}

/* What a remembered judgement rests on: the binding, and the role. */
static __always_inline __u32 judged_key(const struct lutra_task *e, const struct lutra_slot *slot)
{
	return slot->generation << 3 | (e->state.role & 7u);
}

/* Has this bit been judged known, and recorded, since the task's program, role or policy changed?
 */
static __always_inline bool judged(struct lutra_task *e, const struct lutra_slot *slot, __u64 mask,
				   __u64 bit)
{
	return e->judged_key == judged_key(e, slot) && mask & bit;
}

/* key: from before it was judged, lest a policy bound meanwhile be taken for the one that did. */
static __always_inline void judged_set(struct lutra_task *e, __u32 key, __u64 *mask, __u64 bit)
{
	if (e->judged_key != key) {
		e->judged_key = key;
		e->judged_hooks = e->judged_caps = 0;
	}
	*mask |= bit;
}

/*
 * A hook without an object is called: 1: refuse. A hook that is known costs a look at a bit, unless
 * something else is under way. quick: an event only where calls are off or the policy's recordings
 * had it; else it refuses what was denied at the call's entry.
 */
static __always_inline int hook_event(__u32 hook)
{
	struct lutra_slot *slot = NULL;
	struct lutra_scratch *s;
	struct lutra_task *e;
	__u32 flags, key;
	__u64 bit = 1ull << (hook & 63);

	e = subject(&slot, &flags);
	if (!e || !slot)
		return 0;
	key = judged_key(e, slot);
	if (at_ease(e, slot) && (idle(slot) || judged(e, slot, e->judged_hooks, bit)))
		return 0;
	s = begin(e, flags);
	if (!s)
		return blind(e, slot);
	s->object.op = LUTRA_OP_HOOK;
	s->object.mode = (__u16)hook;
	if (plain_event(e, s))
		return 1;
	if (s->judgement.kind == LUTRA_KIND_KNOWN)
		judged_set(e, key, &e->judged_hooks, bit);
	return 0;
}

/* A hook that only refuses what was decided before. */
static __always_inline int hook_standing(__u32 windowed)
{
	struct lutra_slot *slot = NULL;
	struct lutra_scratch *s;
	struct lutra_task *e;
	__u32 flags, slot_nr;

	e = subject(&slot, &flags);
	if (!e || !slot || at_ease(e, slot))
		return 0;
	slot_nr = e->slot;
	s = begin(e, flags);
	if (!(s ? standing_event(e, s, windowed) : blind(e, slot)))
		return 0;
	count(slot_nr, LUTRA_COUNTER_REFUSED);
	return 1;
}

#endif
