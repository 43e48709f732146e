/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fallback for kernels that do not load LSM programs. Tracepoints find the objects that the LSM
 * hooks would find, and the same code judges them. A tracepoint sees an operation after it is done
 * or, for a socket address, before the kernel has copied the address.
 *
 * Hooks: tracepoint          the exit of each syscall in include/lutra/fallback.h:
 *                              opens                  the file of the new descriptor
 *                              executable mappings    the file that is mapped
 *                              operations on names    the path as the caller wrote it
 *        tp_btf/sys_exit     the same events, where syscalls have no tracepoints of their own;
 *                            this program runs at the exit of every syscall of every task
 *        (called by)         tp_btf/sys_enter: socket addresses
 *                            tp_btf/sched_process_exec: programs
 * Maps: tasks, scratch, slots, written, and the maps that verdict.bpf.c uses.
 * Fails: open. A verdict can kill the task, but cannot refuse the operation. The fallback does not
 * see:
 *   - operations of io_uring and of 32-bit or x32 syscalls, operations that fail, capabilities, and
 *     hooks that have no object
 *   - the real name or address, if another thread of the process changes the string between the
 *     kernel's read and the read here
 *   - where a symbolic link or a ".." in a name leads, and that a name which is renamed, linked or
 *     changed is a directory: it is judged as a file
 *   - that mknod gives a plain file the rights of its owner or group (setuid, setgid)
 *   - a syscall on a CPU where another task was preempted inside bpf(2) on a map: the kernel skips
 *     the program of a syscall's own tracepoint then
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

/*
 * Judges the socket address of a connect, a bind or a sent message, at the entry of the syscall.
 * user: the address in the task's memory, len bytes. peer: FALLBACK_PEER().
 */
__noinline int fallback_address(struct lutra_task *e, struct lutra_scratch *s, __u64 user,
				__u32 len, __u64 peer)
{
	__u32 protocol;

	if (!e || !s || len > SOCKADDR_BYTES)
		return 0;
	fallback_begin(s, e, (__u32)(peer >> 32) & 0xff);
	__builtin_memset(s->input.bytes, 0, SOCKADDR_BYTES + 8);
	if (bpf_probe_read_user(s->input.bytes, len, (void *)user))
		return 0;
	s->input.len = len;
	sockaddr_describe(s);
	protocol = (__u32)descriptor_protocol((__u32)peer);
	transport_describe(s, protocol);
	if (peer & FALLBACK_FAST_OPEN && lutra_is_fast_open(protocol))
		s->object.op = LUTRA_OP_CONNECT;
	return object_judge(e, s);
}

/* Notes what the task runs at the entry of an execution: at its end the kernel runs the new program. */
__noinline int fallback_exec_enter(struct lutra_task *e, struct lutra_scratch *s)
{
	if (!e || !s)
		return 0;
	fallback_begin(s, e, LUTRA_OP_EXEC);
	return starter_describe(e, s);
}

/*
 * Judges a script by its name, which is all that is left of it: when exec is over, the kernel has
 * put the interpreter's file in place of the script's. name: kernel address of a string.
 */
static __noinline int fallback_script(struct lutra_task *e, struct lutra_scratch *s, __u64 name)
{
	long len;

	if (!e || !s)
		return 0;
	fallback_begin(s, e, LUTRA_OP_EXEC);
	s->object.flags = LUTRA_OBJ_PATH;
	s->object.mode = 0100755; /* a regular file that is executable */
	/* A len over INPUT_BYTES: the name could not be read, or is too long. */
	len = bpf_probe_read_kernel_str(s->input.bytes, INPUT_BYTES, (void *)name);
	s->input.len = len <= 0 || len >= INPUT_BYTES ? INPUT_BYTES + 1 : (__u32)len - 1;
	path_from_input(s, AT_FDCWD);
	return object_judge(e, s);
}

/*
 * Judges a program that was just executed, and its script if there is one. Call it before the exec
 * changes the task's role. binprm: address of the struct linux_binprm.
 */
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
	session_check_program(e, s);
	object_judge(e, s);
	starter_forget(s);
	return 0;
}

/*
 * Returns the open(2) flags of an open syscall, from the arguments that its entry stored in e. The
 * flags of openat2 are in the task's memory.
 */
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

