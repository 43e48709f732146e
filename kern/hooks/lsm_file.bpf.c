/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The LSM hooks of opens, executions and mappings of files.
 *
 * Hooks: lsm/file_open              opens, except those of an execution
 *        lsm/bprm_check_security    executions; a script's interpreter too
 *        lsm/bprm_committed_creds   from here to the program's start the kernel maps it
 *        lsm/mmap_file              files mapped executable; memory writable and executable, and
 *                                   executable memory without a file
 *        lsm/file_mprotect          memory that becomes so later; memory that becomes executable and
 *                                   has other bytes than those of a file
 * Maps: tasks, scratch, slots, written, and those of the judgement.
 * Fails: as hook.bpf.h.
 */
#include "kern/hooks/hook.bpf.h"

/* Judges a file that is executed, or mapped executable. Returns 1 to refuse. */
static __always_inline int program_judge(const struct file *file, __u32 op)
{
	struct hook_frame f;

	if (!hook_enter(&f) || is_passive(f.slot))
		return 0;
	if (op == LUTRA_OP_MAPX && f.e->flags & TASK_EXECING)
		return 0;
	if (!event_begin(&f, op))
		return is_denied_without_scratch(&f, op);
	if (op == LUTRA_OP_EXEC)
		starter_describe(f.e, f.s);
	file_describe(f.s, kernel_address(f.s, file), f.slot->start_realtime_ns);
	session_check_program(f.e, f.s);
	return object_judge(f.e, f.s);
}

/* Judges the open of a file in f. flags: LUTRA_OBJ_*. Returns 1 to refuse. */
static __always_inline int open_judge(struct hook_frame *f, const struct file *file, __u32 flags)
{
	int refuse;

	if (!open_describe(f->e, f->s, kernel_address(f->s, file), NO_FD, flags))
		return 0;
	refuse = object_judge(f->e, f->s);
	if (f->s->open_cache.index)
		open_cache_add(f->s);
	return refuse;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(lutra_bprm_check_security, struct linux_binprm *bprm)
{
	return deny_if(program_judge(bprm->file, LUTRA_OP_EXEC));
}

SEC("lsm/bprm_committed_creds")
int BPF_PROG(lutra_bprm_committed_creds, struct linux_binprm *bprm)
{
	struct lutra_slot *slot = NULL;
	struct lutra_task *e = task_live(bpf_get_current_task_btf(), &slot);

	if (e)
		e->flags |= TASK_EXECING;
	return 0;
}

SEC("lsm/file_open")
int BPF_PROG(lutra_file_open, struct file *file)
{
	struct hook_frame f;
	__u32 flags, mode;
	bool passive, is_truncating;

	flags = file->f_flags;
	mode = file->f_mode;
	if (flags & FMODE_EXEC || mode & FMODE_NOACCOUNT || !hook_enter(&f))
		return 0;
	/*
	 * Who writes a file, and what sessions read, counts also where opens are not judged: a policy
	 * may come later.
	 */
	passive = is_passive(f.slot);
	if (passive && !(mode & FMODE_WRITE) && !f.e->exec_session)
		return 0;
	if (!event_begin(&f, LUTRA_OP_OPEN)) {
		f.e->truncated = 0;
		return deny_if(is_denied_without_scratch(&f, LUTRA_OP_OPEN));
	}
	/* Overlayfs lists a directory of a layer, or copies a file: the open of its own file was judged. */
	if (is_by_file_system() && file_is_of_layer(kernel_address(f.s, file)))
		return 0;
	f.e->truncated = 0;
	is_truncating = flags & O_TRUNC && !(mode & FMODE_CREATED);
	flags = flags & O_CREAT_TRUNC_APPEND ? LUTRA_OBJ_WRITE : 0;
	if (!passive && open_judge(&f, file, flags))
		return deny();
	if (is_truncating) {
		f.e->truncated = (__u64)file->f_path.dentry;
		if (!(f.flags & EVENT_WORKER))
			f.e->flags |= TASK_TRUNCATES;
	}
	if (mode & FMODE_WRITE)
		written_note(f.e, f.s, kernel_address(f.s, file));
	/* The copy of a file of the image, which overlayfs makes, is no reading of the session. */
	if (mode & FMODE_READ && f.e->exec_session && !is_by_file_system())
		read_note(f.e, f.s, kernel_address(f.s, file));
	return 0;
}

/*
 * Judges memory that is writable and executable at once (LUTRA_OP_WX), or that becomes executable and
 * may have been written before (LUTRA_OP_WX_LATER). nr: of the syscall.
 */
static __always_inline int wx_judge(__u32 op, __u32 nr)
{
	struct hook_frame f;

	if (!hook_enter(&f) || is_passive(f.slot) || f.e->flags & TASK_EXECING)
		return 0;
	if (!event_begin(&f, op))
		return is_denied_without_scratch(&f, op);
	f.s->object.mode = (__u16)nr;
	return pathless_judge(f.e, f.s);
}

/*
 * Returns an argument of a hook as a number. The 6.12 verifier takes a pointer that a hook is given for
 * one that is never NULL, and drops the code for NULL. mmap_file has no file for memory without one.
 */
static __always_inline __u64 hook_argument(const unsigned long long *ctx, __u32 index)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + index);
	return value;
}

SEC("lsm/mmap_file")
int BPF_PROG(lutra_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot)
{
	if (!(prot & PROT_EXEC))
		return 0;
	if (prot & PROT_WRITE && wx_judge(LUTRA_OP_WX, LUTRA_NR_MMAP))
		return deny();
	if (hook_argument(ctx, 0))
		return deny_if(program_judge(file, LUTRA_OP_MAPX));
	return deny_if(!(prot & PROT_WRITE) && wx_judge(LUTRA_OP_WX_LATER, LUTRA_NR_MMAP));
}

/*
 * Returns true if memory holds no bytes but those of a file: it maps one, and no page of it was
 * written and so copied. A shared mapping has the bytes of its file always.
 */
static __always_inline bool is_of_file_alone(const struct vm_area_struct *vma)
{
	const struct anon_vma *copied = vma->anon_vma;

	return vma->vm_file && (vma->vm_flags & VM_SHARED || !copied);
}

SEC("lsm/file_mprotect")
int BPF_PROG(lutra_file_mprotect, struct vm_area_struct *vma, unsigned long reqprot,
	     unsigned long prot)
{
	struct file *file;

	if (!(prot & PROT_EXEC))
		return 0;
	if (prot & PROT_WRITE && wx_judge(LUTRA_OP_WX, LUTRA_NR_MPROTECT))
		return deny();
	if (vma->vm_flags & PROT_EXEC)
		return 0;
	if (!(prot & PROT_WRITE) && !is_of_file_alone(vma) &&
	    wx_judge(LUTRA_OP_WX_LATER, LUTRA_NR_MPROTECT))
		return deny();
	file = vma->vm_file;
	return deny_if(file && program_judge(file, LUTRA_OP_MAPX));
}

char LICENSE[] SEC("license") = "GPL";
