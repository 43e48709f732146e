/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The life of task entries: made, copied, armed and moved on here.
 *
 * Hooks: tp_btf/sched_process_fork     copies the entry; finds children born in an enrolled cgroup
 *        tp_btf/cgroup_attach_task     makes the entry of a task that joins
 *        tp_btf/sched_process_exec     arms, or moves the role on; tells that a session began
 *        tp_btf/sched_process_exit     recorded
 *        tp_btf/sched_process_free     frees the entry in the reserve
 *        iter/task                     makes the entries of tasks that run in the cgroup already;
 *                                      finds the enrolled tasks without a seccomp filter
 *        syscall                       tells the daemon whether a cgroup is above itself
 * Maps: stacks, task_cache, tasks, reserve, slots, policies, cgroups, counters, records, scratch,
 *       evidence.
 * Fails: as state/task.bpf.h.
 *
 * An entry is pending, neither recorded nor scored, until the user's program runs: until the first
 * exec in another mount namespace than that of the task that moved it into the cgroup. What a
 * runtime does before that (re-exec of itself, unshare, mounts, threads) is not the container's.
 * Where an OCI hook enrols the container, its first process has the container's namespaces already,
 * and its next exec is the user's program. A task that joins later is an exec session, with all its
 * descendants. Once armed, a task cannot make itself pending by a move to another enrolled cgroup.
 */
#include "kern/hooks/fallback.bpf.h"
#include "kern/state/cgroup_slot.bpf.h"
#include "kern/state/policy.bpf.h"
#include "kern/verdict/record.bpf.h"
#include "kern/verdict/verdict.bpf.h"

#define CGROUP_LEVELS_OWN 64

/* Set at load: the host's mount namespace; 0: not known. */
const volatile __u32 lutra_host_mnt_ns = 0;

/* Set by the daemon before it runs the iterator; 0: the tasks of all containers that have no entry. */
__u32 lutra_enter_slot;
/* A process that has executed the container's program and is stopped before it runs; 0: none. */
__u32 lutra_enter_at_door;

/*
 * Returns the entry of a task, made pending unless it has one of the same enrolment; NULL on
 * failure. joins: the task comes from outside the container.
 */
static __always_inline struct lutra_task *task_enter(struct task_struct *task, __u32 slot_nr,
						     __u32 mnt_ns, bool joins)
{
	struct lutra_slot *slot = slot_get(slot_nr);
	struct lutra_task *e;
	__u32 start_time_low;

	if (!slot || !slot->cgroup_id || slot->instance != lutra_instance)
		return NULL;
	e = task_make(task, NULL, slot_nr);
	if (!e)
		return NULL;
	if (e->slot == slot_nr && e->epoch == slot->epoch)
		return e;
	start_time_low = e->start_time_low;
	__builtin_memset(e, 0, sizeof(*e));
	e->start_time_low = start_time_low;
	e->slot = slot_nr;
	e->epoch = slot->epoch;
	e->flags = TASK_PENDING;
	e->mnt_ns = mnt_ns;
	e->nr = LUTRA_NR_NONE;
	e->exec_session =
		joins && slot->flags & LUTRA_SLOT_EXEC_SESSIONS && slot->flags & LUTRA_SLOT_STARTED;
	task_note_unfiltered(task, slot_nr);
	return e;
}

/* Arms an entry: the user's program runs, or is about to. The container's paths end at its root. */
static __always_inline void task_arm(struct lutra_task *e, struct lutra_slot *slot,
				     struct task_struct *task)
{
	__u64 mnt = (__u64)BPF_CORE_READ(task, fs, root.mnt);

	__u32 mnt_ns = task_mnt_ns(task);

	if (!(slot->flags & LUTRA_SLOT_STARTED)) {
		slot->mnt_ns = mnt_ns != lutra_host_mnt_ns ? mnt_ns : 0;
		__sync_fetch_and_or(&slot->flags, LUTRA_SLOT_STARTED);
	}
	e->flags = 0;
	e->nr = LUTRA_NR_NONE;
	e->state.role = lutra_role_armed(false, e->exec_session);
	e->state.is_later = 0;
	e->process_steady = 0;
	/* PF_FORKNOEXEC is a thread's own: that of the leader is the process's. */
	e->program = BPF_CORE_READ(task, group_leader, flags) & PF_FORKNOEXEC
			     ? 0
			     : process_program(task);
	e->root_mnt = mnt - bpf_core_field_offset(struct mount, mnt);
	e->root_dentry = (__u64)BPF_CORE_READ(task, fs, root.dentry);
	if (!e->exec_session && !has_filter(task))
		__sync_fetch_and_or(&slot->flags, LUTRA_SLOT_UNFILTERED);
	task_note_unfiltered(task, e->slot);
}

