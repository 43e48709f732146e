/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What stands in for the LSM hooks where their programs do not load: the same objects by the same
 * code, but seen when the operation is over, or before its arguments are copied.
 *
 * Hooks: tracepoint        the exit of each call that include/lutra/fallback.h lists: opens (the
 * file of the new descriptor), executable mappings, operations on names (the path as the caller
 * wrote it) tp_btf/sys_exit   the same, where calls have no tracepoints of their own; costs every
 * call (called from tp_btf/sys_enter: addresses; from tp_btf/sched_process_exec: programs) Maps:
 * tasks, scratch, slots, and what the judging uses. Fails: open. Not seen: what io_uring or a
 * 32-bit entry does, what fails, capabilities and hooks without an object; where another thread
 * rewrites a name or address in time, the true one. Symbolic links and ".." in names are not
 * followed, and whether a changed name is a directory's is not known. A call's own tracepoint is
 * passed over while the processor's last task was stopped in the middle of a map's system call.
 * Nothing can be refused; verdicts kill.
 */
#include "kern/state/kernel.bpf.h"
#include "lutra/fallback.h"

static __always_inline void standin_begin(struct lutra_scratch *s, const struct lutra_task *e,
					  __u32 op)
{
	scratch_begin(s, e, 0);
	s->object.op = (__u8)op;
}

/* The address of a connect, bind or message, at its entry. */
__noinline int standin_address(struct lutra_task *e, struct lutra_scratch *s, __u64 uaddr,
			       __u32 len)
{
	__u32 op = LUTRA_OP_SEND;

	if (!e || !s || len > SOCKADDR_BYTES)
		return 0;
	if (e->nr == NR_BIND)
		op = LUTRA_OP_BIND;
	else if (e->nr == NR_CONNECT)
		op = LUTRA_OP_CONNECT;
	standin_begin(s, e, op);
	__builtin_memset(s->source, 0, SOCKADDR_BYTES + 8);
	if (bpf_probe_read_user(s->source, len, (void *)uaddr))
		return 0;
	s->source_len = len;
	return address_event(e, s, op);
}

/* The name of a script, which the kernel has replaced by its interpreter. */
static __noinline int standin_script(struct lutra_task *e, struct lutra_scratch *s, __u64 name)
{
	long len;

	if (!e || !s)
		return 0;
	standin_begin(s, e, LUTRA_OP_EXEC);
	s->object.flags = LUTRA_OBJ_PATH;
	s->object.mode = 0100755;
	len = bpf_probe_read_kernel_str(s->source, SOURCE_BYTES, (void *)name);
	s->source_len = len <= 0 || len >= SOURCE_BYTES ? SOURCE_BYTES + 1 : (__u32)len - 1;
	path_source(s, AT_FDCWD);
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
	standin_begin(s, e, LUTRA_OP_EXEC);
	file_describe(s, (__u64)BPF_CORE_READ(bprm, file), slot->start_realtime_ns);
	return object_event(e, s);
}

/* Flags of an open: what the entry noted, or where they lie in memory. */
static __always_inline __u64 open_flags(const struct lutra_task *e, __u32 nr)
{
	__u64 flags = 0;

	if (nr == LUTRA_CALL_CREAT)
		return O_CREAT_TRUNC_APPEND;
	if (nr == LUTRA_CALL_OPEN)
		return e->args[0];
	if (nr == LUTRA_CALL_OPENAT2)
		bpf_probe_read_user(&flags, sizeof(flags), (void *)e->args[1]);
	else
		flags = e->args[1];
	return flags;
}

/* The object of a descriptor of the current task; as descriptor_describe(). */
static __always_inline int own_descriptor(struct lutra_scratch *s, const struct task_struct *task,
					  __u32 fd, __u64 fresh_after_ns)
{
	return descriptor_describe(s, address_of(s, task->files), fd, fresh_after_ns);
}

static __always_inline int standin_open(struct lutra_task *e, struct lutra_scratch *s,
					const struct task_struct *task, __u64 flags, __u32 fd)
{
	__u32 write = flags & O_CREAT_TRUNC_APPEND ? LUTRA_OBJ_WRITE : 0;

	if (!open_describe(e, s, address_of(s, task->files), fd, write))
		return 0;
	object_event(e, s);
	return s->known_at ? open_keep(s) : 0;
}

/* Memory mapped or made executable. */
static __always_inline int standin_map(struct lutra_task *e, struct lutra_scratch *s,
				       const struct pt_regs *regs, __u32 nr, __u64 fresh_after_ns)
{
	if (!(regs->dx & PROT_EXEC))
		return 0;
	if (regs->dx & PROT_WRITE) {
		standin_begin(s, e, LUTRA_OP_WX);
		s->object.mode = nr == LUTRA_CALL_MMAP ? LUTRA_CALL_MMAP : LUTRA_CALL_MPROTECT;
		plain_event(e, s);
	}
	if (nr != LUTRA_CALL_MMAP || regs->r10 & MAP_ANONYMOUS)
		return 0;
	standin_begin(s, e, LUTRA_OP_MAPX);
	if (own_descriptor(s, bpf_get_current_task_btf(), (__u32)regs->r8, fresh_after_ns) == -1)
		return 0;
	return object_event(e, s);
}

