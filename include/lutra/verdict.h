/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Decides the verdict on a match: an event that matches a rule. The verdict depends on the policy's
 * action for the rule and on the container's mode. The kernel and replays run the same code. It is
 * total, as score.h is: any bytes give a defined result.
 */
#ifndef LUTRA_VERDICT_H
#define LUTRA_VERDICT_H

#include "lutra/score.h"

/*
 * The length of an alert window. In mode deny, a match of level M or N opens one if the rule's action
 * is deny or kill. While a window is open, operations that could do harm are refused.
 */
#define LUTRA_MATCH_WINDOW_NS NSEC_PER_SEC

/*
 * How long an alert of a level stands for further ones of the same lineage, whichever the level is. In
 * units of 2^LUTRA_LEVEL_ALERT_SHIFT ns: about a minute.
 */
#define LUTRA_LEVEL_ALERT_SHIFT 30
#define LUTRA_LEVEL_ALERT_PERIOD 56u

/* What a lineage matched before. A fork copies it. All zero: nothing. */
struct lutra_matches {
	__u64 alert_until_ns; /* end of the alert window; 0: no window */
	__u32 alert_rule;     /* the rule that opened the window */
	__u32 level_alert; /* 1 + the time of the last alert of a level, in the unit above; 0: none */
};

/* Bits of the argument match of lutra_decide_verdict(). */
#define LUTRA_MATCH_RULE 0xff	  /* the rule */
#define LUTRA_MATCH_VARIES 0x100  /* struct lutra_judgement.varies is set: alerts at most */
#define LUTRA_MATCH_SESSION 0x200 /* an audited exec session made the match */
#define LUTRA_MATCH_HOST 0x400	  /* lutra_reaches_host() is true */

/*
 * Returns true if an operation changes the host, speaks to a service of the host, or reads secrets
 * of the host. These are
 * - any use of a block device;
 * - at a node of the host: opening for writing, a path operation, and using a socket;
 * - at a node of the host that holds secrets: opening a file.
 * node_flags: of the last node that the path led to.
 */
static __always_inline __u32 lutra_reaches_host(const struct lutra_object *o, __u8 node_flags)
{
	if (o->mode >> 12 == LUTRA_S_IFBLK_TYPE)
		return 1;
	if (!(node_flags & LUTRA_NODE_HOST))
		return 0;
	return o->flags & LUTRA_OBJ_WRITE || lutra_is_path_op(o->op) || lutra_is_peer_op(o->op) ||
	       (o->op == LUTRA_OP_OPEN && node_flags & LUTRA_NODE_SECRET &&
		o->mode >> 12 != LUTRA_S_IFDIR_TYPE);
}

/* Returns the match of an object: the rule of its judgement, or-ed with LUTRA_MATCH_*. */
static __always_inline __u32 lutra_object_match(const struct lutra_object *o,
						const struct lutra_judgement *j)
{
	__u32 match = j->rule;

	if (j->varies)
		match |= LUTRA_MATCH_VARIES;
	if (lutra_reaches_host(o, j->class.flags))
		match |= LUTRA_MATCH_HOST;
	return match;
}

/* Returns true if the rule is that of a level: of M or N. */
static __always_inline __u32 lutra_is_level_rule(__u32 rule)
{
	return rule == LUTRA_RULE_LEVEL || rule == LUTRA_RULE_NOVELTY;
}

/* Returns true if the rule is about the program that a task runs. */
static __always_inline __u32 lutra_is_exec_rule(__u32 rule)
{
	return rule == LUTRA_RULE_EXEC || rule == LUTRA_RULE_EXEC_FRESH ||
	       rule == LUTRA_RULE_UPDATED;
}

/*
 * Returns true if an audited exec session runs a program of the image that no run ran. Such a
 * program is a tool of somebody who works in the container. The first tool alerts, other tools are
 * logged.
 */
static __always_inline __u32 lutra_is_session_tool(const struct lutra_object *o, __u32 match)
{
	__u32 layer = lutra_object_layer(o);

	return match & LUTRA_MATCH_SESSION && (match & LUTRA_MATCH_RULE) == LUTRA_RULE_EXEC &&
	       (layer == LUTRA_LAYER_IMAGE || layer == LUTRA_LAYER_CHANGED);
}

/* Returns true if an audited exec session made the match, unless it attacked the guard itself. */
static __always_inline __u32 lutra_is_audited(__u32 match)
{
	return match & LUTRA_MATCH_SESSION && (match & LUTRA_MATCH_RULE) != LUTRA_RULE_GUARD;
}

/*
 * Returns the mode that applies to a match. For an audited exec session it is at most deny, because
 * an operator's mistake must not end the container.
 */
static __always_inline __u32 lutra_match_mode(__u32 match, __u32 mode)
{
	return lutra_is_audited(match) && mode > LUTRA_MODE_DENY ? LUTRA_MODE_DENY : mode;
}

/*
 * Returns the rule whose action applies to access to the host. For the use of a file or a name it
 * is the rule of protected directories, also if the policy knows the directory as data. Any other
 * rule stays as it is.
 */
