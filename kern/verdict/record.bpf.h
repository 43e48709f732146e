/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records of events, into the records ring. Userspace polls with a timeout and drains: a wake-up
 * is sent only when much is pending.
 */
#ifndef LUTRA_KERN_VERDICT_RECORD_BPF_H
#define LUTRA_KERN_VERDICT_RECORD_BPF_H

#include "kern/state/kernel.bpf.h"

#define RECORDS_MUCH (2 << 20)

/* What a task did, the current one mostly. */
static __always_inline void record_head(struct lutra_ring_record *r, const struct task_struct *task,
					__u32 slot, __u16 type, __u16 nr, __u64 arg)
{
	r->rec.ts_ns = bpf_ktime_get_ns();
	r->rec.arg = arg;
	r->rec.tid = task->pid;
	r->rec.tgid = task->tgid;
	r->rec.type = type;
	r->rec.nr = nr;
	r->rec.aux = 0;
	r->rec.pad = 0;
	r->slot = slot;
	r->str_len = 0;
}

static __always_inline void record_done(__u32 slot, long lost)
{
	count(slot, lost ? LUTRA_COUNTER_RECORDS_LOST : LUTRA_COUNTER_RECORDS);
}

/* Flags of an output: look at what is pending now and then, not at every record. */
static __always_inline __u64 record_flags(bool look)
{
	if (look && bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > RECORDS_MUCH)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* A record without a string. */
static __always_inline void record_plain(const struct task_struct *task, __u32 slot, __u16 type,
					 __u16 nr, __u64 arg, bool look)
{
	struct lutra_ring_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);

	if (r) {
		record_head(r, task, slot, type, nr, arg);
		bpf_ringbuf_submit(r, record_flags(look));
	}
	record_done(slot, !r);
}

/* The object in scratch, with its string, which is there already. */
static __always_inline void record_object(struct lutra_scratch *s, __u32 slot, __u16 nr)
{
	struct lutra_ring_record *r = &s->head.ring.record;
	__u32 len = s->str_len;

	record_head(r, bpf_get_current_task_btf(), slot, LUTRA_RECORD_OBJECT, nr, 0);
	lutra_object_pack(&s->object, &r->rec);
	if (len > LUTRA_STRING_MAX)
		len = LUTRA_STRING_MAX;
	r->str_len = len;
	record_done(slot, bpf_ringbuf_output(&records, r, sizeof(*r) + len, record_flags(true)));
}

#endif
