/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The LSM hooks whose object is the hook itself: an event is that it is called, in which role. What
 * was denied at the entry of the syscall is refused here.
 *
 * Hooks: the HOOK lines
 *        lsm/socket_create         whose object is the kind of the socket too
 *        lsm/capable, lsm/ptrace_access_check
 *        the HOOK_OUTSIDE lines, lsm/task_setrlimit   acts on tasks of others
 *        lsm/file_alloc_security   only refuses: syscalls that make a file and reach no other hook
 *        lsm/bpf                   also tells the daemon that hooks run
 * Maps: tasks, scratch, slots, and those of the judgement.
 * Fails: as hook.bpf.h.
 *
 * The BPF programs of a hook run until one of them refuses, so a program is never called after a
 * refusal. The return value of an earlier program stands behind the hook's arguments, whose number
 * differs between kernels: it is not read.
 */
#include "kern/hooks/hook.bpf.h"
#include "kern/state/policy.bpf.h"

#define HOOK(hook, id)                                                                             \
	SEC("lsm/" #hook)                                                                          \
	int BPF_PROG(lutra_##hook)                                                                 \
	{                                                                                          \
		return deny_if(hook_judge(LUTRA_HOOK_##id));                                       \
	}

HOOK(task_alloc, TASK_ALLOC)
HOOK(socket_listen, SOCKET_LISTEN)
HOOK(ptrace_traceme, PTRACE_TRACEME)
HOOK(sb_mount, SB_MOUNT)
HOOK(sb_remount, SB_REMOUNT)
HOOK(sb_umount, SB_UMOUNT)
HOOK(sb_pivotroot, SB_PIVOTROOT)
HOOK(move_mount, MOVE_MOUNT)
HOOK(fs_context_parse_param, FS_CONTEXT_PARSE_PARAM)
HOOK(path_chroot, PATH_CHROOT)
HOOK(bpf_map, BPF_MAP)
HOOK(bpf_prog, BPF_PROG)
HOOK(perf_event_open, PERF_EVENT_OPEN)
HOOK(key_alloc, KEY_ALLOC)
HOOK(key_permission, KEY_PERMISSION)
HOOK(task_fix_setuid, TASK_FIX_SETUID)
HOOK(task_fix_setgid, TASK_FIX_SETGID)
HOOK(task_fix_setgroups, TASK_FIX_SETGROUPS)
HOOK(userns_create, USERNS_CREATE)
HOOK(inode_init_security_anon, INODE_INIT_SECURITY_ANON)
HOOK(kernel_load_data, KERNEL_LOAD_DATA)
HOOK(kernel_read_file, KERNEL_READ_FILE)
HOOK(kernel_module_request, KERNEL_MODULE_REQUEST)
HOOK(uring_override_creds, URING_OVERRIDE_CREDS)
HOOK(uring_sqpoll, URING_SQPOLL)
HOOK(uring_cmd, URING_CMD)
HOOK(netlink_send, NETLINK_SEND)
HOOK(locked_down, LOCKED_DOWN)
HOOK(syslog, SYSLOG)
HOOK(settime, SETTIME)
#undef HOOK

/* Hooks of acts on another task: an event if that task is none of the container. */
#define HOOK_OUTSIDE(hook, id)                                                                     \
	SEC("lsm/" #hook)                                                                          \
	int BPF_PROG(lutra_##hook, struct task_struct *p)                                          \
	{                                                                                          \
		return deny_if(is_outside(p) && hook_judge(LUTRA_HOOK_##id));                      \
	}

SEC("lsm/file_alloc_security")
int BPF_PROG(lutra_file_alloc_security)
{
	return deny_if(hook_apply_verdict(0));
}

/* Judges the kind of a socket that is made. Returns 1 to refuse. */
static __always_inline int socket_kind_judge(__u32 family, __u32 type, __u32 protocol)
{
	const struct lutra_policy *p;
	struct hook_frame f;

	if (!hook_enter(&f) || is_passive(f.slot))
		return 0;
	p = policy_get(f.e->slot);
	if (!(f.slot->flags & LUTRA_SLOT_RECORD) && !(p && p->ops >> LUTRA_OP_SOCKET & 1))
		return 0;
	if (!event_begin(&f, LUTRA_OP_SOCKET))
		return is_denied_without_scratch(&f, LUTRA_OP_SOCKET);
	f.s->object.family = (__u8)family;
	f.s->object.mode = (__u16)(type & 15);
	f.s->object.port = lutra_socket_protocol(family, type, protocol);
	return pathless_judge(f.e, f.s);
}

SEC("lsm/socket_create")
int BPF_PROG(lutra_socket_create, int family, int type, int protocol, int kern)
{
	if (kern)
		return 0;
	return deny_if(hook_judge(LUTRA_HOOK_SOCKET_CREATE) ||
		       socket_kind_judge((__u32)family, (__u32)type, (__u32)protocol));
}

/* Returns true if the acting task is enrolled and the other is not of its container. */
static __always_inline bool is_outside(struct task_struct *task)
{
	struct lutra_slot *slot = NULL;
	struct lutra_task *e;
	__u32 flags;

	e = acting_task(&slot, &flags);
	return e && !is_of_enrolment(task, e->slot, e->epoch);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(lutra_ptrace_access_check, struct task_struct *child, unsigned int mode)
{
	__u32 hook = LUTRA_HOOK_PTRACE_ACCESS_CHECK;

	if (!(mode & PTRACE_MODE_ATTACH)) {
		if (mode & PTRACE_MODE_NOAUDIT || !is_outside(child))
			return 0;
		hook = LUTRA_HOOK_PTRACE_READ;
	}
	return deny_if(hook_judge(hook));
}

HOOK_OUTSIDE(task_kill, TASK_KILL)
HOOK_OUTSIDE(task_setnice, TASK_SETNICE)
HOOK_OUTSIDE(task_setscheduler, TASK_SETSCHEDULER)
HOOK_OUTSIDE(task_setioprio, TASK_SETIOPRIO)
HOOK_OUTSIDE(task_movememory, TASK_MOVEMEMORY)

SEC("lsm/task_setrlimit")
int BPF_PROG(lutra_task_setrlimit, struct task_struct *p)
{
	return deny_if(hook_judge(LUTRA_HOOK_TASK_SETRLIMIT) ||
		       (is_outside(p) && hook_judge(LUTRA_HOOK_TASK_PRLIMIT)));
}

/* Judges the use of a capability. A check that is not audited (NOAUDIT) is only a question. */
static __always_inline int capability_judge(int cap, unsigned int opts)
{
	struct hook_frame f;
	__u64 bit = 1ull << (cap & 63);
	__u32 key;

	if (!hook_enter(&f) || opts & CAP_OPT_NOAUDIT || is_passive(f.slot) ||
	    is_judgement_cached(&f, f.e->cached_caps, bit))
		return 0;
	key = judgement_key(&f);
	if (!event_begin(&f, LUTRA_OP_CAPABLE))
		return is_denied_without_scratch(&f, LUTRA_OP_CAPABLE);
	f.s->object.mode = (__u16)cap;
	if (pathless_judge(f.e, f.s))
		return 1;
	if (f.s->judgement.kind == LUTRA_KIND_KNOWN)
		judgement_cache_add(f.e, key, &f.e->cached_caps, bit);
	return 0;
}

SEC("lsm/capable")
int BPF_PROG(lutra_capable, const struct cred *cred, struct user_namespace *ns, int cap,
	     unsigned int opts)
{
	struct lutra_task *e = task_entry(bpf_get_current_task_btf());

	if (e && hook_apply_verdict(e->nr == LUTRA_NR_SETNS))
		return deny();
	return deny_if(capability_judge(cap, opts));
}

/* A program that is loaded need not run: without "bpf" among the kernel's LSMs no hook calls it. */
__u32 lutra_hook_ran;
const volatile __u32 lutra_daemon_tgid = 0;
/* Of the daemon, to tell it from a later process of the same number. */
__u64 lutra_daemon_start_ns;
__u64 lutra_daemon_pid; /* address of its struct pid: compared, never followed */

SEC("lsm/bpf")
int BPF_PROG(lutra_bpf)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (bpf_get_current_pid_tgid() >> 32 == lutra_daemon_tgid && !lutra_hook_ran) {
		lutra_daemon_start_ns = task->group_leader->start_time;
		lutra_daemon_pid = (__u64)BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
		lutra_hook_ran = 1;
	}
	return deny_if(hook_judge(LUTRA_HOOK_BPF));
}

char LICENSE[] SEC("license") = "GPL";