/* Calls descriptor_describe() for a descriptor of the current task. */
static __always_inline int describe_own_descriptor(struct lutra_scratch *s,
						   const struct task_struct *task, __u32 fd,
						   __u64 fresh_after_ns)
{
	return descriptor_describe(s, kernel_address(s, task->files), fd, fresh_after_ns);
}

/* Notes who writes the file of descriptor fd, and whether a session reads it. */
static __always_inline int note_open(struct lutra_task *e, struct lutra_scratch *s,
				     const struct task_struct *task, __u32 fd)
{
	s->flags = 0;
	return descriptor_note(e, s, kernel_address(s, task->files), fd);
}

/* Returns true if an open is to be noted. flags: of open(2). */
static __always_inline bool is_open_noted(const struct lutra_task *e, __u64 flags)
{
	return flags & (O_ACCMODE | O_CREAT_TRUNC_APPEND) || e->exec_session;
}

/*
 * Judges a file that was opened as fd, and caches the judgement if the open cache has room. A file
 * that is in the cache already is not judged again.
 */
static __always_inline int fallback_open(struct lutra_task *e, struct lutra_scratch *s,
					 const struct task_struct *task, __u64 flags, __u32 fd)
{
	__u32 write = flags & O_CREAT_TRUNC_APPEND ? LUTRA_OBJ_WRITE : 0;

	if (open_describe(e, s, kernel_address(s, task->files), fd, write)) {
		object_judge(e, s);
		if (s->open_cache.index)
			open_cache_add(s);
	}
	return is_open_noted(e, flags) ? note_open(e, s, task, fd) : 0;
}

/*
 * Judges memory that mmap, mprotect or pkey_mprotect made executable: as WX if it is writable too, as
 * MAPX if mmap mapped a file, and else as WX_LATER. What mprotect made executable may be a file's
 * alone.
 */
static __always_inline int fallback_map(struct lutra_task *e, struct lutra_scratch *s,
					const struct pt_regs *regs, __u32 nr, __u64 fresh_after_ns)
{
	bool is_file;

	if (!(regs->dx & PROT_EXEC))
		return 0;
	is_file = nr == LUTRA_NR_MMAP && !(regs->r10 & MAP_ANONYMOUS);
	if (regs->dx & PROT_WRITE || !is_file) {
		fallback_begin(s, e, regs->dx & PROT_WRITE ? LUTRA_OP_WX : LUTRA_OP_WX_LATER);
		/* pkey_mprotect counts as mprotect. */
		s->object.mode = nr == LUTRA_NR_MMAP ? LUTRA_NR_MMAP : LUTRA_NR_MPROTECT;
		pathless_judge(e, s);
	}
	if (!is_file)
		return 0;
	fallback_begin(s, e, LUTRA_OP_MAPX);
	if (describe_own_descriptor(s, bpf_get_current_task_btf(), (__u32)regs->r8,
				    fresh_after_ns) == -1)
		return 0;
	session_check_program(e, s);
	return object_judge(e, s);
}

/*
 * Begins an event of an operation on a name: sets its operation and the file type. mode: the
 * syscall's mode or flags; 0: it has none. The mknod of a plain file is an open for writing, as in
 * lsm_path.bpf.c.
 */
static __always_inline void fallback_name_begin(struct lutra_task *e, struct lutra_scratch *s,
						__u32 op, __u32 mode)
{
	__u32 type = mode & S_IFMT;

	if (op == LUTRA_OP_UNLINK && mode & AT_REMOVEDIR)
		op = LUTRA_OP_RMDIR;
	if (op == LUTRA_OP_MKNOD && (type == 0 || type == S_IFREG))
		op = LUTRA_OP_OPEN;
	fallback_begin(s, e, op);
	s->object.flags = LUTRA_OBJ_PATH;
	if (op == LUTRA_OP_MKDIR || op == LUTRA_OP_RMDIR)
		s->object.mode = S_IFDIR;
	else if (op == LUTRA_OP_SYMLINK)
		s->object.mode = S_IFLNK;
	else if (op == LUTRA_OP_MKNOD)
		s->object.mode = type;
	else
		s->object.mode = S_IFREG;
	if (op == LUTRA_OP_OPEN)
		s->object.flags |= LUTRA_OBJ_WRITE;
	if ((op == LUTRA_OP_CHMOD || op == LUTRA_OP_MKNOD) && mode & MODE_XS)
		s->object.flags |= LUTRA_OBJ_XBIT;
}

