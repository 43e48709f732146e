/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The LSM hooks of signals that a file sends to its owner: F_SETOWN, FIOSETOWN, leases. Such a signal
 * is judged as one by kill(2), by whom it reaches.
 *
 * Hooks: lsm/file_set_fowner       notes who set the owner, unless the owner is its own process
 *        lsm/file_send_sigiotask   judges each signal; anybody may be the current task
 * Maps: file_owners, tasks, scratch, slots, policies, counters, and those of the judgement.
 * Fails: closed. A task that sets an owner which cannot be noted is killed in the modes that refuse:
 * file_set_fowner itself cannot refuse.
 */
#include "kern/hooks/hook.bpf.h"
#include "kern/state/owner.bpf.h"
#include "kern/state/policy.bpf.h"

/* From 6.12 on a file points to its owner, in 6.1 it holds it. */
struct file___pointer {
	struct fown_struct *f_owner;
} __attribute__((preserve_access_index));

struct file___embedded {
	struct fown_struct f_owner;
} __attribute__((preserve_access_index));

/* Returns the address of the struct fown_struct of a file. */
static __always_inline __u64 owner_address(const struct file *file)
{
	const struct file___pointer *pointer = (const void *)file;
	const struct file___embedded *embedded = (const void *)file;

	if (bpf_core_field_exists(embedded->f_owner))
		return (__u64)file + bpf_core_field_offset(embedded->f_owner);
	return (__u64)BPF_CORE_READ(pointer, f_owner);
}

/*
 * Returns true if an owner is the current process. Some kernels call the hook before they set the
 * owner: then the earlier owner is seen, or none.
 */
static __always_inline bool is_own_process(__u64 owner)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct fown_struct *fown = (const void *)owner;
	__u64 own = (__u64)BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);

	return (__u32)BPF_CORE_READ(fown, pid_type) <= PIDTYPE_TGID &&
	       (__u64)BPF_CORE_READ(fown, pid) == own;
}

SEC("lsm/file_set_fowner")
int BPF_PROG(lutra_file_set_fowner, struct file *file)
{
	struct owner_setter setter = {};
	__u64 key = owner_address(file);
	struct hook_frame f;

	if (!hook_enter(&f) || is_own_process(key)) {
		bpf_map_delete_elem(&file_owners, &key);
		return 0;
	}
	setter.slot = f.e->slot;
	setter.epoch = f.e->epoch;
	setter.role = f.e->state.role;
	if (bpf_map_update_elem(&file_owners, &key, &setter, BPF_ANY) &&
	    f.slot->mode > LUTRA_MODE_AUDIT)
		kill_current(f.e->slot);
	return 0;
}

/* Judges a signal by the policy alone: the current task is none of the container. Returns 1 to refuse. */
static __always_inline int signal_judge(const struct owner_setter *setter,
					const struct lutra_slot *slot)
{
	const struct lutra_object o = {.op = LUTRA_OP_HOOK, .mode = LUTRA_HOOK_TASK_KILL};
	const struct lutra_policy *p = policy_get(setter->slot);
	struct lutra_judgement j = {};

	if (!p || slot->mode <= LUTRA_MODE_AUDIT)
		return 0;
	lutra_judge_pathless(p, &o, (__u8)setter->role, &j);
	if (j.kind == LUTRA_KIND_KNOWN || p->action[j.rule & 63] < LUTRA_ACTION_DENY)
		return 0;
	counter_add(setter->slot, LUTRA_COUNTER_REFUSED);
	return 1;
}

SEC("lsm/file_send_sigiotask")
int BPF_PROG(lutra_file_send_sigiotask, struct task_struct *target, struct fown_struct *owner)
{
	struct lutra_slot *slot = NULL, *acting_slot = NULL;
	const struct owner_setter *setter = owner_setter_get(owner, &slot);
	struct lutra_task *e;
	__u32 flags;

	if (!setter || !slot || is_of_enrolment(target, setter->slot, setter->epoch))
		return 0;
	e = acting_task(&acting_slot, &flags);
	if (e && e->slot == setter->slot)
		return deny_if(hook_judge(LUTRA_HOOK_TASK_KILL));
	return deny_if(signal_judge(setter, slot));
}

char LICENSE[] SEC("license") = "GPL";
