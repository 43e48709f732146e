/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fallback, where the LSM programs do not load: the same objects by the same code, but seen
 * when the operation is over, or before the kernel copies its arguments.
 *
 * Hooks: tracepoint          the exit of each syscall in include/lutra/fallback.h:
 *                              opens                  the file of the new descriptor
 *                              executable mappings    the file that is mapped
 *                              operations on names    the path as the caller wrote it
 *        tp_btf/sys_exit     the same events, where syscalls have no tracepoints of their own;
 *                            it costs every syscall
 *        (called by)         tp_btf/sys_enter: socket addresses
 *                            tp_btf/sched_process_exec: programs
 * Maps: tasks, scratch, slots, and those of the judgement.
 * Fails: open. Verdicts kill, nothing is refused. Not seen are: what io_uring or a 32-bit entry
 * does; operations that fail; capabilities and hooks without an object; the true name or address,
 * if another thread rewrites it in time. Symbolic links and ".." in names are not followed, and a
 * changed name is not known to be a directory's. A syscall's own tracepoint is passed over while
 * the processor's last task was stopped in the middle of a map's system call.
 */
#include "kern/hooks/fallback.bpf.h"
#include "kern/verdict/verdict.bpf.h"
#include "lutra/fallback.h"

static __always_inline void fallback_begin(struct lutra_scratch *s, const struct lutra_task *e,
					   __u32 op)
{
	scratch_begin(s, e, 0);
	s->object.op = (__u8)op;
}

/* Judges the address of a connect, bind or message, at the entry of the syscall. */
__noinline int fallback_address(struct lutra_task *e, struct lutra_scratch *s, __u64 user,
				__u32 len)
{
	__u32 op = LUTRA_OP_SEND;

	if (!e || !s || len > SOCKADDR_BYTES)
		return 0;
	if (e->nr == LUTRA_NR_BIND)
		op = LUTRA_OP_BIND;
	else if (e->nr == LUTRA_NR_CONNECT)
		op = LUTRA_OP_CONNECT;
	fallback_begin(s, e, op);
	__builtin_memset(s->input.bytes, 0, SOCKADDR_BYTES + 8);
	if (bpf_probe_read_user(s->input.bytes, len, (void *)user))
		return 0;
	s->input.len = len;
	sockaddr_describe(s);
	return object_judge(e, s);
}

/* Judges the name of a script: the kernel has replaced its file by the interpreter. */
static __noinline int fallback_script(struct lutra_task *e, struct lutra_scratch *s, __u64 name)
{
	long len;

	if (!e || !s)
		return 0;
	fallback_begin(s, e, LUTRA_OP_EXEC);
	s->object.flags = LUTRA_OBJ_PATH;
	s->object.mode = 0100755;
	len = bpf_probe_read_kernel_str(s->input.bytes, INPUT_BYTES, (void *)name);
	s->input.len = len <= 0 || len >= INPUT_BYTES ? INPUT_BYTES + 1 : (__u32)len - 1;
	path_from_input(s, AT_FDCWD);
	return object_judge(e, s);
}

/* Judges a program that was just executed. To be called before the role moves on. */
__noinline int fallback_exec(struct lutra_task *e, struct lutra_scratch *s, __u64 binprm)
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
		fallback_script(e, s, (__u64)name);
	fallback_begin(s, e, LUTRA_OP_EXEC);
	file_describe(s, (__u64)BPF_CORE_READ(bprm, file), slot->start_realtime_ns);
	return object_judge(e, s);
}

/* Returns the flags of an open: from the arguments that the entry kept, or from memory. */
static __always_inline __u64 open_flags(const struct lutra_task *e, __u32 nr)
{
	__u64 flags = 0;

	if (nr == LUTRA_NR_CREAT)
		return O_CREAT_TRUNC_APPEND;
	if (nr == LUTRA_NR_OPEN)
		return e->args[0];
	if (nr == LUTRA_NR_OPENAT2)
		bpf_probe_read_user(&flags, sizeof(flags), (void *)e->args[1]);
	else
		flags = e->args[1];
	return flags;
}

/* Describes a descriptor of the current task, as descriptor_describe(). */
static __always_inline int describe_own_descriptor(struct lutra_scratch *s,
						   const struct task_struct *task, __u32 fd,
						   __u64 fresh_after_ns)
{
	return descriptor_describe(s, kernel_address(s, task->files), fd, fresh_after_ns);
}

static __always_inline int fallback_open(struct lutra_task *e, struct lutra_scratch *s,
					 const struct task_struct *task, __u64 flags, __u32 fd)
{
	__u32 write = flags & O_CREAT_TRUNC_APPEND ? LUTRA_OBJ_WRITE : 0;

	if (!open_describe(e, s, kernel_address(s, task->files), fd, write))
		return 0;
	object_judge(e, s);
	return s->open_cache.index ? open_cache_add(s) : 0;
}

