/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kills that no hook goes with. The system call of the task that is killed still happens. So what it did
 * may be of use to another task: one that shares memory or descriptors with it (CLONE_VM, CLONE_FILES),
 * or one that has the socket that it acted on. Such a task is killed at its next system call. Only a
 * task can find its own descriptors, and no kernel before 6.13 has a BPF program signal another one.
 *
 * Hooks: none. The programs of kern/hooks call these functions.
 * Maps: condemned  what the killed tasks shared. If it is full, the least recently used entries go.
 * Fails: open. Not found are sockets beyond the first SHARERS_DESCRIPTORS descriptors, and those that no
 * descriptor stands for: in a message under way, or among the files of an io_uring.
 */
#include "kern/verdict/sharers.bpf.h"

#define SHARERS_DESCRIPTORS 1024

/* What a killed task shared, in one enrolment. */
struct condemned_key {
	__u64 number; /* of its sharers, or of the inode of a socket */
	__u32 slot;
	__u32 epoch;
	__u32 is_socket;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct condemned_key);
	__type(value, __u32);
} condemned SEC(".maps") __weak;

/*
 * Returns the argument of a system call that is the descriptor of the socket it acts on; 0: none. A
 * listening socket, or a log's that is written to, is of no use to the killed task, and others need it.
 */
static __always_inline __u32 socket_arg(__u32 nr)
{
	switch (nr) {
	case LUTRA_NR_CONNECT:
	case LUTRA_NR_BIND:
	case LUTRA_NR_LISTEN:
	case LUTRA_NR_SENDTO:
	case LUTRA_NR_SENDMSG:
	case LUTRA_NR_SENDMMSG:
	case LUTRA_NR_SETSOCKOPT:
	case LUTRA_NR_SHUTDOWN:
		return 1;
	default:
		return 0;
	}
}

static __always_inline void condemn_number(const struct lutra_task *e, __u64 number,
					   __u32 is_socket)
{
	const struct condemned_key k = {
		.number = number, .slot = e->slot, .epoch = e->epoch, .is_socket = is_socket};
	__u32 one = 1;

	bpf_map_update_elem(&condemned, &k, &one, BPF_ANY);
}

static __always_inline bool is_listed(const struct lutra_task *e, __u64 number, __u32 is_socket)
{
	const struct condemned_key k = {
		.number = number, .slot = e->slot, .epoch = e->epoch, .is_socket = is_socket};

	return number && bpf_map_lookup_elem(&condemned, &k);
}

/* Condemns whoever shares with the current task, which is killed. Global: verified once. Returns 0. */
__noinline int sharers_condemn(struct lutra_task *e)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct lutra_task *process;
	const struct pt_regs *regs;
	struct lutra_slot *slot;
	__u64 socket = 0;
	__u32 arg;

	if (!e)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	process = process_entry(task, e);
	arg = socket_arg(e->nr);
	if (arg) {
		regs = (const struct pt_regs *)bpf_task_pt_regs(task);
		socket = descriptor_socket((__u32)syscall_arg(regs, arg));
	}
	if (process && process->sharers)
		condemn_number(e, process->sharers, 0);
	if (socket)
		condemn_number(e, socket, 1);
	if (socket || (process && process->sharers))
		__sync_fetch_and_add(&slot->condemned, 1);
	return 0;
}

/* Returns 1 if descriptor fd of the current task is a condemned socket. Global: verified once. */
__noinline int is_condemned_descriptor(struct lutra_task *e, __u32 fd)
{
	return e && is_listed(e, descriptor_socket(fd), 1);
}

/* Returns 1 if the current task shares with one that was killed. Global: verified once. */
__noinline int is_condemned(struct lutra_task *e)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct lutra_task *process;
	__u32 n = (__u32)descriptor_count();

	if (!e)
		return 0;
	process = process_entry(task, e);
	if (process && is_listed(e, process->sharers, 0))
		return 1;
	for (__u32 fd = 0; fd < SHARERS_DESCRIPTORS; fd++) {
		compiler_barrier();
		if (fd >= n)
			return 0;
		if (is_condemned_descriptor(e, fd))
			return 1;
	}
	return 0;
}

/*
 * Kills the current task if it shares with one that was killed. Returns 1 then. Looks once after each
 * kill, and again when the last system call, which e->nr still is, may have brought descriptors.
 */
__noinline int sharers_judge(struct lutra_task *e)
{
	const struct lutra_slot *slot;

	if (!e)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	if (e->condemned == slot->condemned && !receives_descriptors(e->nr))
		return 0;
	e->condemned = slot->condemned;
	if (!is_condemned(e))
		return 0;
	kill_current(e->slot);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
