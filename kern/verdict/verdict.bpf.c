/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Judges an object by the policy, decides on the verdict of a match, and carries the verdict out:
 * the operation is refused, or the task is killed, before the hook returns.
 *
 * Hooks: none. The programs of kern/hooks call these functions.
 * Maps: slots, policies, seen, counters; the rings records and evidence are written.
 * Fails: open without a policy (LUTRA_COUNTER_UNSCORED). A SIGKILL that cannot be sent is counted
 * (LUTRA_COUNTER_SIGNAL_FAILED); a hook refuses the operation all the same.
 */
#include "kern/state/policy.bpf.h"
#include "kern/verdict/evidence.bpf.h"
#include "kern/verdict/record.bpf.h"
#include "kern/verdict/reported.bpf.h"
#include "kern/verdict/score.bpf.h"
#include "kern/verdict/sharers.bpf.h"
#include "kern/verdict/starter.bpf.h"
#include "kern/verdict/verdict.bpf.h"

#define EPISODE_GAP_NS NSEC_PER_SEC /* without unusual events: the episode is over */

/* Adds an unusual event to the lineage's episode, or begins a new episode with it. */
static __always_inline void episode_add(struct lutra_task *e, __u64 now)
{
	if (!e->episode_ns || now - e->episode_last_ns > EPISODE_GAP_NS) {
		e->episode_ns = now;
		e->episode_syscalls = e->syscalls;
	}
	e->episode_last_ns = now;
}

/*
 * Returns true if the operation in s, whose task is killed, happens all the same: no hook refuses it.
 * Where hooks run, they refuse the syscalls of rule NEW_HOOKABLE.
 */
static __always_inline bool is_unrefused(const struct lutra_scratch *s)
{
	return !(s->flags & (EVENT_HOOK | EVENT_WORKER)) &&
	       (lutra_fallback || s->match.rule != LUTRA_RULE_NEW_HOOKABLE);
}

/*
 * Decides on the verdict of the match in s and sends evidence. An alert about an object is sent
 * once. Kills the task or marks the container as frozen at once; the caller refuses the operation.
 * Rule NONE stands for an unusual event that matches no rule: it only lengthens the episode. p: the
 * policy that found the match; another may have replaced it since. Returns enum lutra_verdict.
 */
__noinline int match_decide(struct lutra_task *e, struct lutra_scratch *s,
			    const struct lutra_policy *p)
{
	struct lutra_slot *slot;
	__u32 verdict, mode, match;
	__u64 now;

	if (!e || !s || !p)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	now = bpf_ktime_get_ns();
	episode_add(e, now);
	if (s->match.rule == LUTRA_RULE_NONE)
		return LUTRA_VERDICT_ALLOW;
	match = s->match.rule | s->match.flags;
	if (is_audited_session(e, slot))
		match |= LUTRA_MATCH_SESSION;
	s->flags &= ~EVENT_SESSION_TOOL;
	if (lutra_is_session_tool(&s->object, match))
		s->flags |= EVENT_SESSION_TOOL;
	mode = lutra_match_mode(match, slot->mode);
	s->match.mode = mode;
	verdict = lutra_decide_verdict(&e->matches, p, match, mode, now);
	if (verdict >= LUTRA_VERDICT_DENY && !(s->flags & (EVENT_HOOK | EVENT_WORKER)))
		e->flags |= TASK_DENY_SYSCALL;
	if (verdict == LUTRA_VERDICT_DENY && mode == LUTRA_MODE_FREEZE)
		__sync_fetch_and_or(&slot->flags, LUTRA_SLOT_FROZEN);
	if (verdict == LUTRA_VERDICT_KILL) {
		if (mode == LUTRA_MODE_KILL_CONTAINER)
			__sync_fetch_and_or(&slot->flags, LUTRA_SLOT_KILLING);
		kill_current(e->slot);
		if (is_unrefused(s))
			sharers_condemn(e);
	}
	if (verdict == LUTRA_VERDICT_ALERT && s->flags & EVENT_REPORTED_ONCE)
		alert_report_once(e, s, p, now);
	else if (verdict >= LUTRA_VERDICT_DENY || !(s->flags & EVENT_QUIET))
		evidence_send(e, s, p, verdict, now);
	return verdict;
}

/*
 * Sends evidence that an exec session began with a program: who runs it, and at which terminal. It
 * is allowed whatever the policy says. binprm: address of the struct linux_binprm. Returns 0.
 */
