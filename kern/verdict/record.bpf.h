/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records of events.
 *
 * Maps: records, ring of struct lutra_ring_record and its string. Userspace polls with a timeout
 * and drains: it is woken only when much is pending.
 * Fails: a full ring loses records (LUTRA_COUNTER_RECORDS_LOST).
 */
#ifndef LUTRA_KERN_VERDICT_RECORD_BPF_H
#define LUTRA_KERN_VERDICT_RECORD_BPF_H

#include "kern/state/scratch.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} records SEC(".maps") __weak;

#define RECORDS_WAKE_BYTES (2 << 20)

static __always_inline void record_fill(struct lutra_ring_record *r, const struct task_struct *task,
					__u32 slot, __u16 type, __u16 nr, __u64 arg, __u16 aux)
{
	r->rec.ts_ns = bpf_ktime_get_ns();
	r->rec.arg = arg;
	r->rec.tid = task->pid;
	r->rec.tgid = task->tgid;
	r->rec.type = type;
	r->rec.nr = nr;
	r->rec.aux = aux;
	r->rec.pad = 0;
	r->slot = slot;
	r->str_len = 0;
}

static __always_inline void record_count(__u32 slot, long lost)
{
	counter_add(slot, lost ? LUTRA_COUNTER_RECORDS_LOST : LUTRA_COUNTER_RECORDS);
}

/* Returns the wake-up flag of an output. look: also look how much is pending, a helper call. */
static __always_inline __u64 record_wakeup(bool look)
{
	if (look && bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > RECORDS_WAKE_BYTES)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* Sends a record without a string, of what the task did. look: as record_wakeup(). */
static __always_inline void record_send(const struct task_struct *task, __u32 slot, __u16 type,
					__u16 nr, __u64 arg, __u16 aux, bool look)
{
	struct lutra_ring_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);

	if (r) {
		record_fill(r, task, slot, type, nr, arg, aux);
		bpf_ringbuf_submit(r, record_wakeup(look));
	}
	record_count(slot, !r);
}

/* Sends a record of the object in scratch, with s->text. */
static __always_inline void record_send_object(struct lutra_scratch *s, __u32 slot, __u16 nr)
{
	struct lutra_ring_record *r = &s->text.head.ring.record;
	__u32 len = s->text.len;

	record_fill(r, bpf_get_current_task_btf(), slot, LUTRA_RECORD_OBJECT, nr, 0, 0);
	lutra_object_pack(&s->object, &r->rec);
	if (len > LUTRA_STRING_MAX)
		len = LUTRA_STRING_MAX;
	r->str_len = len;
	record_count(slot, bpf_ringbuf_output(&records, r, sizeof(*r) + len, record_wakeup(true)));
}

#endif
