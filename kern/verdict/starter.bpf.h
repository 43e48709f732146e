/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The starter of a program: the program that the task runs while it executes another. It is the file
 * that the kernel runs: of a script, its interpreter.
 *
 * Maps: policies; works in the caller's scratch.
 * Fails: closed. A starter that is not known makes no execution known.
 *
 * Part of verdict.bpf.c.
 */
#ifndef LUTRA_KERN_VERDICT_STARTER_BPF_H
#define LUTRA_KERN_VERDICT_STARTER_BPF_H

#include "kern/object/object.bpf.h"
#include "kern/state/policy.bpf.h"

/* Keeps the path in s->text as that of the starter, unless it is too long. */
static __always_inline void starter_keep_text(struct lutra_scratch *s)
{
	__u32 len = (__u32)s->text.len;

	if (len > LUTRA_STARTER_MAX || s->path.flags)
		return;
	bpf_probe_read_kernel(s->starter.text, LUTRA_STARTER_MAX, s->text.bytes);
	s->starter.len = (__u16)len;
}

/*
 * Notes which program the current task runs, for the execution that is judged next. It overwrites
 * s->path, and comes before the execution's own. Returns 0.
 */
__noinline int starter_describe(struct lutra_task *e, struct lutra_scratch *s)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct lutra_policy *p;
	struct lutra_class class;
	struct file *file;

	if (!e || !s)
		return 0;
	starter_forget(s);
	p = policy_get(e->slot);
	file = BPF_CORE_READ(task, mm, exe_file);
	if (!p || !file)
		return 0;
	s->path.n = 0;
	s->path.flags = 0;
	path_walk(s, (__u64)BPF_CORE_READ(file, f_path.dentry),
		  (__u64)BPF_CORE_READ(file, f_path.mnt));
	path_to_text(s);
	starter_keep_text(s);
	lutra_classify_path(p, &s->path, 0,
			    e->state.role == LUTRA_ROLE_SESSION ? LUTRA_CHILD_SESSION : 0, s->fold,
			    &class);
	if (!class.hit)
		return 0;
	s->starter.node = class.node;
	s->starter.version = p->version;
	return 0;
}

/* Returns the node of the starter in a policy; 0: not known. */
static __always_inline __u32 starter_node(const struct lutra_scratch *s,
					  const struct lutra_policy *p)
{
	return s->starter.version == p->version ? s->starter.node : 0;
}

#endif