__noinline int session_report(struct lutra_task *e, struct lutra_scratch *s, __u64 binprm)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct linux_binprm *bprm = (struct linux_binprm *)binprm;
	const struct lutra_policy *p;
	struct lutra_slot *slot;
	struct tty_struct *tty;
	__u32 uid;

	if (!e || !s)
		return 0;
	p = policy_get(e->slot);
	slot = slot_get(e->slot);
	if (!p || !slot || slot->mode == LUTRA_MODE_LEARN)
		return 0;
	scratch_begin(s, e, 0);
	starter_forget(s);
	s->object.op = LUTRA_OP_EXEC;
	file_describe(s, (__u64)BPF_CORE_READ(bprm, file), slot->start_realtime_ns);
	uid = (__u32)bpf_get_current_uid_gid();
	s->object.mode = (__u16)uid;
	s->object.port = (__u16)(uid >> 16);
	tty = BPF_CORE_READ(task, signal, tty);
	if (tty)
		bpf_probe_read_kernel_str(s->object.addr, sizeof(s->object.addr), &tty->name);
	s->match.rule = LUTRA_RULE_SESSION;
	s->match.kind = LUTRA_KIND_KNOWN;
	s->match.mode = (__u8)slot->mode;
	evidence_send(e, s, p, LUTRA_VERDICT_ALLOW, bpf_ktime_get_ns());
	return 0;
}

/*
 * Refuses the operation in s because of an earlier verdict, and sends evidence of the first such
 * refusal in a syscall. rule: the rule that the evidence names. mode: of the container. Returns 1.
 */
static __always_inline int refuse_again(struct lutra_task *e, struct lutra_scratch *s, __u32 rule,
					__u32 mode, __u64 now)
{
	if (e->flags & TASK_REFUSED)
		return 1;
	e->flags |= TASK_REFUSED;
	s->match.rule = rule;
	s->match.kind = LUTRA_KIND_KNOWN;
	s->match.mode = mode;
	evidence_send(e, s, policy_get(e->slot), LUTRA_VERDICT_DENY, now);
	return 1;
}

/*
 * Returns 1 if an active verdict refuses the operation in s, whatever its object is: the container
 * is being killed or is frozen, the syscall was denied, or the task is in an alert window that
 * refuses this operation. in_alert_window: 1 if alert windows refuse operations of this kind.
 */
__noinline int active_verdict_apply(struct lutra_task *e, struct lutra_scratch *s,
				    __u32 in_alert_window)
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
	mode = slot->mode;
	if (is_audited_session(e, slot))
		mode = lutra_match_mode(LUTRA_MATCH_SESSION, mode);
	denies = mode == LUTRA_MODE_DENY || mode == LUTRA_MODE_FREEZE;
	if (e->flags & TASK_DENY_SYSCALL && !(s->flags & EVENT_WORKER))
		return denies ? refuse_again(e, s, LUTRA_RULE_NEW_HOOKABLE, mode,
					     bpf_ktime_get_ns())
			      : 1;
	if (!in_alert_window || mode != LUTRA_MODE_DENY || !e->matches.alert_until_ns)
		return 0;
	now = bpf_ktime_get_ns();
	if (now >= e->matches.alert_until_ns)
		return 0;
	return refuse_again(e, s, e->matches.alert_rule, mode, now);
}

#define OBJECT_WEIGHS 1	 /* a weight counted */
#define OBJECT_NOVELTY 2 /* level N passed its threshold */

/*
 * Sets the key of the object in s. It is a function of its own and object_score() does not call it,
 * because the stacks of functions that call one another must not exceed 512 bytes. Returns 0.
 */
static __always_inline int object_key_find(struct lutra_scratch *s, const struct lutra_policy *p)
{
	if (!s || !p)
		return 0;
	s->object_key = lutra_object_key(p, &s->object, &s->path, &s->key_search);
	return 0;
}

/*
 * Scores the object in s by levels M and N. Objects of io_uring workers, and objects used outside any
 * syscall, are not scored: they have no place in the order of the task's syscalls. p: the policy
 * that judged the object. Returns 0 if no weight counted, else bits OBJECT_*. Then s->match is set,
 * but for level N, and the caller calls match_decide(). This function does not call it, since the
 * verifier allows no more than eight functions that call one another.
 */