/* Operation and mode of a name; false: another event already stands for it. */
static __always_inline bool name_begin(struct lutra_task *e, struct lutra_scratch *s, __u32 op,
				       __u32 mode)
{
	if (op == LUTRA_OP_UNLINK && mode & AT_REMOVEDIR)
		op = LUTRA_OP_RMDIR;
	standin_begin(s, e, op);
	s->object.flags = LUTRA_OBJ_PATH;
	if (op == LUTRA_OP_MKDIR || op == LUTRA_OP_RMDIR)
		s->object.mode = S_IFDIR;
	else if (op == LUTRA_OP_SYMLINK)
		s->object.mode = S_IFLNK;
	else if (op == LUTRA_OP_MKNOD)
		s->object.mode = mode & S_IFMT;
	else
		s->object.mode = S_IFREG;
	if ((op == LUTRA_OP_CHMOD || op == LUTRA_OP_MKNOD) && mode & MODE_XS)
		s->object.flags |= LUTRA_OBJ_XBIT;
	return op != LUTRA_OP_MKNOD ||
	       (s->object.mode != S_IFREG && s->object.mode != S_IFSOCK && s->object.mode != 0);
}

/* The object is an open file's. */
static __noinline int standin_descriptor(struct lutra_task *e, struct lutra_scratch *s, __u32 fd)
{
	if (!e || !s || own_descriptor(s, bpf_get_current_task_btf(), fd, 0) == -1)
		return 0;
	return object_event(e, s);
}

static __noinline int standin_path(struct lutra_task *e, struct lutra_scratch *s, __u64 path,
				   __u32 dir)
{
	long len;

	if (!e || !s)
		return 0;
	len = bpf_probe_read_user_str(s->source, SOURCE_BYTES, (void *)path);
	s->source_len = len <= 0 || len >= SOURCE_BYTES ? SOURCE_BYTES + 1 : (__u32)len - 1;
	path_source(s, dir);
	return object_event(e, s);
}

static __always_inline int standin_name(struct lutra_task *e, struct lutra_scratch *s,
					const struct pt_regs *regs,
					const struct lutra_standin_name *n)
{
	__u32 dir = n->dir ? (__u32)call_arg(regs, n->dir) : AT_FDCWD;

	if (!name_begin(e, s, n->op, n->mode ? (__u32)call_arg(regs, n->mode) : 0))
		return 0;
	if (!n->path)
		return standin_descriptor(e, s, dir);
	return standin_path(e, s, call_arg(regs, n->path), dir);
}

/* Of the processor: a call's own tracepoint runs with preemption off, on every kernel. */
static __always_inline struct lutra_scratch *scratch_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch_cpu, &zero);
}

/* A call of a task is over: ret. regs NULL: a call's own tracepoint says so. */
static __always_inline int standin_exit(struct task_struct *task, const struct pt_regs *regs,
					__u32 nr, __u64 ret)
{
	const struct lutra_standin_name *names = lutra_standin_names[nr & (LUTRA_NR - 1)];
	struct lutra_scratch *s;
	struct lutra_slot *slot;
	struct lutra_task *e = task_live(task, &slot);

	/* e->nr differs where the number came through a foreign entry. */
	if (!e || e->flags & TASK_PENDING || e->nr != nr)
		return 0;
	if (slot->mode == LUTRA_MODE_LEARN && !(slot->flags & LUTRA_SLOT_RECORD))
		return 0;
	s = regs ? scratch_get(task) : scratch_here();
	if (!s)
		return 0;
	if (lutra_standin_open(nr))
		return standin_open(e, s, task, open_flags(e, nr), (__u32)ret);
	if (!regs)
		regs = (const struct pt_regs *)bpf_task_pt_regs(task);
	if (lutra_standin_map(nr))
		return standin_map(e, s, regs, nr, slot->start_realtime_ns);
	standin_name(e, s, regs, &names[0]);
	if (names[1].op)
		standin_name(e, s, regs, &names[1]);
	return 0;
}

static __always_inline bool failed(long ret)
{
	return ret < 0 && ret > -4096;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(lutra_sys_exit, struct pt_regs *regs, long ret)
{
	__u64 nr = regs->orig_ax;

	if (nr >= LUTRA_NR || failed(ret))
		return 0;
	LUTRA_OPAQUE(nr);
	if (!lutra_standin_call((__u32)nr))
		return 0;
	return standin_exit(bpf_get_current_task_btf(), regs, (__u32)nr, (__u64)ret);
}

SEC("tracepoint")
int lutra_call_exit(struct trace_event_raw_sys_exit *ctx)
{
	__u64 nr = (__u32)ctx->id;
	long ret = ctx->ret;

	if (nr >= LUTRA_NR || failed(ret))
		return 0;
	LUTRA_OPAQUE(nr);
	return standin_exit(bpf_get_current_task_btf(), NULL, (__u32)nr, (__u64)ret);
}

char LICENSE[] SEC("license") = "GPL";
