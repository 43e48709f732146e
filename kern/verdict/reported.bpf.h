/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reports alerts about operations that are let pass. The first alert about a thing
 * (lutra/reported.h) is sent as evidence. Later ones are counted, by LUTRA_COUNTER_REPEATED and in
 * the thing's struct lutra_reported. The first tool that a container's exec sessions run alerts
 * (lutra_is_session_tool()). Evidence of other tools has the verdict allow, so it is only logged.
 *
 * Maps: seen. The daemon renews it with each policy and every 24 hours.
 * Fails: towards reporting. If a thing has no key, if its container has no map, or if its evidence
 * is lost, its next use is reported again. Two tasks that race for a place may both report.
 *
 * Part of verdict.bpf.c.
 */
#ifndef LUTRA_KERN_VERDICT_REPORTED_BPF_H
#define LUTRA_KERN_VERDICT_REPORTED_BPF_H

#include "kern/verdict/evidence.bpf.h"
#include "kern/verdict/score.bpf.h"
#include "lutra/reported.h"
#include "lutra/verdict.h"

/*
 * Fills in the place of a thing. Writes the key last: until then the key is 0, and readers take the
 * place for a free one.
 */
static __always_inline void reported_fill(struct lutra_reported *t, struct lutra_scratch *s,
					  __u64 key, __u32 role, __u64 now)
{
	__u32 len = (__u32)s->text.len, from = 0;

	t->key = 0;
	compiler_barrier();
	if (len > LUTRA_STRING_MAX)
		len = LUTRA_STRING_MAX;
	if (len > LUTRA_REPORTED_TEXT) {
		from = len - LUTRA_REPORTED_TEXT;
		len = LUTRA_REPORTED_TEXT;
	}
	bpf_probe_read_kernel(t->text, LUTRA_REPORTED_TEXT, &s->text.bytes[from & 1023]);
	t->text_len = (__u16)len;
	t->object = s->object;
	t->rule = (__u8)s->match.rule;
	t->role = (__u8)role;
	t->repeated = 0;
	t->last_ns = now;
	compiler_barrier();
	t->key = key;
}

/*
 * Reports an alert about an operation that is let pass, or counts the alert if one about the same
 * thing was reported before.
 */
static __noinline int alert_report_once(struct lutra_task *e, struct lutra_scratch *s,
					const struct lutra_policy *p, __u64 now)
{
	struct lutra_seen *seen_things;
	struct lutra_reported *t;
	__u32 role;
	__u64 key;

	if (!e || !s || !p)
		return 0;
	role = e->exec_session ? LUTRA_ROLE_SESSION : e->state.role;
	key = lutra_reported_key(p, &s->object, &s->path, s->match.rule | role << 8,
				 (struct lutra_name *)(void *)s->fold);
	seen_things = seen_get(lutra_seen_slot(e->slot, p->version));
	if (!key || !seen_things) {
		evidence_send(e, s, p, LUTRA_VERDICT_ALERT, now);
		return 0;
	}
	t = &seen_things->reported[lutra_reported_place(seen_things, key) & (LUTRA_REPORTED - 1)];
	if (t->key == key) {
		__sync_fetch_and_add(&t->repeated, 1);
		t->last_ns = now;
		counter_add(e->slot, LUTRA_COUNTER_REPEATED);
	} else if (evidence_send(e, s, p,
				 s->flags & EVENT_SESSION_TOOL && seen_things->session_tools
					 ? LUTRA_VERDICT_ALLOW
					 : LUTRA_VERDICT_ALERT,
				 now)) {
		reported_fill(t, s, key, role, now);
		if (s->flags & EVENT_SESSION_TOOL)
			seen_things->session_tools = 1;
	}
	return 0;
}

#endif