__noinline int object_score(struct lutra_task *e, struct lutra_scratch *s,
			    const struct lutra_policy *p)
{
	struct lutra_token_score score;
	struct lutra_m_state before;
	struct lutra_slot *slot;

	if (!e || !s || !p)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	if (s->flags & EVENT_WORKER || e->nr == LUTRA_NR_NONE)
		return 0;
	task_follow_policy(e, p);
	before = e->state.m;
	if (!score_object(&e->state, p, e->slot, !is_audited_session(e, slot), s->object_key,
			  &score))
		return 0;
	lutra_history_add(e->history, &e->state, LUTRA_HISTORY_OBJECT | s->object_key, &score);
	if (!lutra_m_sum(&score.m))
		return 0;
	s->match.rule = LUTRA_RULE_NONE;
	if (lutra_level_passed(p->threshold, before.level, e->state.m.level))
		s->match.rule = LUTRA_RULE_LEVEL;
	s->match.flags = 0;
	s->match.kind = LUTRA_KIND_KNOWN;
	s->match.weight[0] = score.m.weight[0];
	s->match.weight[1] = score.m.weight[1];
	s->match.weight[2] = score.m.weight[2];
	s->flags &= ~EVENT_REPORTED_ONCE;
	if (lutra_level_passed(p->novelty_threshold, before.novelty, e->state.m.novelty))
		return OBJECT_WEIGHS | OBJECT_NOVELTY;
	return OBJECT_WEIGHS;
}

/* Scores the object in s by levels M and N, and decides on their matches. Returns 1 to refuse. */
static __always_inline int levels_decide(struct lutra_task *e, struct lutra_scratch *s,
					 const struct lutra_policy *p)
{
	int found, refuse = 0;

	object_key_find(s, p);
	found = object_score(e, s, p);
	if (found)
		refuse = match_decide(e, s, p) >= LUTRA_VERDICT_DENY;
	if (found & OBJECT_NOVELTY) {
		s->match.rule = LUTRA_RULE_NOVELTY;
		if (match_decide(e, s, p) >= LUTRA_VERDICT_DENY)
			refuse = 1;
	}
	return refuse;
}

/*
 * Returns true if the creation in s, which was judged, is refused before the file exists. If it is let
 * pass, the open that follows is judged, recorded and reported.
 */
static __always_inline bool is_creation_refused(struct lutra_task *e, struct lutra_scratch *s,
						const struct lutra_policy *p)
{
	const struct lutra_slot *slot = slot_get(e->slot);
	__u32 match;

	if (!slot || slot->mode <= LUTRA_MODE_AUDIT || s->judgement.kind == LUTRA_KIND_KNOWN)
		return false;
	match = lutra_object_match(&s->object, &s->judgement);
	if (is_audited_session(e, slot))
		match |= LUTRA_MATCH_SESSION;
	return lutra_match_action(p, match) >= LUTRA_ACTION_DENY;
}

/* Records the object in s if its container is recorded. Returns 0. */
static __noinline int object_record(const struct lutra_task *e, struct lutra_scratch *s)
{
	const struct lutra_slot *slot;

	if (!e || !s)
		return 0;
	slot = slot_get(e->slot);
	if (!slot || !(slot->flags & LUTRA_SLOT_RECORD))
		return 0;
	if (s->object.flags & LUTRA_OBJ_PATH)
		path_to_text(s);
	record_send_object(s, e->slot, s->flags & EVENT_WORKER ? LUTRA_NR_NONE : e->nr);
	return 0;
}

/*
 * Judges the object in s by the policy of its container, and decides on a match. Returns 1 to
 * refuse. pathless: the object has no path; a constant, since the verifier checks the code without
 * paths in a fraction of the time.
 */
