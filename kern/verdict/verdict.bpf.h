/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Judges an object, decides on a match, and acts. Global functions: the verifier takes each once,
 * not once for each call. They return 0 for a NULL argument.
 */
#ifndef LUTRA_KERN_VERDICT_VERDICT_BPF_H
#define LUTRA_KERN_VERDICT_VERDICT_BPF_H

#include "kern/object/object.bpf.h"

int starter_describe(struct lutra_task *e, struct lutra_scratch *s);
int object_judge(struct lutra_task *e, struct lutra_scratch *s);
int pathless_judge(struct lutra_task *e, struct lutra_scratch *s);
int match_decide(struct lutra_task *e, struct lutra_scratch *s, const struct lutra_policy *p);
int unjudged_refuse(struct lutra_task *e, __u32 op);
int active_verdict_apply(struct lutra_task *e, struct lutra_scratch *s, __u32 in_alert_window);
int session_report(struct lutra_task *e, struct lutra_scratch *s, __u64 binprm);

/* Returns true if the objects of this container are neither judged nor recorded. */
static __always_inline bool is_passive(const struct lutra_slot *slot)
{
	return slot->mode == LUTRA_MODE_LEARN && !(slot->flags & LUTRA_SLOT_RECORD);
}

#endif
