/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The LSM hooks of System V shared memory, semaphores and message queues. They record the key and
 * the owner of the object that a syscall names by its id. The use of an object that the container did
 * not make is an event.
 *
 * Hooks: lsm/ipc_permission                          an object that exists is used
 *        lsm/shm_shmctl, sem_semctl, msg_queue_msgctl  it is removed, changed or locked
 *        lsm/shm_alloc_security, sem_alloc_security, msg_queue_alloc_security   it is made
 *        lsm/shm_free_security, sem_free_security, msg_queue_free_security      it ends
 * Maps: ipc_makers, tasks, slots, counters, records, and those of the judgement.
 * Fails: closed. An object of which the map has no room to note the maker counts as one of others.
 */
#include "kern/hooks/hook.bpf.h"
#include "kern/verdict/record.bpf.h"

#define HOST_IPC_NS 0xefffffffu /* PROC_IPC_INIT_INO */

/* The container that made an object. */
struct ipc_maker {
	__u32 slot;
	__u32 epoch;
};

/* Address of the object's struct kern_ipc_perm -> its maker. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct ipc_maker);
} ipc_makers SEC(".maps");

#define IPC_RMID 0
#define IPC_SET 1
#define SHM_LOCK 11
#define SHM_UNLOCK 12
#define MODE_PERMISSIONS 0777

/*
 * Records the use of an object, if the task's container is recorded. asked: permissions. perm is
 * read as any kernel memory, because some hooks are called with NULL.
 */
static __always_inline int ipc_record(const struct kern_ipc_perm *perm, __u16 asked)
{
	struct hook_frame f;
	__u32 key, uid;

	if (!hook_enter(&f) || !(f.slot->flags & LUTRA_SLOT_RECORD))
		return 0;
	key = (__u32)BPF_CORE_READ(perm, key);
	uid = BPF_CORE_READ(perm, uid.val);
	record_send(bpf_get_current_task_btf(), f.e->slot, LUTRA_RECORD_IPC,
		    f.flags & EVENT_WORKER ? LUTRA_NR_NONE : f.e->nr, key | (__u64)uid << 32, asked,
		    false);
	return 0;
}

/* Returns true if the current task has the IPC namespace of the host. */
static __always_inline bool is_in_host_ipc(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return (__u32)BPF_CORE_READ(task, nsproxy, ipc_ns, ns.inum) == HOST_IPC_NS;
}

/*
 * Returns true if an enrolled task uses an object that its container did not make. In a container that
 * ran before it was enrolled, the objects of its own namespace count as its own.
 */
static __always_inline bool is_of_others(const struct kern_ipc_perm *perm)
{
	__u64 key = (__u64)perm;
	const struct ipc_maker *maker;
	struct hook_frame f;

	if (!hook_enter(&f) || is_passive(f.slot))
		return false;
	maker = bpf_map_lookup_elem(&ipc_makers, &key);
	if (maker)
		return maker->slot != f.e->slot || maker->epoch != f.e->epoch;
	return !(f.slot->flags & LUTRA_SLOT_RAN_BEFORE) || is_in_host_ipc();
}

/* Records the use of an object and judges it. Returns 1 to refuse. */
static __always_inline int ipc_judge(const struct kern_ipc_perm *perm, __u16 asked)
{
	ipc_record(perm, asked);
	return is_of_others(perm) && hook_judge(LUTRA_HOOK_IPC_PERMISSION);
}

/* The commands for which the kernel does not call ipc_permission. */
static __always_inline int control_judge(const struct kern_ipc_perm *perm, int cmd)
{
	if (cmd != IPC_RMID && cmd != IPC_SET && cmd != SHM_LOCK && cmd != SHM_UNLOCK)
		return 0;
	return ipc_judge(perm, 0);
}

/* Notes who makes an object, also if that is no container: its address may be another's of before. */
static __always_inline int maker_note(const struct kern_ipc_perm *perm)
{
	struct ipc_maker maker = {};
	__u64 key = (__u64)perm;
	struct hook_frame f;

	if (!hook_enter(&f)) {
		bpf_map_delete_elem(&ipc_makers, &key);
		return 0;
	}
	maker.slot = f.e->slot;
	maker.epoch = f.e->epoch;
	bpf_map_update_elem(&ipc_makers, &key, &maker, BPF_ANY);
	return 0;
}

static __always_inline int maker_forget(const struct kern_ipc_perm *perm)
{
	__u64 key = (__u64)perm;

	bpf_map_delete_elem(&ipc_makers, &key);
	return 0;
}

#define MAKER_HOOKS(kind)                                                                          \
	SEC("lsm/" #kind "_alloc_security")                                                        \
	int BPF_PROG(lutra_##kind##_alloc_security, struct kern_ipc_perm *perm)                    \
	{                                                                                          \
		return maker_note(perm);                                                           \
	}                                                                                          \
                                                                                                   \
	SEC("lsm/" #kind "_free_security")                                                         \
	int BPF_PROG(lutra_##kind##_free_security, struct kern_ipc_perm *perm)                     \
	{                                                                                          \
		return maker_forget(perm);                                                         \
	}

MAKER_HOOKS(shm)
MAKER_HOOKS(sem)
MAKER_HOOKS(msg_queue)

SEC("lsm/ipc_permission")
int BPF_PROG(lutra_ipc_permission, struct kern_ipc_perm *perm, short flag)
{
	return deny_if(ipc_judge(perm, (__u16)flag & MODE_PERMISSIONS));
}

SEC("lsm/shm_shmctl")
int BPF_PROG(lutra_shm_shmctl, struct kern_ipc_perm *perm, int cmd)
{
	return deny_if(control_judge(perm, cmd));
}

SEC("lsm/sem_semctl")
int BPF_PROG(lutra_sem_semctl, struct kern_ipc_perm *perm, int cmd)
{
	return deny_if(control_judge(perm, cmd));
}

SEC("lsm/msg_queue_msgctl")
int BPF_PROG(lutra_msg_queue_msgctl, struct kern_ipc_perm *perm, int cmd)
{
	return deny_if(control_judge(perm, cmd));
}

char LICENSE[] SEC("license") = "GPL";
