/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a signal to a verdict, to evidence, and to what the verdict does at once.
 *
 * Hooks: none, called by the programs of the other files.
 * Maps: slots, policies, counters, evidence, quota.
 * Fails: a full evidence ring loses evidence (LUTRA_COUNTER_EVIDENCE_LOST), never a verdict; half full,
 * it loses first what comes from who floods it. SIGKILL
 * that cannot be sent is counted (LUTRA_COUNTER_SIGNAL_FAILED); the call is refused all the same.
 */
#include "kern/state/policy.bpf.h"
#include "kern/verdict/record.bpf.h"

#define EVIDENCE_QUOTA 16 /* pieces a second and container, once the ring is half full */

/* What is in force for a task. Attacks on the guard itself are no matter of a policy. */
static __always_inline __u32 task_mode(const struct lutra_task *e, const struct lutra_slot *slot,
				       __u32 group)
{
	__u32 mode = slot->mode;

	if (e->session && slot->flags & LUTRA_SLOT_AUDIT_EXEC_SESSIONS && mode > LUTRA_MODE_AUDIT &&
	    group != LUTRA_RULE_GUARD)
		return LUTRA_MODE_AUDIT;
	return mode;
}

static __always_inline void evidence_task(struct lutra_evidence *ev, struct lutra_task *e)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();

	ev->tid = (__u32)id;
	ev->tgid = id >> 32;
	ev->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
	ev->syscalls = e->calls;
	ev->slot = e->slot;
	ev->epoch = e->epoch;
	ev->level_a = e->state.level_a;
	ev->level_b = e->state.level_b;
	ev->role = e->state.role;
	ev->nr = e->nr;
	ev->exec_session = e->session;
	for (__u32 i = 0; i < LUTRA_HISTORY; i++)
		ev->history[i] = e->past[(e->calls + i) & (LUTRA_HISTORY - 1)];
}

static __always_inline void evidence_event(struct lutra_evidence *ev, struct lutra_scratch *s)
{
	ev->rule = (__u8)s->group;
	ev->kind = (__u8)s->kind;
	ev->weight[0] = s->weight[0];
	ev->weight[1] = s->weight[1];
	ev->weight[2] = s->weight[2];
	ev->fallback = lutra_standin;
	__builtin_memset(ev->pad, 0, sizeof(ev->pad));
	ev->object = s->object;
	if (s->flags & EVENT_WORKER)
		ev->nr = NR_NONE;
	s->str_len = 0;
	if (s->object.flags & LUTRA_OBJ_PATH)
		path_string(s);
	ev->str_len = s->str_len;
}

/*
 * The second half of the ring is shared out, so that a container that floods it takes no other's
 * evidence away. Tasks of one container race for its quota: some more than that may pass.
 */
static __always_inline bool evidence_has_room(__u32 slot, __u64 now)
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
	return q->n++ < EVIDENCE_QUOTA;
}

/* Send what is known of the event to the evidence ring, and count its verdict. */
static __noinline int evidence_send(struct lutra_task *e, struct lutra_scratch *s,
				    const struct lutra_policy *p, __u32 verdict, __u64 now)
{
	struct lutra_evidence *ev;
	struct lutra_slot *slot;
	__u32 len;

	if (!e || !s || !p)
		return 0;
	ev = &s->head.evidence;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	evidence_task(ev, e);
	evidence_event(ev, s);
	ev->ts_ns = now;
	ev->since_ns = e->episode_ns ? now - e->episode_ns : 0;
	ev->since_syscalls = e->episode_ns ? (__u32)(e->calls - e->episode_calls) : 0;
	ev->cgroup_id = slot->cgroup_id;
	ev->mode = (__u8)task_mode(e, slot, s->group);
	ev->policy_version = p->version;
	ev->threshold_a = p->threshold_a;
	ev->threshold_b = p->threshold_b;
	ev->verdict = (__u8)verdict;
	ev->refused = s->flags & EVENT_HOOK && !lutra_standin && verdict >= LUTRA_VERDICT_DENY;
	len = ev->str_len;
	if (len > LUTRA_STRING_MAX)
		len = LUTRA_STRING_MAX;
	count(e->slot, LUTRA_COUNTER_ALLOW + (verdict & 3));
	if (!evidence_has_room(e->slot, now) ||
	    bpf_ringbuf_output(&evidence, ev, sizeof(*ev) + len, 0))
		count(e->slot, LUTRA_COUNTER_EVIDENCE_LOST);
	return 0;
}

/* An unusual event begins an episode, or goes on with it. */
static __always_inline void episode(struct lutra_task *e, __u64 now)
{
	if (!e->episode_ns || now - e->episode_last_ns > EPISODE_GAP_NS) {
		e->episode_ns = now;
		e->episode_calls = e->calls;
	}
	e->episode_last_ns = now;
}

/*
 * The signal s->group of the event in s: decide, act, tell. Group NONE is an unusual event that
 * is no signal. p: the policy that saw it, which another may have replaced by now. Returns enum
 * lutra_verdict.
 */
