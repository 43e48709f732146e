/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls: recorded and scored at their entry.
 *
 * Hooks: fexit/__secure_computing            syscalls of tasks that have a seccomp filter. The kernel
 *                                            calls the function for no other task, so these pay
 *                                            nothing
 *        kretprobe.multi/__secure_computing  the same, where the kernel preempts tasks
 *        tp_btf/sys_enter                    syscalls of all tasks
 * They run before the LSM hooks of the same syscall, so that these can refuse the very syscall that
 * is anomalous. They see the number that a tracer has changed, and no syscall that a filter refused.
 * If one at the filter and sys_enter are attached, a syscall is scored once: see TASK_AT_FILTER.
 * Maps: stacks, task_cache, tasks, slots, policies, seen, counters, records; scratch only where a
 * syscall is unusual.
 * Fails: open without a policy (LUTRA_COUNTER_UNSCORED outside mode learn). A task that is not
 * enrolled costs a look at the mark of its stack.
 */
#include "kern/hooks/fallback.bpf.h"
#include "kern/state/lost.bpf.h"
#include "kern/verdict/record.bpf.h"
#include "kern/verdict/score.bpf.h"
#include "kern/verdict/sharers.bpf.h"
#include "kern/verdict/verdict.bpf.h"
#include "lutra/transfer.h"

const volatile bool lutra_fallback = false;
const volatile __u32 lutra_instance = 1;
bool lutra_at_filter;

struct user_vector {
	__u64 base;
	__u64 len;
};

/* Returns the bits of the sum of a struct iovec array of the task's: see struct lutra_transfer. */
static __noinline __u32 vector_bits(__u64 user, __u64 n)
{
	struct user_vector v[LUTRA_VECTORS] = {};
	__u64 bytes = 0;

	if (n > LUTRA_VECTORS)
		n = LUTRA_VECTORS;
	if (bpf_probe_read_user(v, (__u32)n * sizeof(v[0]), (void *)user))
		return LUTRA_BITS_UNKNOWN;
	for (int i = 0; i < LUTRA_VECTORS; i++)
		bytes += v[i].len;
	return lutra_size_bits(bytes);
}

/* Returns the bits of the size of a struct msghdr of the task's. */
static __always_inline __u32 message_bits(__u64 user)
{
	struct {
		__u64 name, name_len, vectors, n;
	} message;

	if (bpf_probe_read_user(&message, sizeof(message), (void *)user))
		return LUTRA_BITS_UNKNOWN;
	return vector_bits(message.vectors, message.n);
}

/* Returns what is at one end of a transfer: enum lutra_descriptor. arg: of lutra_transfer_call. */
static __noinline __u32 transfer_end(const struct pt_regs *regs, __u32 arg)
{
	if (!arg)
		return LUTRA_DESCRIPTOR_NONE;
	if (arg == LUTRA_ARG_QUEUE)
		return LUTRA_DESCRIPTOR_QUEUE;
	return (__u32)descriptor_kind((__u32)syscall_arg(regs, arg));
}

/* Returns aux of the record of a syscall: see lutra/transfer.h. nr: below LUTRA_NR. */
static __always_inline __u16 syscall_aux(const struct pt_regs *regs, __u64 nr)
{
	const struct lutra_transfer_call *call = &lutra_transfer_calls[nr & (LUTRA_NR - 1)];
	struct lutra_transfer t = {};
	__u32 size = call->size;

	switch (call->how) {
	case LUTRA_SIZE_BYTES:
		t.bits = lutra_size_bits(syscall_arg(regs, size));
		break;
	case LUTRA_SIZE_VECTOR:
		t.bits = (__u8)vector_bits(syscall_arg(regs, size), syscall_arg(regs, size + 1));
		break;
	case LUTRA_SIZE_MESSAGE:
		t.bits = (__u8)message_bits(syscall_arg(regs, size));
		break;
	default:
		return nr == LUTRA_NR_SOCKET || nr == LUTRA_NR_SOCKETPAIR
			       ? lutra_protocol_pack((__u32)regs->dx)
			       : 0;
	}
	t.from = (__u8)transfer_end(regs, call->from);
	t.to = (__u8)transfer_end(regs, call->to);
	return lutra_transfer_pack(&t);
}

static __always_inline void syscall_record(const struct task_struct *task, struct lutra_task *e,
					   const struct pt_regs *regs, __u32 nr)
{
	__u64 at = nr, arg = 0;
	__u16 aux = 0;
	__u32 args;

	/* The 6.1 verifier wants to see the mask, which the compiler would prove needless. */
	LUTRA_OPAQUE(at);
	args = nr < LUTRA_NR ? lutra_syscall_args[at & (LUTRA_NR - 1)] : 0;
	if (args)
		arg = (__u32)syscall_arg(regs, args & 15) | syscall_arg(regs, args >> 4) << 32;
	if (nr < LUTRA_NR)
		aux = syscall_aux(regs, at);
	record_send(task, e->slot, LUTRA_RECORD_SYSCALL, (__u16)nr, arg, aux,
		    (e->syscalls & 255) == 0);
}