static __always_inline __u32 lutra_host_rule(__u32 rule)
{
	if (rule >= LUTRA_RULE_PATH_PROTECTED && rule <= LUTRA_RULE_PATH_NEW_USE)
		return LUTRA_RULE_PATH_PROTECTED;
	if (rule >= LUTRA_RULE_OPEN_WRITE_PROTECTED && rule <= LUTRA_RULE_OPEN_WRITE_NEW_ROLE)
		return LUTRA_RULE_OPEN_WRITE_PROTECTED;
	if ((rule >= LUTRA_RULE_OPEN_READ_PROTECTED && rule <= LUTRA_RULE_OPEN_READ_NEW_ROLE) ||
	    rule == LUTRA_RULE_OPEN_READ_IMAGE || rule == LUTRA_RULE_OPEN_READ_SIBLING)
		return LUTRA_RULE_OPEN_READ_PROTECTED;
	return rule;
}

/*
 * Returns the action of a match, enum lutra_action. In an audited exec session,
 * - access to the host has the action of protected directories, if that is stricter, and is refused
 *   at most;
 * - a capability that no run used is refused at most;
 * - a program that the session runs alerts at most;
 * - any other match is logged.
 * So such a session is never killed, unless it attacks the guard.
 */
static __always_inline __u32 lutra_match_action(const struct lutra_policy *p, __u32 match)
{
	__u32 rule = match & LUTRA_MATCH_RULE, action = p->action[rule & 63];

	if (match & LUTRA_MATCH_VARIES && action > LUTRA_ACTION_ALERT)
		action = LUTRA_ACTION_ALERT;
	if (!lutra_is_audited(match))
		return action;
	if (match & LUTRA_MATCH_HOST) {
		__u32 host = p->action[lutra_host_rule(rule) & 63];

		action = host > action ? host : action;
	}
	if (match & LUTRA_MATCH_HOST || rule == LUTRA_RULE_CAPABLE)
		return action > LUTRA_ACTION_DENY ? LUTRA_ACTION_DENY : action;
	if (lutra_is_exec_rule(rule))
		return action > LUTRA_ACTION_ALERT ? LUTRA_ACTION_ALERT : action;
	return LUTRA_ACTION_LOG;
}

static __always_inline __u32 lutra_is_kill_mode(__u32 mode)
{
	return mode == LUTRA_MODE_KILL || mode == LUTRA_MODE_KILL_CONTAINER;
}

/*
 * Returns true if a match kills in the kill modes: if mode deny would refuse it; or if it is a
 * match of level M or N, whose action is at least alert, and kill_matches of the policy is 1.
 */
static __always_inline __u32 lutra_match_kills(const struct lutra_policy *p, __u32 rule,
					       __u32 action)
{
	return action >= LUTRA_ACTION_DENY ||
	       (lutra_is_level_rule(rule) && action >= LUTRA_ACTION_ALERT && p->kill_matches < 2);
}

/*
 * Returns the verdict on a match that alerts: of a level, only the first of its lineage in
 * LUTRA_LEVEL_ALERT_PERIOD does. What raises one level often raises the other one too, and a level
 * that falls a little below its threshold may pass it again. These further matches are logged.
 */
static __always_inline __u32 lutra_alert_verdict(struct lutra_matches *m, __u32 rule, __u64 now)
{
	__u32 at = (__u32)(now >> LUTRA_LEVEL_ALERT_SHIFT) + 1;

	if (!lutra_is_level_rule(rule))
		return LUTRA_VERDICT_ALERT;
	if (m->level_alert && at - m->level_alert < LUTRA_LEVEL_ALERT_PERIOD)
		return LUTRA_VERDICT_ALLOW;
	m->level_alert = at;
	return LUTRA_VERDICT_ALERT;
}

/*
 * Returns the verdict on a match, enum lutra_verdict. Notes an alert of a level in m. Sets the alert window in m if the match opens
 * one. match: a rule, or-ed with LUTRA_MATCH_*. mode: of the container. now: ns, monotonic.
 */
LUTRA_FN __u32 lutra_decide_verdict(struct lutra_matches *m, const struct lutra_policy *p,
				    __u32 match, __u32 mode, __u64 now)
{
	__u32 rule = match & LUTRA_MATCH_RULE, action;

	if (!m || !p)
		return LUTRA_VERDICT_ALLOW;
	mode = lutra_match_mode(match, mode);
	action = lutra_match_action(p, match);
	if (lutra_is_kill_mode(mode)) {
		if (lutra_match_kills(p, rule, action))
			return LUTRA_VERDICT_KILL;
	} else if (mode == LUTRA_MODE_DENY || mode == LUTRA_MODE_FREEZE) {
		if (lutra_is_level_rule(rule) && action >= LUTRA_ACTION_DENY &&
		    mode == LUTRA_MODE_DENY) {
			m->alert_until_ns = now + LUTRA_MATCH_WINDOW_NS;
			m->alert_rule = rule;
		}
		if (action == LUTRA_ACTION_KILL && mode == LUTRA_MODE_DENY)
			return LUTRA_VERDICT_KILL;
		if (action >= LUTRA_ACTION_DENY)
			return LUTRA_VERDICT_DENY;
	}
	return action == LUTRA_ACTION_LOG ? LUTRA_VERDICT_ALLOW : lutra_alert_verdict(m, rule, now);
}

/* Returns true if an alert window refuses the operation. */
static __always_inline __u32 lutra_is_in_alert_window(const struct lutra_object *o)
{
	switch (o->op) {
	case LUTRA_OP_EXEC:
	case LUTRA_OP_CONNECT:
	case LUTRA_OP_BIND:
	case LUTRA_OP_SEND:
	case LUTRA_OP_PEER:
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