__noinline int signal_event(struct lutra_task *e, struct lutra_scratch *s,
			    const struct lutra_policy *p)
{
	struct lutra_slot *slot;
	__u32 verdict, mode;
	__u64 now;

	if (!e || !s || !p)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	now = bpf_ktime_get_ns();
	episode(e, now);
	if (s->group == LUTRA_RULE_NONE)
		return LUTRA_VERDICT_ALLOW;
	mode = task_mode(e, slot, s->group);
	verdict = lutra_decide_verdict(&e->signals, p, s->group, mode, now);
	if (verdict >= LUTRA_VERDICT_DENY && !(s->flags & (EVENT_HOOK | EVENT_WORKER)))
		e->flags |= TASK_DENY_CALL;
	if (verdict == LUTRA_VERDICT_DENY && mode == LUTRA_MODE_FREEZE)
		__sync_fetch_and_or(&slot->flags, LUTRA_SLOT_FROZEN);
	if (verdict == LUTRA_VERDICT_KILL) {
		if (mode == LUTRA_MODE_KILL_CONTAINER)
			__sync_fetch_and_or(&slot->flags, LUTRA_SLOT_KILLING);
		kill_current(e->slot);
	}
	if (verdict >= LUTRA_VERDICT_DENY || !(s->flags & EVENT_QUIET))
		evidence_send(e, s, p, verdict, now);
	return verdict;
}

/* A refusal that was decided before this hook: say it once a call. */
static __always_inline int standing_refusal(struct lutra_task *e, struct lutra_scratch *s,
					    __u32 group, __u64 now)
{
	if (e->flags & TASK_REFUSED)
		return 1;
	e->flags |= TASK_REFUSED;
	s->group = group;
	s->kind = LUTRA_KIND_KNOWN;
	evidence_send(e, s, policy_get(e->slot), LUTRA_VERDICT_DENY, now);
	return 1;
}

/*
 * Is the operation in s refused whatever it is: container condemned or frozen, call denied, or
 * (windowed: an operation of that kind) lineage under an alert? 1: refuse.
 */
__noinline int standing_event(struct lutra_task *e, struct lutra_scratch *s, __u32 windowed)
{
	struct lutra_slot *slot;
	__u32 denies, mode;
	__u64 now;

	if (!e || !s)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	if (slot->flags & LUTRA_SLOT_KILLING) {
		kill_current(e->slot);
		return 1;
	}
	if (slot->flags & LUTRA_SLOT_FROZEN)
		return 1;
	mode = task_mode(e, slot, LUTRA_RULE_NONE);
	denies = mode == LUTRA_MODE_DENY || mode == LUTRA_MODE_FREEZE;
	if (e->flags & TASK_DENY_CALL && !(s->flags & EVENT_WORKER))
		return denies ? standing_refusal(e, s, LUTRA_RULE_NEW_HOOKABLE, bpf_ktime_get_ns())
			      : 1;
	if (!windowed || mode != LUTRA_MODE_DENY || !e->signals.alert_until_ns)
		return 0;
	now = bpf_ktime_get_ns();
	if (now >= e->signals.alert_until_ns)
		return 0;
	return standing_refusal(e, s, e->signals.alert_rule, now);
}

/* plain: an object without a path, which takes the verifier a fraction of the time. */
static __always_inline int judge(struct lutra_task *e, struct lutra_scratch *s, bool plain)
{
	struct lutra_judgement *j = &s->judgement;
	struct lutra_policy *p = policy_get(e->slot);
	__u8 role = e->state.role;

	if (!p) {
		count(e->slot, LUTRA_COUNTER_UNSCORED);
		return 0;
	}
	/* The call's entry has said so already. */
	if (s->object.op == LUTRA_OP_HOOK && e->flags & TASK_NOVEL && !(s->flags & EVENT_WORKER)) {
		j->kind = LUTRA_KIND_ELSEWHERE;
		return 0;
	}
	if (plain)
		lutra_judge_pathless(p, &s->object, role, j);
	else
		lutra_judge_object(p, &s->object, &s->path, role, s->fold, j);
	count(e->slot, LUTRA_COUNTER_OBJECTS);
	if (j->kind == LUTRA_KIND_KNOWN) {
		s->known_by = known_key(e->slot, p->version, role, s->object.mode, s->object.flags);
		return 0;
	}
	count(e->slot, LUTRA_COUNTER_NOVEL_OBJECTS);
	s->group = j->rule;
	s->kind = j->kind;
	return signal_event(e, s, p) >= LUTRA_VERDICT_DENY;
}

/* The object in s: record it, judge it. 1: refuse (or, where a tracepoint saw it: kill). */
static __always_inline int event(struct lutra_task *e, struct lutra_scratch *s, bool plain)
{
	struct lutra_slot *slot = slot_get(e->slot);
	int refuse = 0;

	if (!slot)
		return 0;
	s->judgement.kind = LUTRA_KIND_KNOWN;
	s->known_by = 0;
	s->str_len = 0;
	if (slot->flags & LUTRA_SLOT_RECORD) {
		if (!plain && s->object.flags & LUTRA_OBJ_PATH)
			path_string(s);
		record_object(s, e->slot, s->flags & EVENT_WORKER ? NR_NONE : e->nr);
	}
	if (slot->mode != LUTRA_MODE_LEARN)
		refuse = judge(e, s, plain);
	if (!refuse && !at_ease(e, slot))
		refuse = standing_event(e, s, lutra_is_in_alert_window(&s->object));
	if (refuse && s->flags & EVENT_HOOK)
		count(e->slot, LUTRA_COUNTER_REFUSED);
	return refuse;
}

__noinline int object_event(struct lutra_task *e, struct lutra_scratch *s)
{
	if (!e || !s)
		return 0;
	if (s->object.flags & LUTRA_OBJ_PATH &&
	    s->path.flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG | LUTRA_PATH_UNRESOLVED))
		count(e->slot, LUTRA_COUNTER_PATHS_CUT);
	return event(e, s, false);
}

__noinline int plain_event(struct lutra_task *e, struct lutra_scratch *s)
{
	return e && s ? event(e, s, true) : 0;
}

char LICENSE[] SEC("license") = "GPL";
