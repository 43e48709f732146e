/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls: recorded and scored at their entry.
 *
 * Hooks: tp_btf/sys_enter. It runs before the LSM hooks of the same call, so that these can refuse
 * the very call that is anomalous.
 * Maps: stacks, hot, tasks, slots, policies, seen, counters, records; scratch only where a call is
 * unusual.
 * Fails: open, without a policy (LUTRA_COUNTER_UNSCORED outside mode learn). The path of a task that is
 * not enrolled is a look at whether its stack was ever an enrolled one's.
 */
#include "kern/verdict/record.bpf.h"
#include "kern/verdict/score.bpf.h"

#include "lutra/syscalls.h"

const volatile bool lutra_standin = false;
const volatile __u32 lutra_instance = 1;

static __always_inline void call_record(const struct task_struct *task, struct lutra_task *e,
					const struct pt_regs *regs, __u32 nr)
{
	__u64 at = nr, arg = 0;
	__u32 args;

	/* The 6.1 verifier wants to see the mask, which the compiler would prove needless. */
	LUTRA_OPAQUE(at);
	args = nr < LUTRA_NR ? lutra_call_args[at & (LUTRA_NR - 1)] : 0;
	if (args)
		arg = (__u32)call_arg(regs, args & 15) | call_arg(regs, args >> 4) << 32;
	record_plain(task, e->slot, LUTRA_RECORD_SYSCALL, (__u16)nr, arg, (e->calls & 255) == 0);
}

/* The call's number as in struct lutra_record. */
static __always_inline __u32 call_number(const struct task_struct *task, long id)
{
	__u32 nr = (__u32)id & ~X32_BIT;

	if (nr >= LUTRA_NR_IA32)
		nr = LUTRA_NR_IA32 - 1;
	if (task->thread_info.status & TS_COMPAT)
		return nr | LUTRA_NR_IA32;
	if ((__u32)id & X32_BIT && (long)id > 0)
		return nr | LUTRA_NR_X32;
	return nr;
}

/*
 * What a call that is not plainly known means. what: weights in bytes 0 to 2, byte 3 set if the
 * token is novel. level_a, level_b: before the call.
 */
static __noinline int call_signals(struct lutra_task *e, const struct lutra_policy *p, __u32 what,
				   __s32 level_a, __s32 level_b)
{
	struct lutra_scratch *s = scratch_get(bpf_get_current_task_btf());

	if (!e || !p || !s)
		return 0;
	s->object.op = LUTRA_OP_NONE;
	s->object.flags = 0;
	s->kind = LUTRA_KIND_KNOWN;
	s->flags = 0;
	s->weight[0] = (__u8)what;
	s->weight[1] = (__u8)(what >> 8);
	s->weight[2] = (__u8)(what >> 16);
	if (what >> 24) {
		count(e->slot, LUTRA_COUNTER_NOVEL_TOKENS);
		s->group = e->flags & TASK_NOVEL ? LUTRA_RULE_NEW_HOOKABLE : LUTRA_RULE_NEW_SYSCALL;
		/* All novel calls are one token: of those that a hook can refuse, each is told. */
		s->flags = s->weight[0] || s->group == LUTRA_RULE_NEW_HOOKABLE ? 0 : EVENT_QUIET;
		signal_event(e, s, p);
		s->flags = 0;
	} else {
		s->group = LUTRA_RULE_NONE;
		signal_event(e, s, p);
	}
	if (level_a <= p->threshold_a && e->state.level_a > p->threshold_a) {
		s->group = LUTRA_RULE_LEVEL_A;
		signal_event(e, s, p);
	}
	if (level_b <= p->threshold_b && e->state.level_b > p->threshold_b) {
		s->group = LUTRA_RULE_LEVEL_B;
		signal_event(e, s, p);
	}
	return 0;
}