/* Returns the syscall's number as in struct lutra_record. */
static __always_inline __u32 syscall_number(const struct task_struct *task, long id)
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
 * Refuses a new syscall that no evidence can be sent of, for lack of scratch, if its rule refuses. The
 * kill modes kill the task. Returns 0.
 */
static __noinline int unreported_refuse(struct lutra_task *e, const struct lutra_policy *p)
{
	const struct lutra_slot *slot;
	__u32 rule;

	if (!e || !p)
		return 0;
	slot = slot_get(e->slot);
	rule = e->flags & TASK_NOVEL ? LUTRA_RULE_NEW_HOOKABLE : LUTRA_RULE_NEW_SYSCALL;
	if (!slot || slot->mode <= LUTRA_MODE_AUDIT || is_audited_session(e, slot) ||
	    p->action[rule] < LUTRA_ACTION_DENY)
		return 0;
	e->flags |= TASK_DENY_SYSCALL;
	if (lutra_is_kill_mode(slot->mode))
		kill_current(e->slot);
	return 0;
}

/*
 * Decides on the rules that an unusual syscall matches. what: weights in bytes 0 to 2, byte 3 set
 * if the token is new. level, novelty: levels M and N before the syscall.
 */
static __noinline int syscall_match(struct lutra_task *e, const struct lutra_policy *p, __u32 what,
				    __s32 level, __s32 novelty)
{
	struct lutra_scratch *s = scratch_get(bpf_get_current_task_btf());

	if (!e || !p)
		return 0;
	if (!s)
		return what >> 24 ? unreported_refuse(e, p) : 0;
	s->object.op = LUTRA_OP_NONE;
	s->object.flags = 0;
	s->match.kind = LUTRA_KIND_KNOWN;
	s->match.flags = 0;
	s->flags = 0;
	s->match.weight[0] = (__u8)what;
	s->match.weight[1] = (__u8)(what >> 8);
	s->match.weight[2] = (__u8)(what >> 16);
	if (what >> 24) {
		counter_add(e->slot, LUTRA_COUNTER_NOVEL_TOKENS);
		s->match.rule =
			e->flags & TASK_NOVEL ? LUTRA_RULE_NEW_HOOKABLE : LUTRA_RULE_NEW_SYSCALL;
		/* All new syscalls have one token, and the weights of its pairs count a few times.
		 * A hookable syscall is reported each time, another only if a weight counts. */
		s->flags = s->match.weight[0] || s->match.rule == LUTRA_RULE_NEW_HOOKABLE
				   ? 0
				   : EVENT_QUIET;
		match_decide(e, s, p);
		s->flags = 0;
	} else {
		s->match.rule = LUTRA_RULE_NONE;
		match_decide(e, s, p);
	}
	if (lutra_level_passed(p->threshold, level, e->state.m.level)) {
		s->match.rule = LUTRA_RULE_LEVEL;
		match_decide(e, s, p);
	}
	if (lutra_level_passed(p->novelty_threshold, novelty, e->state.m.novelty)) {
		s->match.rule = LUTRA_RULE_NOVELTY;
		match_decide(e, s, p);
	}
	return 0;
}

/* weighs: the pairs of syscalls count, and are claimed for the container. */
static __always_inline void syscall_judge(struct task_struct *task, struct lutra_task *e,
					  const struct lutra_policy *p, bool weighs, __u32 nr)
{
	struct lutra_token_score score;
	const __u8 *w = score.m.weight;
	__s32 level, novelty;
	__u32 novel;

	task_follow_policy(e, p);
	level = e->state.m.level;
	novelty = e->state.m.novelty;
	score_syscall(&e->state, p, e->slot, weighs, nr, &score);
	lutra_history_add(e->history, &e->state, nr & LUTRA_HISTORY_NR, &score);
	novel = score.token == LUTRA_UNK;
	e->syscalls++;
	counter_add(e->slot, LUTRA_COUNTER_SYSCALLS);
	if (novel && lutra_is_hookable(p, nr))
		e->flags |= TASK_NOVEL;
	if (novel | w[0] | w[1] | w[2])
		syscall_match(e, p, w[0] | w[1] << 8 | w[2] << 16 | novel << 24, level, novelty);
	if (lutra_role_steady(&e->state, p, nr))
		process_mark_steady(task, e);
}

