/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Objects and refusals: the LSM hooks. Where LSM programs do not load, standin.bpf.c is used.
 *
 * Hooks: lsm/bprm_check_security   executions, again for a script's interpreter
 *        lsm/file_open             opens, but those of an execution itself
 *        lsm/socket_connect        addresses
 *        lsm/socket_bind           addresses
 *        lsm/socket_create         no object: refused with its call, and under an alert
 *        lsm/sb_mount              the same
 *        lsm/ptrace_access_check   the same; under an alert only to attach
 *        lsm/capable               no object: refused with its call
 *        lsm/bpf                   at load only: tells the daemon that hooks run
 * Maps: tasks, scratch, slots, and what the judging uses.
 * Fails: without scratch (LUTRA_C_STORAGE_FAILED) an object is not judged, but what was decided
 * before still stands: closed for what is under a verdict, else open.
 *
 * To add a hook without an object: one REFUSABLE line.
 */
#include "lutra.bpf.h"

/* The armed entry that the current task acts for: its own, or an io_uring worker's owner's. */
static __always_inline struct lutra_task *subject(struct lutra_slot **ret_slot, __u32 *ret_flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lutra_task *e = task_live(task, ret_slot);

	*ret_flags = EVENT_HOOK;
	if (!e && task->flags & PF_IO_WORKER) {
		e = task_live(task->group_leader, ret_slot);
		*ret_flags = EVENT_HOOK | EVENT_WORKER;
	}
	return e && !(e->flags & TASK_PENDING) ? e : NULL;
}

/* Scratch for an event of this subject, with an empty object. */
static __always_inline struct lutra_scratch *begin(__u32 flags)
{
	struct lutra_scratch *s = scratch_get(bpf_get_current_task_btf());

	if (!s)
		return NULL;
	s->flags = flags;
	s->weight[0] = s->weight[1] = s->weight[2] = 0;
	__builtin_memset(&s->object, 0, sizeof(s->object));
	return s;
}

/* Without scratch nothing can be judged; is the subject under a verdict? */
static __always_inline int blind(const struct lutra_task *e, const struct lutra_slot *slot)
{
	return e->flags & TASK_DENY_CALL ||
	       slot->flags & (LUTRA_SLOT_FROZEN | LUTRA_SLOT_CONDEMNED);
}

/* Nothing is under way for this subject: a hook without an object need not go on. */
static __always_inline bool at_ease(const struct lutra_task *e, const struct lutra_slot *slot)
{
	return !(e->flags & TASK_DENY_CALL) && !e->signals.alert_until_ns &&
	       !(slot->flags & (LUTRA_SLOT_FROZEN | LUTRA_SLOT_CONDEMNED));
}

static __always_inline int refusable(__u32 windowed)
{
	struct lutra_slot *slot = NULL;
	struct lutra_scratch *s;
	struct lutra_task *e;
	__u32 flags, slot_nr;

	e = subject(&slot, &flags);
	if (!e || !slot || at_ease(e, slot))
		return 0;
	slot_nr = e->slot;
	s = begin(flags);
	if (!(s ? standing_event(e, s, windowed) : blind(e, slot)))
		return 0;
	count(slot_nr, LUTRA_C_REFUSED);
	return 1;
}

#define REFUSABLE(hook, windowed, ...)                                                             \
	SEC("lsm/" #hook)                                                                          \
	int BPF_PROG(lutra_##hook, __VA_ARGS__, int ret)                                           \
	{                                                                                          \
		if (ret)                                                                           \
			return ret;                                                                \
		if (refusable(windowed))                                                           \
			return deny();                                                             \
		return 0;                                                                          \
	}

REFUSABLE(socket_create, !kern, int family, int type, int protocol, int kern)
REFUSABLE(sb_mount, 1, const char *dev, const struct path *path, const char *type,
	  unsigned long mnt_flags, void *data)
REFUSABLE(ptrace_access_check, (mode & PTRACE_MODE_ATTACH) != 0, struct task_struct *child,
	  unsigned int mode)
REFUSABLE(capable, 0, const struct cred *cred, struct user_namespace *ns, int cap,
	  unsigned int opts)

/* Is there anything to do with the objects of this container? */
static __always_inline bool idle(const struct lutra_slot *slot)
{
	return slot->mode == LUTRA_MODE_LEARN && !(slot->flags & LUTRA_SLOT_RECORD);
}

static __always_inline int file_event(const struct file *file, __u32 op, __u32 object_flags)
{
	struct lutra_slot *slot = NULL;
	struct lutra_scratch *s;
	struct lutra_task *e;
	__u32 flags;

	e = subject(&slot, &flags);
	if (!e || !slot || idle(slot))
		return 0;
	s = begin(flags);
	if (!s)
		return blind(e, slot);
	s->object.op = (__u8)op;
	s->object.flags = (__u8)object_flags;
	file_describe(s, address_of(s, file), op == LUTRA_OP_EXEC ? slot->start_realtime_ns : 0);
	return object_event(e, s);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(lutra_bprm_check_security, struct linux_binprm *bprm, int ret)
{
	if (ret)
		return ret;
	if (file_event(bprm->file, LUTRA_OP_EXEC, 0))
		return deny();
	return 0;
}

SEC("lsm/file_open")
int BPF_PROG(lutra_file_open, struct file *file, int ret)
{
	__u32 flags, mode;

	if (ret)
		return ret;
	flags = file->f_flags;
	mode = file->f_mode;
	if (flags & FMODE_EXEC || mode & FMODE_NOACCOUNT)
		return 0;
	flags = mode & FMODE_WRITE || flags & O_CREAT_TRUNC_APPEND ? LUTRA_OBJ_WRITE : 0;
	if (file_event(file, LUTRA_OP_OPEN, flags))
		return deny();
	return 0;
}

static __always_inline int socket_event(const void *address, int len, __u32 op)
{
	struct lutra_slot *slot = NULL;
	struct lutra_scratch *s;
	struct lutra_task *e;
	__u32 flags, bytes = (__u32)len;

	e = subject(&slot, &flags);
	if (!e || !slot || idle(slot))
		return 0;
	s = begin(flags);
	if (!s)
		return blind(e, slot);
	if (bytes > SOCKADDR_BYTES)
		bytes = SOCKADDR_BYTES;
	__builtin_memset(s->source, 0, SOCKADDR_BYTES + 8);
	bpf_probe_read_kernel(s->source, bytes, address);
	s->source_len = bytes;
	return address_event(e, s, op);
}

SEC("lsm/socket_connect")
int BPF_PROG(lutra_socket_connect, struct socket *sock, struct sockaddr *address, int len, int ret)
{
	if (ret)
		return ret;
	if (socket_event(address, len, LUTRA_OP_CONNECT))
		return deny();
	return 0;
}

SEC("lsm/socket_bind")
int BPF_PROG(lutra_socket_bind, struct socket *sock, struct sockaddr *address, int len, int ret)
{
	if (ret)
		return ret;
	if (socket_event(address, len, LUTRA_OP_BIND))
		return deny();
	return 0;
}

/* Loaded does not mean that it runs: without "bpf" among the kernel's LSMs no hook calls it. */
__u32 lutra_hook_ran;
const volatile __u32 lutra_daemon_tgid = 0;

SEC("lsm/bpf")
int BPF_PROG(lutra_bpf_probe, int cmd, union bpf_attr *attr, unsigned int size, int ret)
{
	if (bpf_get_current_pid_tgid() >> 32 == lutra_daemon_tgid)
		lutra_hook_ran = 1;
	return ret;
}

char LICENSE[] SEC("license") = "GPL";