/*
 * Arms an entry of a task whose program runs already: what is known in any role is known of it. Not
 * inlined: the callers' stacks are too small.
 */
static __noinline int task_arm_running(struct lutra_task *e, struct lutra_slot *slot,
				       struct task_struct *task)
{
	task_arm(e, slot, task);
	e->state.role = LUTRA_ROLE_ANY;
	e->state.is_later = 1;
	if (slot->flags & LUTRA_SLOT_RECORD)
		record_send(task, e->slot, LUTRA_RECORD_ARM, 1, 0, 0, false);
	return 0;
}

/*
 * Returns true if a task has the mount namespace of a container whose program runs, and the host has
 * another one. Such a task is the container's, and no runtime that prepares a process.
 */
static __always_inline bool is_in_namespace(struct task_struct *task, const struct lutra_slot *slot)
{
	return slot->flags & LUTRA_SLOT_STARTED && slot->mnt_ns &&
	       slot->mnt_ns == task_mnt_ns(task);
}

/* Notes that a child shares memory or descriptors with the process that forks it. */
static __always_inline void sharers_note(struct task_struct *parent, struct task_struct *child,
					 struct lutra_task *e, struct lutra_task *c)
{
	struct lutra_task *process = process_entry(parent, e);

	c->sharers = 0;
	if (!process || (child->mm != parent->mm && child->files != parent->files))
		return;
	if (!process->sharers)
		process->sharers = ((__u32)parent->tgid * 0x9e3779b1u ^
				    task_start_time_low(parent->group_leader)) |
				   1;
	c->sharers = process->sharers;
}

static __always_inline void task_copy(struct lutra_task *e, struct lutra_slot *slot,
				      struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = child->pid, tgid = child->tgid;
	struct lutra_task *c, *process;

	c = task_make(child, e, e->slot);
	if (!c)
		return;
	c->flags &= TASK_PENDING;
	c->process_steady = 0;
	c->truncated = 0;
	/* The entry of a thread does not tell that another thread of the process is tainted. */
	process = e->exec_session ? process_entry(parent, e) : NULL;
	if (process && process->tainted)
		c->tainted = 1;
	if (pid == tgid)
		sharers_note(parent, child, e, c);
	if (pid == tgid && !(e->flags & TASK_PENDING)) {
		c->program = 0;
		lutra_state_fork(&c->state);
	}
	if (!(e->flags & TASK_PENDING) && slot->flags & LUTRA_SLOT_RECORD)
		record_send(parent, e->slot, LUTRA_RECORD_FORK, pid != tgid,
			    pid | (__u64)tgid << 32, 0, false);
}

/* Returns true if the task runs the user's program: no move to a cgroup makes it pending again. */
static __always_inline bool is_armed(const struct lutra_task *e)
{
	return e && !(e->flags & TASK_PENDING);
}

/*
 * Frees the cache element at a child's address, if it is of an earlier task whose exit went unseen.
 */
