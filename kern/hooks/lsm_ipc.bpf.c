/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The LSM hooks of System V shared memory, semaphores and message queues. They record the key and
 * the owner of the object that a syscall names by its id, and refuse nothing.
 *
 * Hooks: lsm/ipc_permission                          an object that exists is used
 *        lsm/shm_shmctl, sem_semctl, msg_queue_msgctl  it is removed, changed or locked
 * Maps: tasks, slots, counters, records.
 * Fails: open. Without them a record of the syscall still has the key, or the id, and the flags.
 */
#include "kern/hooks/hook.bpf.h"
#include "kern/verdict/record.bpf.h"

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

/* The commands for which the kernel does not call ipc_permission. */
static __always_inline int control_record(const struct kern_ipc_perm *perm, int cmd)
{
	if (cmd != IPC_RMID && cmd != IPC_SET && cmd != SHM_LOCK && cmd != SHM_UNLOCK)
		return 0;
	return ipc_record(perm, 0);
}

SEC("lsm/ipc_permission")
int BPF_PROG(lutra_ipc_permission, struct kern_ipc_perm *perm, short flag)
{
	return ipc_record(perm, (__u16)flag & MODE_PERMISSIONS);
}

SEC("lsm/shm_shmctl")
int BPF_PROG(lutra_shm_shmctl, struct kern_ipc_perm *perm, int cmd)
{
	return control_record(perm, cmd);
}

SEC("lsm/sem_semctl")
int BPF_PROG(lutra_sem_semctl, struct kern_ipc_perm *perm, int cmd)
{
	return control_record(perm, cmd);
}

SEC("lsm/msg_queue_msgctl")
int BPF_PROG(lutra_msg_queue_msgctl, struct kern_ipc_perm *perm, int cmd)
{
	return control_record(perm, cmd);
}

char LICENSE[] SEC("license") = "GPL";
