/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The guard protects itself: what no enrolled container may do, whatever its policy knows. Alerted
 * in mode audit, refused in the stricter modes.
 *
 * Hooks: lsm/bpf                  BPF objects of others, by id or pinned; links undone
 *        lsm/ptrace_access_check  the daemon, also to look into it (/proc/PID/mem, fd, maps)
 *        lsm/task_kill, task_setscheduler, task_setnice, task_setrlimit  the daemon
 *        lsm/file_send_sigiotask         the daemon, as the owner of a file
 *        lsm/unix_stream_connect  what the daemon listens on
 *        lsm/path_unlink, path_rmdir, path_rename, sb_umount    where its state is pinned
 * Maps: tasks, scratch, slots, policies, counters, evidence.
 * Fails: closed. Without scratch (LUTRA_COUNTER_STORAGE_FAILED) or a policy no evidence is sent.
 */
#include "kern/hooks/hook.bpf.h"
#include "kern/state/owner.bpf.h"
#include "kern/state/policy.bpf.h"

extern const volatile __u32 lutra_daemon_tgid;
extern __u64 lutra_daemon_start_ns;
extern __u64 lutra_daemon_pid;
/* Set at load: device of the file system that holds the pins, as in struct super_block; 0: none. */
const volatile __u32 lutra_pin_dev = 0;

#define CMD_OBJ_GET 7
#define CMD_PROG_GET_FD_BY_ID 13
#define CMD_MAP_GET_FD_BY_ID 14
#define CMD_LINK_UPDATE 29
#define CMD_LINK_GET_FD_BY_ID 30
#define CMD_LINK_DETACH 34

/*
 * Reports that the guard is attacked. hook: enum lutra_hook, or 0 for a hook without a number.
 * Returns 1 to refuse.
 */
static __noinline int guard_attacked(__u32 hook)
{
	struct hook_frame f;

	if (!hook_enter(&f) || f.slot->mode == LUTRA_MODE_LEARN)
		return 0;
	if (event_begin(&f, hook ? LUTRA_OP_HOOK : LUTRA_OP_NONE)) {
		f.s->object.mode = (__u16)hook;
		f.s->match.rule = LUTRA_RULE_GUARD;
		f.s->match.kind = LUTRA_KIND_ELSEWHERE;
		match_decide(f.e, f.s, policy_get(f.e->slot));
	}
	if (f.slot->mode == LUTRA_MODE_LEARN || f.slot->mode == LUTRA_MODE_AUDIT)
		return 0;
	counter_add(f.e->slot, LUTRA_COUNTER_REFUSED);
	return 1;
}

/* Returns true if a task is of the daemon, and not of a later process of the same number. */
static __always_inline bool is_daemon(const struct task_struct *task)
{
	return (__u32)task->tgid == lutra_daemon_tgid &&
	       task->group_leader->start_time == lutra_daemon_start_ns;
}

SEC("lsm/bpf")
int BPF_PROG(lutra_protect_bpf, int cmd)
{
	switch (cmd) {
	case CMD_OBJ_GET:
	case CMD_PROG_GET_FD_BY_ID:
	case CMD_MAP_GET_FD_BY_ID:
	case CMD_LINK_UPDATE:
	case CMD_LINK_GET_FD_BY_ID:
	case CMD_LINK_DETACH:
		if (guard_attacked(LUTRA_HOOK_BPF))
			return deny();
	}
	return 0;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(lutra_protect_ptrace_access_check, struct task_struct *child)
{
	return deny_if(is_daemon(child) && guard_attacked(LUTRA_HOOK_PTRACE_ACCESS_CHECK));
}

SEC("lsm/task_kill")
int BPF_PROG(lutra_protect_task_kill, struct task_struct *p)
{
	return deny_if(is_daemon(p) && guard_attacked(LUTRA_HOOK_TASK_KILL));
}

/* The current task may be anybody. It tells nothing then, but the signal is not sent. */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(lutra_protect_file_send_sigiotask, struct task_struct *target,
	     struct fown_struct *owner)
{
	struct lutra_slot *slot = NULL;

	if (!is_daemon(target) || !owner_setter_get(owner, &slot) || !slot)
		return 0;
	return deny_if(guard_attacked(LUTRA_HOOK_TASK_KILL) || slot->mode > LUTRA_MODE_AUDIT);
}

SEC("lsm/task_setscheduler")
int BPF_PROG(lutra_protect_task_setscheduler, struct task_struct *p)
{
	return deny_if(is_daemon(p) && guard_attacked(0));
}

SEC("lsm/task_setnice")
int BPF_PROG(lutra_protect_task_setnice, struct task_struct *p)
{
	return deny_if(is_daemon(p) && guard_attacked(0));
}

SEC("lsm/task_setrlimit")
int BPF_PROG(lutra_protect_task_setrlimit, struct task_struct *p)
{
	return deny_if(is_daemon(p) && guard_attacked(LUTRA_HOOK_TASK_SETRLIMIT));
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(lutra_protect_unix_stream_connect, struct sock *sock, struct sock *other)
{
	return deny_if((__u64)BPF_CORE_READ(other, sk_peer_pid) == lutra_daemon_pid &&
		       (__u32)BPF_CORE_READ(other, sk_peer_pid, numbers[0].nr) ==
			       lutra_daemon_tgid &&
		       guard_attacked(0));
}

static __always_inline bool is_pin_file_system(const struct super_block *sb)
{
	return lutra_pin_dev && sb->s_dev == lutra_pin_dev;
}

SEC("lsm/path_unlink")
int BPF_PROG(lutra_protect_path_unlink, const struct path *dir, struct dentry *dentry)
{
	return deny_if(is_pin_file_system(dentry->d_sb) && guard_attacked(0));
}

SEC("lsm/path_rmdir")
int BPF_PROG(lutra_protect_path_rmdir, const struct path *dir, struct dentry *dentry)
{
	return deny_if(is_pin_file_system(dentry->d_sb) && guard_attacked(0));
}

SEC("lsm/path_rename")
int BPF_PROG(lutra_protect_path_rename, const struct path *old_dir, struct dentry *old_dentry)
{
	return deny_if(is_pin_file_system(old_dentry->d_sb) && guard_attacked(0));
}

SEC("lsm/sb_umount")
int BPF_PROG(lutra_protect_sb_umount, struct vfsmount *mnt)
{
	return deny_if(is_pin_file_system(mnt->mnt_sb) && guard_attacked(LUTRA_HOOK_SB_UMOUNT));
}

char LICENSE[] SEC("license") = "GPL";