/* Looks at what no hook will see: a socket address, and the program that executes another. */
static __always_inline void syscall_judge_arguments(struct task_struct *task, struct lutra_task *e,
						    const struct pt_regs *regs, __u32 nr)
{
	__u64 user = 0, peer = FALLBACK_PEER(LUTRA_OP_SEND, regs->di);
	struct lutra_scratch *s;
	__u32 len = 0;

	if (!lutra_fallback)
		return;
	switch (nr) {
	case LUTRA_NR_EXECVE:
	case LUTRA_NR_EXECVEAT:
		s = scratch_get(task);
		if (s)
			fallback_exec_enter(e, s);
		else if (unjudged_refuse(e, LUTRA_OP_EXEC))
			kill_current(e->slot);
		return;
	case LUTRA_NR_CONNECT:
	case LUTRA_NR_BIND:
		user = regs->si;
		len = (__u32)regs->dx;
		peer = FALLBACK_PEER(nr == LUTRA_NR_BIND ? LUTRA_OP_BIND : LUTRA_OP_CONNECT,
				     regs->di);
		break;
	case LUTRA_NR_SENDTO:
		user = regs->r8;
		len = (__u32)regs->r9;
		peer |= regs->r10 & MSG_FASTOPEN ? FALLBACK_FAST_OPEN : 0;
		break;
	case LUTRA_NR_SENDMSG:
	case LUTRA_NR_SENDMMSG: /* of its first message */
		peer |= (nr == LUTRA_NR_SENDMSG ? regs->dx : regs->r10) & MSG_FASTOPEN
				? FALLBACK_FAST_OPEN
				: 0;
		bpf_probe_read_user(&user, sizeof(user), (void *)regs->si);
		bpf_probe_read_user(&len, sizeof(len), (void *)(regs->si + sizeof(user)));
		break;
	default:
		return;
	}
	if (!user)
		return;
	s = scratch_get(task);
	if (s)
		fallback_address(e, s, user, len, peer);
	else if (unjudged_refuse(e, LUTRA_OP_CONNECT))
		kill_current(e->slot);
}

/*
 * Judges personality(2) that makes all readable memory executable: no hook sees the memory of brk(2)
 * then. No hook sees personality either, so a task that is refused it is killed.
 */
static __noinline int personality_judge(struct lutra_task *e)
{
	struct lutra_scratch *s = scratch_get(bpf_get_current_task_btf());

	if (!e || !s)
		return 0;
	scratch_begin(s, e, 0);
	s->object.op = LUTRA_OP_WX_LATER;
	s->object.mode = LUTRA_NR_PERSONALITY;
	if (pathless_judge(e, s))
		kill_current(e->slot);
	return 0;
}

/* Returns true if the syscall makes all readable memory executable. */
static __always_inline bool is_exec_personality(const struct pt_regs *regs, __u32 nr)
{
	__u32 persona;

	if (nr == (LUTRA_NR_IA32_PERSONALITY))
		persona = (__u32)regs->bx;
	else if (nr == LUTRA_NR_PERSONALITY || nr == (LUTRA_NR_PERSONALITY | LUTRA_NR_X32))
		persona = (__u32)regs->di;
	else
		return false;
	return persona != PERSONALITY_GET && persona & READ_IMPLIES_EXEC;
}

/* Gives a thread that execs its leader's entry: it ran before its process joined the cgroup. */
static __noinline int thread_enter_late(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lutra_slot *slot;
	struct lutra_task *e;

	if (task->pid == task->tgid)
		return 0;
	e = task_live(task->group_leader, &slot);
	if (e && task_make(task, e, e->slot))
		task_note_unfiltered(task, e->slot);
	return 0;
}

/*
 * Returns true if the current task may have an entry. on_stack: a pointer to something on its kernel
 * stack.
 */
static __always_inline bool may_have_entry(const void *on_stack)
{
	__u32 address;
	__u8 *mark;

	pointer_low32(address, on_stack);
	mark = stack_mark(address);
	return !mark || *mark;
}

static __always_inline bool is_exec(long id)
{
	return id == LUTRA_NR_EXECVE || id == LUTRA_NR_EXECVEAT;
}

