/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Evidence: a match and its verdict, sent to userspace.
 *
 * Maps: evidence  ring of struct lutra_evidence and its string
 *       quota     slot -> struct lutra_quota, while the ring is crowded
 * Fails: a full ring loses evidence (LUTRA_COUNTER_EVIDENCE_LOST), never a verdict. Once the ring
 * is half full, a container that floods it loses evidence first, but not the first piece of a kind.
 *
 * Part of verdict.bpf.c.
 */
#ifndef LUTRA_KERN_VERDICT_EVIDENCE_BPF_H
#define LUTRA_KERN_VERDICT_EVIDENCE_BPF_H

#include "kern/object/object.bpf.h"
#include "lutra/alert_kind.h"

#define EVIDENCE_BYTES (1 << 20)
#define EVIDENCE_QUOTA 16 /* pieces a second and container, once the ring is half full */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVIDENCE_BYTES);
} evidence SEC(".maps") __weak;

struct lutra_quota {
	__u64 since_ns;
	__u64 n;
	struct lutra_alert_kinds kinds;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u32);
	__type(value, struct lutra_quota);
} quota SEC(".maps") __weak;

static __always_inline void evidence_add_task(struct lutra_evidence *ev, struct lutra_task *e,
					      const struct lutra_slot *slot)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();

	ev->tid = (__u32)id;
	ev->tgid = id >> 32;
	ev->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
	ev->syscalls = e->syscalls;
	ev->slot = e->slot;
	ev->epoch = e->epoch;
	ev->level = e->state.m.level;
	ev->novelty = e->state.m.novelty;
	ev->role = e->state.role;
	ev->nr = e->nr;
	ev->exec_session = e->exec_session ? LUTRA_SESSION_GUARDED : 0;
	if (is_audited_session(e, slot))
		ev->exec_session = LUTRA_SESSION_AUDITED;
	for (__u32 i = 0; i < LUTRA_HISTORY; i++)
		ev->history[i] = e->history[(e->state.history_at + i) & (LUTRA_HISTORY - 1)];
}

static __always_inline void evidence_add_event(struct lutra_evidence *ev, struct lutra_scratch *s)
{
	ev->rule = (__u8)s->match.rule;
	ev->kind = (__u8)s->match.kind;
	ev->weight[0] = s->match.weight[0];
	ev->weight[1] = s->match.weight[1];
	ev->weight[2] = s->match.weight[2];
	ev->fallback = lutra_fallback;
	ev->pad = 0;
	ev->object = s->object;
	if (s->flags & EVENT_WORKER)
		ev->nr = LUTRA_NR_NONE;
	s->text.len = 0;
	if (s->object.flags & LUTRA_OBJ_PATH)
		path_to_text(s);
	ev->str_len = s->text.len;
}

/* Appends the starter of an execution to the text. Returns its length; 0: not known. */
static __always_inline __u32 evidence_add_starter(struct lutra_scratch *s, __u32 text_len)
{
	__u32 len = s->starter.len;

	if (s->object.op != LUTRA_OP_EXEC || !len)
		return 0;
	bpf_probe_read_kernel(&s->text.bytes[text_len], LUTRA_STARTER_MAX, s->starter.text);
	return len > LUTRA_STARTER_MAX ? LUTRA_STARTER_MAX : len;
}

/*
 * Returns true if a slot may send evidence. Each slot has a quota of the second half of the ring,
 * so that a container that floods it takes no room from others. The first piece of each kind has room
 * beside the quota, so that cheap alerts do not hide others of the same container. Tasks of one
 * container race for its quota: a few more pieces may pass.
 */
static __always_inline bool evidence_has_room(__u32 slot, __u32 kind, __u64 now)
{
	struct lutra_quota *q;

	if (bpf_ringbuf_query(&evidence, BPF_RB_AVAIL_DATA) < EVIDENCE_BYTES / 2)
		return true;
	q = bpf_map_lookup_elem(&quota, &slot);
	if (!q)
		return false;
	if (now - q->since_ns > NSEC_PER_SEC) {
		q->since_ns = now;
		q->n = 0;
	}
	return lutra_is_first_of_kind(&q->kinds, kind, now) || q->n++ < EVIDENCE_QUOTA;
}

/*
 * Sends what is known of the event to the evidence ring, and counts its verdict. Returns 1 if it
 * was sent, 0 if it is lost.
 */
__noinline int evidence_send(struct lutra_task *e, struct lutra_scratch *s,
			     const struct lutra_policy *p, __u32 verdict, __u64 now)
{
	struct lutra_evidence *ev;
	struct lutra_slot *slot;
	__u32 len, starter_len;

	if (!e || !s || !p)
		return 0;
	ev = &s->text.head.evidence;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	evidence_add_task(ev, e, slot);
	evidence_add_event(ev, s);
	ev->ts_ns = now;
	ev->since_ns = e->episode_ns ? now - e->episode_ns : 0;
	ev->since_syscalls = e->episode_ns ? (__u32)(e->syscalls - e->episode_syscalls) : 0;
	ev->cgroup_id = slot->cgroup_id;
	ev->mode = s->match.mode;
	ev->policy_version = p->version;
	ev->threshold = p->threshold;
	ev->novelty_threshold = p->novelty_threshold;
	ev->verdict = (__u8)verdict;
	ev->refused = s->flags & EVENT_HOOK && !lutra_fallback && verdict >= LUTRA_VERDICT_DENY;
	len = ev->str_len;
	if (len > LUTRA_STRING_MAX)
		len = LUTRA_STRING_MAX;
	starter_len = evidence_add_starter(s, len);
	ev->starter_len = (__u16)starter_len;
	counter_add(e->slot, LUTRA_COUNTER_ALLOW + (verdict & 3));
	if (!evidence_has_room(e->slot, lutra_alert_kind(ev->rule, &s->object, ev->nr), now) ||
	    bpf_ringbuf_output(&evidence, ev, sizeof(*ev) + len + starter_len, 0)) {
		counter_add(e->slot, LUTRA_COUNTER_EVIDENCE_LOST);
		return 0;
	}
	return 1;
}

#endif