static __always_inline int judge_by_policy(struct lutra_task *e, struct lutra_scratch *s,
					   bool pathless)
{
	struct lutra_judgement *j = &s->judgement;
	struct lutra_policy *p = policy_get(e->slot);
	__u8 role = e->state.role;
	int refuse = 0;

	if (!p) {
		counter_add(e->slot, LUTRA_COUNTER_UNSCORED);
		return 0;
	}
	/*
	 * The entry of the syscall matched NEW_HOOKABLE already, so the hook adds no match. Any
	 * kind but KNOWN keeps the caller from caching the hook as known.
	 */
	if ((s->object.op == LUTRA_OP_HOOK || s->object.op == LUTRA_OP_SOCKET) &&
	    e->flags & TASK_NOVEL && !(s->flags & EVENT_WORKER)) {
		j->kind = LUTRA_KIND_ELSEWHERE;
		return 0;
	}
	if (pathless) {
		lutra_judge_pathless(p, &s->object, role, j);
	} else {
		lutra_judge_object(p, &s->object, &s->path, role, s->fold, j);
		lutra_judge_starter(p, &s->object, starter_node(s, p), role, j);
	}
	if (s->flags & EVENT_CREATION) {
		if (!is_creation_refused(e, s, p))
			return 0;
		/* No open will follow that could be recorded and scored. */
		s->flags &= ~EVENT_CREATION;
		object_record(e, s);
	}
	counter_add(e->slot, LUTRA_COUNTER_OBJECTS);
	if (j->kind == LUTRA_KIND_KNOWN) {
		s->known_key = open_key(e->slot, p->version, role, s->object.mode, s->object.flags);
	} else {
		counter_add(e->slot, LUTRA_COUNTER_NOVEL_OBJECTS);
		s->match.rule = j->rule;
		s->match.flags = lutra_object_match(&s->object, j) & ~LUTRA_MATCH_RULE;
		s->match.kind = j->kind;
		s->flags |= EVENT_REPORTED_ONCE;
		refuse = match_decide(e, s, p) >= LUTRA_VERDICT_DENY;
	}
	/* An object without a path and without an address has no key. */
	if (!pathless && lutra_has_level(p) && levels_decide(e, s, p))
		refuse = 1;
	return refuse;
}

/*
 * Records the object in s if its container is recorded, and judges it. Returns 1 to refuse; for a
 * tracepoint, which cannot refuse, 1 has no effect.
 */
static __always_inline int record_and_judge(struct lutra_task *e, struct lutra_scratch *s,
					    bool pathless)
{
	struct lutra_slot *slot = slot_get(e->slot);
	int refuse = 0;

	if (!slot)
		return 0;
	s->judgement.kind = LUTRA_KIND_KNOWN;
	s->known_key = 0;
	s->text.len = 0;
	if (slot->flags & LUTRA_SLOT_RECORD && !(s->flags & EVENT_CREATION))
		object_record(e, s);
	if (slot->mode != LUTRA_MODE_LEARN)
		refuse = judge_by_policy(e, s, pathless);
	if (!refuse && !has_no_active_verdict(e, slot))
		refuse = active_verdict_apply(e, s, lutra_is_in_alert_window(&s->object));
	if (refuse && s->flags & EVENT_HOOK)
		counter_add(e->slot, LUTRA_COUNTER_REFUSED);
	return refuse;
}

/* Records and judges the object in s, with its path. Returns 1 to refuse. */
__noinline int object_judge(struct lutra_task *e, struct lutra_scratch *s)
{
	if (!e || !s)
		return 0;
	if (s->object.flags & LUTRA_OBJ_PATH &&
	    s->path.flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG | LUTRA_PATH_UNRESOLVED))
		counter_add(e->slot, LUTRA_COUNTER_PATHS_CUT);
	return record_and_judge(e, s, false);
}

/*
 * Returns 1 if an operation that cannot be judged, for lack of scratch, is refused: a verdict is
 * active, or the container's mode refuses and its policy judges operations of this kind. An audited
 * exec session is let pass.
 */
__noinline int unjudged_refuse(struct lutra_task *e, __u32 op)
{
	const struct lutra_policy *p;
	struct lutra_slot *slot;

	if (!e)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	if (e->flags & TASK_DENY_SYSCALL || slot->flags & (LUTRA_SLOT_FROZEN | LUTRA_SLOT_KILLING))
		return 1;
	if (slot->mode <= LUTRA_MODE_AUDIT || is_audited_session(e, slot))
		return 0;
	p = policy_get(e->slot);
	if (!p || !(p->ops >> (op & 31) & 1))
		return 0;
	counter_add(e->slot, LUTRA_COUNTER_REFUSED);
	return 1;
}

/* Records and judges an object that has no path. Returns 1 to refuse. */
__noinline int pathless_judge(struct lutra_task *e, struct lutra_scratch *s)
{
	return e && s ? record_and_judge(e, s, true) : 0;
}

char LICENSE[] SEC("license") = "GPL";