static __always_inline void task_cache_check(struct task_struct *child)
{
	__u32 at;
	struct lutra_cached_task *c = task_cache_get(child, &at);

	if (task_cache_is(c, child) && !bpf_task_storage_get(&tasks, child, 0, 0))
		c->task = 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(lutra_fork, struct task_struct *parent, struct task_struct *child)
{
	struct lutra_slot *slot = NULL;
	struct lutra_task *e = task_live(parent, &slot);
	__u64 cgroup = task_cgroup(child);
	__u32 born_slot = 0;

	task_cache_check(child);
	reserve_remove_old(child);
	if (!e && parent->pid != parent->tgid)
		e = task_live(parent->group_leader, &slot);
	if (cgroup != task_cgroup(parent))
		born_slot = cgroup_slot(cgroup);
	if (born_slot && !is_armed(e) && (!e || e->slot != born_slot))
		task_enter(child, born_slot, task_mnt_ns(parent), true);
	else if (e && slot)
		task_copy(e, slot, parent, child);
	return 0;
}

/*
 * Makes the entry of a task that moves itself into an enrolled cgroup, or that the container moves. If
 * the task is in the container's namespaces, it is armed at once, and it is no exec session: no
 * runtime is about to execute another program in its place.
 */
static __always_inline void task_join(struct task_struct *task, __u32 slot_nr, __u32 mnt_ns)
{
	struct lutra_slot *slot = slot_get(slot_nr);
	bool own = slot && is_in_namespace(task, slot);
	struct lutra_task *e = task_enter(task, slot_nr, mnt_ns, !own);

	if (own && e && e->flags & TASK_PENDING)
		task_arm_running(e, slot, task);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(lutra_attach, struct cgroup *to, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	struct task_struct *mover = bpf_get_current_task_btf();
	struct lutra_slot *live;
	bool is_by_armed;
	__u32 slot;

	/* A version 1 hierarchy counts ids of its own: one could equal an enrolled id. */
	if (BPF_CORE_READ(to, root, hierarchy_id) != 0)
		return 0;
	slot = cgroup_slot((__u64)to);
	/* A container's task that moves itself, or another armed task, keeps the entry. */
	if (!slot)
		return 0;
	is_by_armed = is_armed(task_live(mover, &live));
	if (is_by_armed && is_armed(task_live(task, &live)))
		return 0;
	if (is_by_armed || mover->tgid == task->tgid)
		task_join(task, slot, task_mnt_ns(mover));
	else
		task_enter(task, slot, task_mnt_ns(mover), true);
	return 0;
}

/*
 * Enters a task that execs in an enrolled cgroup: it joined while the programs were attached, or its
 * entry could not be made. A task of the container's namespaces is armed by this exec.
 */
static __noinline struct lutra_task *task_enter_missed(struct task_struct *task)
{
	__u32 slot_nr = cgroup_slot(task_cgroup(task));
	struct lutra_slot *slot = slot_get(slot_nr);
	struct lutra_task *e;

	if (!slot_nr || !slot)
		return NULL;
	e = task_enter(task, slot_nr, BPF_CORE_READ(task, real_parent, nsproxy, mnt_ns, ns.inum),
		       false);
	if (e && e->flags & TASK_PENDING && is_in_namespace(task, slot))
		task_arm_running(e, slot, task);
	return e;
}

/* Moves an armed task on to the program that it has executed. Returns enum lutra_exec. */
static __always_inline __u16 task_exec(struct lutra_task *e, struct task_struct *task)
{
	__u32 program = process_program(task);
	bool again = program && program == e->program;

	e->program = program;
	lutra_state_exec(&e->state, policy_get(e->slot), again);
	/* The only thread that is left, and so the leader. */
	e->process_steady = e->state.role == LUTRA_ROLE_STEADY;
	e->cached_hooks = e->cached_caps = 0;
	return again ? LUTRA_EXEC_AGAIN : LUTRA_EXEC_OTHER;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(lutra_exec, struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lutra_scratch *s;
	struct lutra_slot *slot;
	struct lutra_task *e = task_live(task, &slot);
	__u16 aux;

	if (!e)
		e = task_enter_missed(task);
	if (!e)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	e->flags &= ~TASK_EXECING;
	e->sharers = 0; /* an execution has memory and descriptors of its own */
	if (e->flags & TASK_PENDING) {
		if (!(slot->flags & LUTRA_SLOT_NEXT_EXEC) && task_mnt_ns(task) == e->mnt_ns)
			return 0;
		task_arm(e, slot, task);
		if (slot->flags & LUTRA_SLOT_RECORD)
			record_send(task, e->slot, LUTRA_RECORD_ARM, 0, 0, e->exec_session, false);
		s = e->exec_session ? scratch_get(task) : NULL;
		if (s)
			session_report(e, s, kernel_address(s, bprm));
		return 0;
	}
	s = lutra_fallback ? scratch_get(task) : NULL;
	if (s)
		fallback_exec(e, s, kernel_address(s, bprm));
	else if (lutra_fallback && unjudged_refuse(e, LUTRA_OP_EXEC))
		kill_current(e->slot);
	aux = task_exec(e, task);
	if (slot->flags & LUTRA_SLOT_RECORD)
		record_send(task, e->slot, LUTRA_RECORD_EXEC, 0, (__u32)old_pid, aux, false);
	return 0;
}

/* Writes a cached entry back to tasks: threads may outlive the leader, and look for its entry. */
static __always_inline void task_cache_write_back(struct task_struct *task)
{
	__u32 at;
	struct lutra_cached_task *c = task_cache_get(task, &at);
	struct lutra_task *e;

	if (!task_cache_is(c, task))
		return;
	e = bpf_task_storage_get(&tasks, task, 0, 0);
	if (e && e->cache_index)
		*e = c->entry;
	c->task = 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(lutra_exit, struct task_struct *p)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lutra_slot *slot;
	struct lutra_task *e = task_live(task, &slot);

	if (e && !(e->flags & TASK_PENDING) && slot->flags & LUTRA_SLOT_RECORD)
		record_send(task, e->slot, LUTRA_RECORD_EXIT, 0, 0, 0, false);
	task_cache_write_back(task);
	return 0;
}

/*
 * Nobody waits for the task any longer. An exit comes too early: threads look for the entry of a leader
 * that exited before them.
 */
SEC("tp_btf/sched_process_free")
int BPF_PROG(lutra_task_free, struct task_struct *task)
{
	reserve_remove(task);
	return 0;
}

/*
 * Arms an entry of a task that has executed the user's program and has not run it yet: the exec would
 * have armed it, had its container been enrolled. Not inlined: the callers' stacks are too small.
 */
static __noinline int task_arm_stopped(struct lutra_task *e, struct lutra_slot *slot,
				       struct task_struct *task)
{
	e->exec_session =
		slot->flags & LUTRA_SLOT_EXEC_SESSIONS && slot->flags & LUTRA_SLOT_STARTED;
	task_arm(e, slot, task);
	if (slot->flags & LUTRA_SLOT_RECORD)
		record_send(task, e->slot, LUTRA_RECORD_ARM, 0, 0, e->exec_session, false);
	return 0;
}

/* Returns the armed entry of a task's parent, if that is in the same container; else NULL. */
static __always_inline struct lutra_task *armed_parent(struct task_struct *task,
						       const struct lutra_slot *slot, __u32 slot_nr)
{
	struct lutra_task *parent = task_entry(task->real_parent);

	return is_armed(parent) && parent->slot == slot_nr && parent->epoch == slot->epoch ? parent
											   : NULL;
}

/*
 * Enters a task whose fork, move or exec the kernel skipped, if the task is the container's and no runtime
 * that prepares it. A child of an exec session belongs to the session. Returns 0.
 */
static __noinline int task_enter_skipped(struct task_struct *task, __u32 slot_nr)
{
	struct lutra_slot *slot = slot_get(slot_nr), *live = NULL;
	struct lutra_task *parent, *e;

	if (!slot || task_live(task, &live))
		return 0;
	parent = armed_parent(task, slot, slot_nr);
	if (!parent && !is_in_namespace(task, slot))
		return 0;
	e = task_enter(task, slot_nr, 0, false);
	if (!e)
		return 0;
	e->exec_session = parent ? parent->exec_session : 0;
	task_arm_running(e, slot, task);
	return 0;
}

SEC("iter/task")
int lutra_enter_running(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct lutra_slot *slot;
	struct lutra_task *e;
	bool is_at_door;
	__u32 slot_nr;

	if (!task || task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_EXITING))
		return 0;
	slot_nr = cgroup_slot(task_cgroup(task));
	if (!slot_nr || (lutra_enter_slot && slot_nr != lutra_enter_slot))
		return 0;
	if (!lutra_enter_slot)
		return task_enter_skipped(task, slot_nr);
	slot = slot_get(slot_nr);
	e = task_entry(task);
	is_at_door = lutra_enter_at_door && (__u32)task->tgid == lutra_enter_at_door;
	if (!slot ||
	    (e && e->slot == slot_nr && e->epoch == slot->epoch && (!is_at_door || is_armed(e))))
		return 0;
	/* Namespace number 0 does not exist: any exec arms. */
	e = task_enter(task, slot_nr, slot->flags & LUTRA_SLOT_STARTING ? 0 : task_mnt_ns(task),
		       false);
	if (e && is_at_door)
		return task_arm_stopped(e, slot, task);
	if (!e || slot->flags & (LUTRA_SLOT_NEXT_EXEC | LUTRA_SLOT_STARTING))
		return 0;
	__sync_fetch_and_or(&slot->flags, LUTRA_SLOT_RAN_BEFORE);
	task_arm_running(e, slot, task);
	return 0;
}

/* Slots whose tasks are not all under a seccomp filter. The daemon clears them before it looks. */
__u64 lutra_unfiltered_slots[LUTRA_SLOTS / 64];

SEC("iter/task")
int lutra_find_unfiltered(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct lutra_slot *slot;
	struct lutra_task *e;
	__u32 nr;

	if (!task || task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_EXITING) || has_filter(task))
		return 0;
	e = task_entry(task);
	if (!e)
		return 0;
	nr = e->slot;
	slot = slot_get(nr);
	if (slot && slot->epoch == e->epoch && slot->instance == lutra_instance && nr < LUTRA_SLOTS)
		lutra_unfiltered_slots[nr / 64] |= 1ull << (nr & 63);
	return 0;
}

struct lutra_own {
	__u64 cgroup_id;
};

/* Returns 1 if a cgroup is the caller's own or above it. Run by the daemon. */
SEC("syscall")
int lutra_is_own(struct lutra_own *ctx)
{
	__u64 c = task_cgroup((struct task_struct *)bpf_get_current_task());

	for (int i = 0; i < CGROUP_LEVELS_OWN && c; i++) {
		if (BPF_CORE_READ((struct cgroup *)c, kn, id) == ctx->cgroup_id)
			return 1;
		c = cgroup_parent(c);
	}
	return c != 0;
}

struct lutra_int {
	__u64 address; /* of an int of the kernel's */
	__s32 value;
	__s32 error;
};

/* Reads an int of the kernel's. Run by the daemon. */
SEC("syscall")
int lutra_read_int(struct lutra_int *ctx)
{
	__s32 value = 0;

	ctx->error = (__s32)bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx->address);
	ctx->value = value;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