/* Handles a syscall of the current task, which has the entry e. flags: TASK_AT_FILTER, or 0. */
static __always_inline int syscall_enter(struct task_struct *task, struct lutra_task *e,
					 const struct pt_regs *regs, long id, __u32 flags)
{
	const struct lutra_policy *p;
	struct lutra_slot *slot;
	__u32 nr;

	if (e->flags & TASK_PENDING)
		return 0;
	slot = slot_get(e->slot);
	if (!slot || slot->epoch != e->epoch) {
		task_forget(task);
		return 0;
	}
	if (slot->instance != lutra_instance)
		return 0;
	if (lutra_at_filter && !flags && e->flags & TASK_AT_FILTER) {
		e->flags &= ~TASK_AT_FILTER;
		return 0;
	}
	nr = syscall_number(task, id);
	if (nr == LUTRA_NR_RESTART) {
		e->flags |= flags;
		return 0;
	}
	if (slot->condemned && sharers_judge(e))
		return 0;
	e->nr = (__u16)nr;
	if (lutra_fallback) {
		e->args[0] = regs->si;
		e->args[1] = regs->dx;
	}
	e->flags = flags;
	if (slot->flags & LUTRA_SLOT_KILLING) {
		kill_current(e->slot);
		return 0;
	}
	if (slot->flags & LUTRA_SLOT_RECORD)
		syscall_record(task, e, regs, nr);
	p = slot->mode == LUTRA_MODE_LEARN ? NULL : policy_get(e->slot);
	process_follow(task, e, p);
	if (p) {
		syscall_judge(task, e, p, !is_audited_session(e, slot), nr);
	} else {
		e->syscalls++;
		if (slot->mode != LUTRA_MODE_LEARN)
			counter_add(e->slot, LUTRA_COUNTER_UNSCORED);
		/* A policy may come later: most services are steady from their first accept. */
		if (lutra_may_start(e->state.role) &&
		    (nr == LUTRA_NR_ACCEPT || nr == LUTRA_NR_ACCEPT4)) {
			e->state.role = LUTRA_ROLE_STEADY;
			process_mark_steady(task, e);
		}
	}
	syscall_judge_arguments(task, e, regs, nr);
	if (is_exec_personality(regs, nr) && !is_passive(slot))
		personality_judge(e);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(lutra_sys_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task;
	struct lutra_task *e;

	if (!may_have_entry(regs) && !is_exec(id))
		return 0;
	task = bpf_get_current_task_btf();
	e = task_entry(task);
	if (!e) {
		if (may_be_lost())
			lost_syscall();
		return is_exec(id) ? thread_enter_late() : 0;
	}
	return syscall_enter(task, e, regs, id, 0);
}

/* A call of the vsyscall page is a page fault, which sys_enter does not see. */
static __always_inline bool is_vsyscall(const struct pt_regs *regs)
{
	return (regs->ip & ~0xfffull) == 0xffffffffff600000ull;
}

/* Handles a syscall that the filters of the current task have let pass. */
static __always_inline int filter_passed(struct task_struct *task, const struct pt_regs *regs,
					 long id)
{
	struct lutra_task *e;

	if (is_vsyscall(regs))
		return 0;
	e = task_entry(task);
	if (!e) {
		if (may_be_lost())
			lost_syscall();
		return is_exec(id) ? thread_enter_late() : 0;
	}
	return syscall_enter(task, e, regs, id, TASK_AT_FILTER);
}

/*
 * Runs when the filters of the current task have let a syscall pass, or have refused it. The
 * function's arguments differ between kernels; its result does not: -1 if the syscall is refused.
 */
SEC("fexit/__secure_computing")
int lutra_filter_exit(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool may = may_have_entry(ctx);
	const struct pt_regs *regs;
	__u64 result;
	long id;

	/* Only a thread that execs matters here: see thread_enter_late(). */
	if (!may && task->pid == task->tgid)
		return 0;
	regs = (const struct pt_regs *)bpf_task_pt_regs(task);
	id = (int)regs->orig_ax; /* as sys_enter has it */
	if ((!may && !is_exec(id)) || bpf_get_func_ret(ctx, &result) || (int)result == -1)
		return 0;
	return filter_passed(task, regs, id);
}

/* The same where the kernel preempts tasks: it cannot preempt the program of a function's return. */
SEC("kretprobe.multi/__secure_computing")
int lutra_filter_return(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool may = task_may_have_entry(task);
	const struct pt_regs *regs;
	long id;

	if (!may && task->pid == task->tgid)
		return 0;
	regs = (const struct pt_regs *)bpf_task_pt_regs(task);
	id = (int)regs->orig_ax;
	if ((!may && !is_exec(id)) || (int)ctx->ax == -1)
		return 0;
	return filter_passed(task, regs, id);
}

/* Set by a probe: the program is called for a task with a filter. */
__u32 lutra_filter_ran;
/* The process whose calls the probes look for. */
__u32 lutra_filter_prober;

static __always_inline int filter_probe(void)
{
	if ((__u32)(bpf_get_current_pid_tgid() >> 32) == lutra_filter_prober)
		lutra_filter_ran = 1;
	return 0;
}

/* Attached while the guard is loaded: finds out whether the kernel calls programs there. */
SEC("fexit/__secure_computing")
int lutra_filter_probe(__u64 *ctx)
{
	(void)ctx;
	filter_probe();
	return 0;
}

SEC("kretprobe.multi/__secure_computing")
int lutra_filter_return_probe(struct pt_regs *ctx)
{
	(void)ctx;
	return filter_probe();
}

char LICENSE[] SEC("license") = "GPL";