/* Judges memory that was mapped executable, or became so. */
static __always_inline int fallback_map(struct lutra_task *e, struct lutra_scratch *s,
					const struct pt_regs *regs, __u32 nr, __u64 fresh_after_ns)
{
	if (!(regs->dx & PROT_EXEC))
		return 0;
	if (regs->dx & PROT_WRITE) {
		fallback_begin(s, e, LUTRA_OP_WX);
		s->object.mode = nr == LUTRA_NR_MMAP ? LUTRA_NR_MMAP : LUTRA_NR_MPROTECT;
		pathless_judge(e, s);
	}
	if (nr != LUTRA_NR_MMAP || regs->r10 & MAP_ANONYMOUS)
		return 0;
	fallback_begin(s, e, LUTRA_OP_MAPX);
	if (describe_own_descriptor(s, bpf_get_current_task_btf(), (__u32)regs->r8,
				    fresh_after_ns) == -1)
		return 0;
	return object_judge(e, s);
}

/* Sets operation and mode of a name. Returns false if another event covers the operation. */
static __always_inline bool fallback_name_begin(struct lutra_task *e, struct lutra_scratch *s,
						__u32 op, __u32 mode)
{
	if (op == LUTRA_OP_UNLINK && mode & AT_REMOVEDIR)
		op = LUTRA_OP_RMDIR;
	fallback_begin(s, e, op);
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

/* Judges an operation on an open file. */
static __noinline int fallback_descriptor(struct lutra_task *e, struct lutra_scratch *s, __u32 fd)
{
	if (!e || !s || describe_own_descriptor(s, bpf_get_current_task_btf(), fd, 0) == -1)
		return 0;
	return object_judge(e, s);
}

static __noinline int fallback_path(struct lutra_task *e, struct lutra_scratch *s, __u64 path,
				    __u32 dir)
{
	long len;

	if (!e || !s)
		return 0;
	len = bpf_probe_read_user_str(s->input.bytes, INPUT_BYTES, (void *)path);
	s->input.len = len <= 0 || len >= INPUT_BYTES ? INPUT_BYTES + 1 : (__u32)len - 1;
	path_from_input(s, dir);
	return object_judge(e, s);
}

static __always_inline int fallback_name(struct lutra_task *e, struct lutra_scratch *s,
					 const struct pt_regs *regs,
					 const struct lutra_fallback_name *n)
{
	__u32 dir = n->dir ? (__u32)syscall_arg(regs, n->dir) : AT_FDCWD;

	if (!fallback_name_begin(e, s, n->op, n->mode ? (__u32)syscall_arg(regs, n->mode) : 0))
		return 0;
	if (!n->path)
		return fallback_descriptor(e, s, dir);
	return fallback_path(e, s, syscall_arg(regs, n->path), dir);
}

/*
 * Returns the scratch of the CPU. A syscall's own tracepoint runs with preemption off, on every
 * kernel.
 */
static __always_inline struct lutra_scratch *scratch_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch_cpu, &zero);
}

/*
 * Judges a syscall of a task that returned ret. regs NULL: called by the syscall's own tracepoint.
 */
static __always_inline int fallback_exit(struct task_struct *task, const struct pt_regs *regs,
					 __u32 nr, __u64 ret)
{
	const struct lutra_fallback_name *names = lutra_fallback_names[nr & (LUTRA_NR - 1)];
	struct lutra_scratch *s;
	struct lutra_slot *slot;
	struct lutra_task *e = task_live(task, &slot);

	/* e->nr differs where the number came through a foreign entry. */
	if (!e || e->flags & TASK_PENDING || e->nr != nr)
		return 0;
	if (slot->mode == LUTRA_MODE_LEARN && !(slot->flags & LUTRA_SLOT_RECORD))
		return 0;
	s = regs ? scratch_get(task) : scratch_of_cpu();
	if (!s)
		return 0;
	if (lutra_is_open_syscall(nr))
		return fallback_open(e, s, task, open_flags(e, nr), (__u32)ret);
	if (!regs)
		regs = (const struct pt_regs *)bpf_task_pt_regs(task);
	if (lutra_is_map_syscall(nr))
		return fallback_map(e, s, regs, nr, slot->start_realtime_ns);
	fallback_name(e, s, regs, &names[0]);
	if (names[1].op)
		fallback_name(e, s, regs, &names[1]);
	return 0;
}

static __always_inline bool has_failed(long ret)
{
	return ret < 0 && ret > -4096;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(lutra_sys_exit, struct pt_regs *regs, long ret)
{
	__u64 nr = regs->orig_ax;

	if (nr >= LUTRA_NR || has_failed(ret))
		return 0;
	LUTRA_OPAQUE(nr);
	if (!lutra_is_fallback_syscall((__u32)nr))
		return 0;
	return fallback_exit(bpf_get_current_task_btf(), regs, (__u32)nr, (__u64)ret);
}

SEC("tracepoint")
int lutra_syscall_exit(struct trace_event_raw_sys_exit *ctx)
{
	__u64 nr = (__u32)ctx->id;
	long ret = ctx->ret;

	if (nr >= LUTRA_NR || has_failed(ret))
		return 0;
	LUTRA_OPAQUE(nr);
	return fallback_exit(bpf_get_current_task_btf(), NULL, (__u32)nr, (__u64)ret);
}

char LICENSE[] SEC("license") = "GPL";