/* Judges an operation that names its file by the open descriptor fd. */
static __noinline int fallback_descriptor(struct lutra_task *e, struct lutra_scratch *s, __u32 fd)
{
	if (!e || !s || describe_own_descriptor(s, bpf_get_current_task_btf(), fd, 0) == -1)
		return 0;
	return object_judge(e, s);
}

/*
 * Judges an operation that names its file by a path in the task's memory. dir: the descriptor that
 * a relative path starts at, or AT_FDCWD.
 */
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

/* Judges one name of a syscall. n: where the syscall's arguments hold it. */
static __always_inline int fallback_name(struct lutra_task *e, struct lutra_scratch *s,
					 const struct pt_regs *regs,
					 const struct lutra_fallback_name *n)
{
	__u32 dir = n->dir ? (__u32)syscall_arg(regs, n->dir) : AT_FDCWD;

	fallback_name_begin(e, s, n->op, n->mode ? (__u32)syscall_arg(regs, n->mode) : 0);
	if (!n->path)
		return fallback_descriptor(e, s, dir);
	return fallback_path(e, s, syscall_arg(regs, n->path), dir);
}

/* Returns true if a syscall exchanged two files, of which each got the other's name. */
static __always_inline bool is_exchange(const struct pt_regs *regs, __u32 nr)
{
	return nr == LUTRA_NR_RENAMEAT2 && regs->r8 & RENAME_EXCHANGE;
}

/*
 * Returns the scratch of the CPU, for the programs of syscalls' own tracepoints: every kernel runs
 * them with preemption off, so no other task uses it meanwhile.
 */
static __always_inline struct lutra_scratch *scratch_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch_cpu, &zero);
}

/*
 * Judges syscall nr of the current task, which succeeded and returned ret. regs: the task's
 * registers; NULL: the caller is the program of the syscall's own tracepoint, which has none.
 */
static __always_inline int fallback_exit(struct task_struct *task, const struct pt_regs *regs,
					 __u32 nr, __u64 ret)
{
	/* The other way round of what lutra_fallback_names has of renameat2. */
	static const struct lutra_fallback_name exchanged[2] = {
		{LUTRA_OP_RENAME_FROM, 3, 4, 0},
		{LUTRA_OP_RENAME_TO, 1, 2, 0},
	};
	const struct lutra_fallback_name *names = lutra_fallback_names[nr & (LUTRA_NR - 1)];
	struct lutra_scratch *s;
	struct lutra_slot *slot;
	struct lutra_task *e = task_live(task, &slot);
	bool passive;

	/* e->nr differs for a 32-bit or x32 syscall, whose numbers mean other syscalls. */
	if (!e || e->flags & TASK_PENDING || e->nr != nr)
		return 0;
	passive = is_passive(slot);
	if (passive && !(lutra_is_open_syscall(nr) && is_open_noted(e, open_flags(e, nr))))
		return 0;
	s = regs ? scratch_get(task) : scratch_of_cpu();
	if (!s) {
		if (unjudged_refuse(e, LUTRA_OP_OPEN))
			kill_current(e->slot);
		return 0;
	}
	/* As in lsm_file.bpf.c. */
	if (passive)
		return note_open(e, s, task, (__u32)ret);
	if (lutra_is_open_syscall(nr))
		return fallback_open(e, s, task, open_flags(e, nr), (__u32)ret);
	if (!regs)
		regs = (const struct pt_regs *)bpf_task_pt_regs(task);
	if (lutra_is_map_syscall(nr))
		return fallback_map(e, s, regs, nr, slot->start_realtime_ns);
	fallback_name(e, s, regs, &names[0]);
	if (names[1].op)
		fallback_name(e, s, regs, &names[1]);
	if (is_exchange(regs, nr)) {
		fallback_name(e, s, regs, &exchanged[0]);
		fallback_name(e, s, regs, &exchanged[1]);
	}
	return 0;
}

/* Returns true if a syscall returned an error: -4095 to -1. */
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
