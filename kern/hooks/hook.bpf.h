/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The frame of an LSM program: the task that it acts for, scratch for its event, and events whose
 * object is the hook itself.
 *
 *	struct hook_frame f;
 *
 *	if (!hook_enter(&f) || is_passive(f.slot))
 *		return 0;
 *	if (!event_begin(&f, LUTRA_OP_...))
 *		return is_denied_without_scratch(&f, LUTRA_OP_...);
 *	(describe the object in f.s)
 *	return object_judge(f.e, f.s);
 *
 * Fails: without scratch (LUTRA_COUNTER_STORAGE_FAILED) an object is not judged. Then the hook
 * fails closed for a task with an active verdict, and in the modes that refuse; open in the others.
 */
#ifndef LUTRA_KERN_HOOKS_HOOK_BPF_H
#define LUTRA_KERN_HOOKS_HOOK_BPF_H

#include "kern/state/lost.bpf.h"
#include "kern/verdict/verdict.bpf.h"

struct hook_frame {
	struct lutra_task *e; /* armed entry of the task that the current one acts for */
	struct lutra_slot *slot;
	struct lutra_scratch *s; /* from event_begin() on */
	__u32 flags;		 /* EVENT_* */
};

/*
 * Returns the armed entry of the task that the current one acts for: itself, or the owner of an
 * io_uring worker. NULL: it is not enrolled, or pending. A lost task has the entry of its container.
 */
static __always_inline struct lutra_task *acting_task(struct lutra_slot **ret_slot,
						      __u32 *ret_flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lutra_task *e;

	if (!task_may_have_entry(task) && !(task->flags & PF_IO_WORKER))
		return NULL;
	e = task_live(task, ret_slot);
	*ret_flags = EVENT_HOOK;
	if (!e && task->flags & PF_IO_WORKER) {
		e = task_live(task->group_leader, ret_slot);
		*ret_flags = EVENT_HOOK | EVENT_WORKER;
	}
	if (!e)
		e = lost_entry(ret_slot);
	return e && !(e->flags & TASK_PENDING) ? e : NULL;
}

/* Fills in e, slot and flags. Returns false if the acting task is not enrolled and armed. */
static __always_inline bool hook_enter(struct hook_frame *f)
{
	f->slot = NULL;
	f->e = acting_task(&f->slot, &f->flags);
	return f->e && f->slot;
}

/* Begins an event with an object that has only its operation. Returns false without scratch. */
static __always_inline bool event_begin(struct hook_frame *f, __u32 op)
{
	f->s = scratch_get(bpf_get_current_task_btf());
	if (!f->s)
		return false;
	scratch_begin(f->s, f->e, f->flags);
	f->s->object.op = (__u8)op;
	return true;
}

/* Returns 1 if the operation op, whose object cannot be judged, is refused. */
static __always_inline int is_denied_without_scratch(const struct hook_frame *f, __u32 op)
{
	return unjudged_refuse(f->e, op);
}

/*
 * Returns true if a stacked file system acts: it sets attributes and copies files in the one
 * below with credentials of its own.
 */
static __always_inline bool is_by_file_system(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->cred != task->real_cred && !(task->flags & PF_IO_WORKER);
}

/* Returns what a cached judgement of a hook depends on: the slot's settings, and the role. */
static __always_inline __u32 judgement_key(const struct hook_frame *f)
{
	return f->slot->generation << 3 | (f->e->state.role & 7u);
}

/*
 * Returns true if the bit was judged known, and recorded, since the task's program, its role or its
 * policy changed. cached: cached_hooks or cached_caps of the entry.
 */
static __always_inline bool is_judgement_cached(const struct hook_frame *f, __u64 cached, __u64 bit)
{
	return f->e->cached_key == judgement_key(f) && cached & bit;
}

/*
 * Caches that a bit is known. key: read before the judgement, since a policy may be bound
 * meanwhile.
 */
static __always_inline void judgement_cache_add(struct lutra_task *e, __u32 key, __u64 *cached,
						__u64 bit)
{
	if (e->cached_key != key) {
		e->cached_key = key;
		e->cached_hooks = e->cached_caps = 0;
	}
	*cached |= bit;
}

/*
 * Judges the call of a hook that has no object. Returns 1 to refuse. A hook that is known costs a
 * look at a bit, unless a verdict is active.
 */
static __always_inline int hook_judge(__u32 hook)
{
	struct hook_frame f;
	__u64 bit = 1ull << (hook & 63);
	__u32 key;

	if (!hook_enter(&f))
		return 0;
	key = judgement_key(&f);
	if (has_no_active_verdict(f.e, f.slot) &&
	    (is_passive(f.slot) || is_judgement_cached(&f, f.e->cached_hooks, bit)))
		return 0;
	if (!event_begin(&f, LUTRA_OP_HOOK))
		return is_denied_without_scratch(&f, LUTRA_OP_HOOK);
	f.s->object.mode = (__u16)hook;
	if (pathless_judge(f.e, f.s))
		return 1;
	if (f.s->judgement.kind == LUTRA_KIND_KNOWN)
		judgement_cache_add(f.e, key, &f.e->cached_hooks, bit);
	return 0;
}

/* Returns 1 if an active verdict refuses the hook. in_alert_window: an alert window refuses it. */
static __always_inline int hook_apply_verdict(__u32 in_alert_window)
{
	struct hook_frame f;
	__u32 slot_nr;

	if (!hook_enter(&f) || has_no_active_verdict(f.e, f.slot))
		return 0;
	slot_nr = f.e->slot;
	if (!(event_begin(&f, LUTRA_OP_NONE) ? active_verdict_apply(f.e, f.s, in_alert_window)
					     : is_denied_without_scratch(&f, LUTRA_OP_NONE)))
		return 0;
	counter_add(slot_nr, LUTRA_COUNTER_REFUSED);
	return 1;
}

#endif
