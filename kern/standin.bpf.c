/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What stands in for the LSM hooks where their programs do not load: the same objects by the same
 * code, but seen when the operation is over, or before its arguments are copied.
 *
 * Hooks: tp_btf/sys_exit   open, openat, openat2, creat: the file of the new descriptor
 *        (called from tp_btf/sys_enter: connect and bind; from tp_btf/sched_process_exec)
 * Maps: tasks, scratch, slots, and what the judging uses.
 * Fails: open. Not seen: opens and connects through io_uring or a 32-bit entry, opens that fail,
 * and, where another thread rewrites an address in time, the true address. Nothing can be refused;
 * verdicts kill.
 */
#include "lutra.bpf.h"

static __always_inline struct lutra_scratch *standin_begin(struct lutra_scratch *s, __u32 op)
{
	s->flags = 0;
	s->weight[0] = s->weight[1] = s->weight[2] = 0;
	__builtin_memset(&s->object, 0, sizeof(s->object));
	s->object.op = (__u8)op;
	return s;
}

/* The address of a connect or bind, at its entry. */
__noinline int standin_address(struct lutra_task *e, struct lutra_scratch *s, __u64 uaddr,
			       __u32 len)
{
	if (!e || !s || len > SOCKADDR_BYTES)
		return 0;
	standin_begin(s, LUTRA_OP_NONE);
	__builtin_memset(s->source, 0, SOCKADDR_BYTES + 8);
	if (bpf_probe_read_user(s->source, len, (void *)uaddr))
		return 0;
	s->source_len = len;
	return address_event(e, s, e->nr == NR_BIND ? LUTRA_OP_BIND : LUTRA_OP_CONNECT);
}

/* The name of a script, which the kernel has replaced by its interpreter. */
static __noinline int standin_script(struct lutra_task *e, struct lutra_scratch *s, __u64 name)
{
	long len;

	if (!e || !s)
		return 0;
	standin_begin(s, LUTRA_OP_EXEC);
	s->object.flags = LUTRA_OBJ_PATH;
	s->object.mode = 0100755;
	len = bpf_probe_read_kernel_str(s->source, SOURCE_BYTES, (void *)name);
	s->source_len = len <= 0 || len >= SOURCE_BYTES ? SOURCE_BYTES + 1 : (__u32)len - 1;
	path_source(s);
	return object_event(e, s);
}

/* A program that was just executed, with the role it was executed in. */
__noinline int standin_exec(struct lutra_task *e, struct lutra_scratch *s, __u64 binprm)
{
	struct linux_binprm *bprm = (struct linux_binprm *)binprm;
	struct lutra_slot *slot;
	const char *name = BPF_CORE_READ(bprm, filename);

	if (!e || !s)
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	if (name != BPF_CORE_READ(bprm, interp))
		standin_script(e, s, (__u64)name);
	standin_begin(s, LUTRA_OP_EXEC);
	file_describe(s, (__u64)BPF_CORE_READ(bprm, file), slot->start_realtime_ns);
	return object_event(e, s);
}

static __always_inline __u64 open_flags(const struct pt_regs *regs, __u32 nr)
{
	__u64 flags = 0;

	switch (nr) {
	case NR_CREAT:
		return O_CREAT_TRUNC_APPEND;
	case NR_OPEN:
		return regs->si;
	case NR_OPENAT:
		return regs->dx;
	default:
		bpf_probe_read_user(&flags, sizeof(flags), (void *)regs->dx);
		return flags;
	}
}

static __always_inline struct file *descriptor_file(struct task_struct *task, __u64 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

static __always_inline int standin_open(struct task_struct *task, struct lutra_task *e, __u64 flags,
					__u64 fd)
{
	struct file *file = descriptor_file(task, fd);
	struct lutra_scratch *s;
	__u32 mode;

	if (!file)
		return 0;
	mode = BPF_CORE_READ(file, f_mode);
	if (mode & FMODE_PATH)
		return 0;
	s = scratch_get(task);
	if (!s)
		return 0;
	standin_begin(s, LUTRA_OP_OPEN);
	if (mode & FMODE_WRITE || flags & O_CREAT_TRUNC_APPEND)
		s->object.flags = LUTRA_OBJ_WRITE;
	file_describe(s, (__u64)file, 0);
	object_event(e, s);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(lutra_sys_exit, struct pt_regs *regs, long ret)
{
	struct lutra_slot *slot;
	struct task_struct *task;
	struct lutra_task *e;
	__u32 nr = (__u32)regs->orig_ax;

	if (ret < 0 || (nr != NR_OPENAT && nr != NR_OPEN && nr != NR_CREAT && nr != NR_OPENAT2))
		return 0;
	task = bpf_get_current_task_btf();
	e = task_live(task, &slot);
	/* e->nr differs where the number came through a foreign entry. */
	if (!e || e->flags & TASK_PENDING || e->nr != nr)
		return 0;
	if (slot->mode == LUTRA_MODE_LEARN && !(slot->flags & LUTRA_SLOT_RECORD))
		return 0;
	return standin_open(task, e, open_flags(regs, nr), (__u64)ret);
}

char LICENSE[] SEC("license") = "GPL";
