/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * From a signal (a rule group that an event set off) to a verdict, by the policy's action for the
 * group, the container's mode and what the lineage did in the second before. One piece of code
 * for the kernel and for replays. Total, as score.h is.
 */
#ifndef LUTRA_VERDICT_H
#define LUTRA_VERDICT_H

#include "lutra/score.h"

/* Kill mode: signals that count together. Deny mode: how long an alert of a level refuses. */
#define LUTRA_MATCH_WINDOW_NS NSEC_PER_SEC

/* Signals of different classes together make a kill. */
enum lutra_match_class {
	LUTRA_MATCH_CLASS_OBJECT,
	LUTRA_MATCH_CLASS_TH,
	LUTRA_MATCH_CLASS_LEVEL,
	LUTRA_MATCH_CLASS_COUNT,
	LUTRA_MATCH_CLASS_NONE = LUTRA_MATCH_CLASS_COUNT
};

/* The signals of a lineage, copied by fork. All zero: none yet. */
struct lutra_matches {
	__u64 alert_until_ns;			/* deny mode: a level's alert refuses until then */
	__u64 last_ns[LUTRA_MATCH_CLASS_COUNT]; /* of each class */
	__u32 alert_rule;			/* of that alert */
	__u32 pad;
};

static __always_inline __u32 lutra_match_class(__u32 group, __u32 action)
{
	if (group == LUTRA_RULE_LEVEL_A || group == LUTRA_RULE_LEVEL_B)
		return action >= LUTRA_ACTION_ALERT ? LUTRA_MATCH_CLASS_LEVEL
						    : LUTRA_MATCH_CLASS_NONE;
	if (action < LUTRA_ACTION_DENY)
		return LUTRA_MATCH_CLASS_NONE;
	return group == LUTRA_RULE_NEW_SYSCALL || group == LUTRA_RULE_NEW_HOOKABLE
		       ? LUTRA_MATCH_CLASS_TH
		       : LUTRA_MATCH_CLASS_OBJECT;
}

/* Note a signal of a class; how many classes had one within the window? */
static __always_inline __u32 lutra_classes_now(struct lutra_matches *s, __u32 class, __u64 now)
{
	__u32 n = 0;

	if (class < LUTRA_MATCH_CLASS_COUNT)
		s->last_ns[class] = now;
	for (__u32 i = 0; i < LUTRA_MATCH_CLASS_COUNT; i++)
		n += s->last_ns[i] && now - s->last_ns[i] < LUTRA_MATCH_WINDOW_NS;
	return n;
}

/* The verdict on a signal of a group, enum lutra_verdict; s remembers it. now: ns, monotonic. */
LUTRA_FN __u32 lutra_decide_verdict(struct lutra_matches *s, const struct lutra_policy *p,
				    __u32 group, __u32 mode, __u64 now)
{
	__u32 action, class, need;

	if (!s || !p)
		return LUTRA_VERDICT_ALLOW;
	action = p->action[group & 31];
	class = lutra_match_class(group, action);
	need = p->kill_matches ? p->kill_matches : 1;
	if (action == LUTRA_ACTION_KILL || group == LUTRA_RULE_GUARD)
		need = 1;
	if (mode == LUTRA_MODE_KILL || mode == LUTRA_MODE_KILL_CONTAINER) {
		if (class != LUTRA_MATCH_CLASS_NONE && lutra_classes_now(s, class, now) >= need)
			return LUTRA_VERDICT_KILL;
	} else if (mode == LUTRA_MODE_DENY || mode == LUTRA_MODE_FREEZE) {
		if (class == LUTRA_MATCH_CLASS_LEVEL && mode == LUTRA_MODE_DENY) {
			s->alert_until_ns = now + LUTRA_MATCH_WINDOW_NS;
			s->alert_rule = group;
		}
		if (action == LUTRA_ACTION_KILL && mode == LUTRA_MODE_DENY)
			return LUTRA_VERDICT_KILL;
		if (action >= LUTRA_ACTION_DENY)
			return LUTRA_VERDICT_DENY;
	}
	return action == LUTRA_ACTION_LOG ? LUTRA_VERDICT_ALLOW : LUTRA_VERDICT_ALERT;
}

/* Operations refused while a lineage is under a level's alert. */
static __always_inline __u32 lutra_is_in_alert_window(const struct lutra_object *o)
{
	switch (o->op) {
	case LUTRA_OP_EXEC:
	case LUTRA_OP_CONNECT:
	case LUTRA_OP_BIND:
	case LUTRA_OP_SEND:
		return 1;
	case LUTRA_OP_OPEN:
		return o->flags & LUTRA_OBJ_WRITE;
	case LUTRA_OP_HOOK:
		return o->mode == LUTRA_HOOK_SOCKET_CREATE ||
		       o->mode == LUTRA_HOOK_PTRACE_ACCESS_CHECK ||
		       o->mode == LUTRA_HOOK_SB_MOUNT || o->mode == LUTRA_HOOK_MOVE_MOUNT;
	default:
		return 0;
	}
}

#endif