static __always_inline void call_score(struct lutra_task *e, const struct lutra_policy *p, __u32 nr)
{
	struct lutra_syscall_score score;
	struct lutra_history *past;
	__s32 level_a, level_b;
	__u8 *w = score.weight, role = e->state.role;
	__u32 novel;

	if (e->version != p->version) {
		lutra_state_init(&e->state, p);
		e->state.role = role;
		e->version = p->version;
	}
	level_a = e->state.level_a;
	level_b = e->state.level_b;
	score_syscall(&e->state, p, e->slot, nr, &score);
	novel = score.token == LUTRA_UNK;
	past = &e->past[e->calls & (LUTRA_HISTORY - 1)];
	past->nr_role = (__u16)((nr & 0xfff) | (role & 7u) << 12 | novel << 15);
	past->weight = (__u16)(w[0] + w[1] + w[2]);
	e->calls++;
	count(e->slot, LUTRA_COUNTER_SYSCALLS);
	e->flags = novel && lutra_is_hookable(p, nr) ? TASK_NOVEL : 0;
	if (novel | w[0] | w[1] | w[2])
		call_signals(e, p, w[0] | w[1] << 8 | w[2] << 16 | novel << 24, level_a, level_b);
	lutra_role_steady(&e->state, p, nr);
}

/* An address that no hook will see: judged at the call's entry. */
static __always_inline void call_address(struct task_struct *task, struct lutra_task *e,
					 const struct pt_regs *regs, __u32 nr)
{
	struct lutra_scratch *s;
	__u64 user = 0;
	__u32 len = 0;

	if (!lutra_standin)
		return;
	switch (nr) {
	case NR_CONNECT:
	case NR_BIND:
		user = regs->si;
		len = (__u32)regs->dx;
		break;
	case NR_SENDTO:
		user = regs->r8;
		len = (__u32)regs->r9;
		break;
	case NR_SENDMSG:
	case NR_SENDMMSG: /* of its first message */
		bpf_probe_read_user(&user, sizeof(user), (void *)regs->si);
		bpf_probe_read_user(&len, sizeof(len), (void *)(regs->si + sizeof(user)));
		break;
	default:
		return;
	}
	s = user ? scratch_get(task) : NULL;
	if (s)
		standin_address(e, s, user, len);
}

/* A thread that was there before its process joined the cgroup execs: it has the leader's entry. */
static __noinline int thread_late(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lutra_slot *slot;
	struct lutra_task *e;

	if (task->pid == task->tgid)
		return 0;
	e = task_live(task->group_leader, &slot);
	if (e)
		task_make(task, e, e->slot);
	return 0;
}

/* May the current task have an entry? Its registers lie on its stack. */
static __always_inline bool may_have_entry(const struct pt_regs *regs)
{
	__u32 address;
	__u8 *used;

	/* As a pointer it could not be calculated with. */
	asm volatile("%0 = %1" : "=w"(address) : "w"((__u32)(__u64)regs));
	used = stack_used(address);
	return !used || *used;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(lutra_sys_enter, struct pt_regs *regs, long id)
{
	const struct lutra_policy *p;
	struct task_struct *task;
	struct lutra_slot *slot;
	struct lutra_task *e;
	__u32 nr;

	if (!may_have_entry(regs) && id != NR_EXECVE && id != NR_EXECVEAT)
		return 0;
	task = bpf_get_current_task_btf();
	e = task_entry(task);
	if (!e)
		return id == NR_EXECVE || id == NR_EXECVEAT ? thread_late() : 0;
	if (e->flags & TASK_PENDING)
		return 0;
	slot = slot_get(e->slot);
	if (!slot || slot->epoch != e->epoch) {
		task_forget(task);
		return 0;
	}
	if (slot->instance != lutra_instance)
		return 0;
	nr = call_number(task, id);
	if (nr == LUTRA_NR_RESTART)
		return 0;
	e->nr = (__u16)nr;
	if (lutra_standin) {
		e->args[0] = regs->si;
		e->args[1] = regs->dx;
	}
	e->flags = 0;
	if (slot->flags & LUTRA_SLOT_KILLING) {
		kill_current(e->slot);
		return 0;
	}
	if (slot->flags & LUTRA_SLOT_RECORD)
		call_record(task, e, regs, nr);
	p = slot->mode == LUTRA_MODE_LEARN ? NULL : policy_get(e->slot);
	if (p) {
		call_score(e, p, nr);
	} else {
		e->calls++;
		if (slot->mode != LUTRA_MODE_LEARN)
			count(e->slot, LUTRA_COUNTER_UNSCORED);
		/* A policy may come later: most services are steady from their first accept. */
		if (lutra_may_start(e->state.role) && (nr == NR_ACCEPT || nr == NR_ACCEPT4))
			e->state.role = LUTRA_ROLE_STEADY;
	}
	call_address(task, e, regs, nr);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
