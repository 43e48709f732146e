/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files: the LSM hooks of opens, executions and mappings.
 *
 * Hooks: lsm/file_open              opens, but those of an execution itself
 *        lsm/bprm_check_security    executions, again for a script's interpreter
 *        lsm/bprm_committed_creds   from here to the program's start the kernel maps it
 *        lsm/mmap_file              files mapped executable; memory writable and executable
 *        lsm/file_mprotect          the same, made so later
 * Maps: tasks, scratch, slots, and what the judging uses.
 * Fails: without scratch (LUTRA_COUNTER_STORAGE_FAILED) an object is not judged, but what was decided
 * before still stands: closed for what is under a verdict, else open.
 */
#include "kern/hooks/hook.bpf.h"
#include "lutra/fallback.h"

static __always_inline int file_event(const struct file *file, __u32 op, __u32 object_flags)
{
	struct lutra_slot *slot = NULL;
	struct lutra_scratch *s;
	struct lutra_task *e;
	__u32 flags;
	int refuse;

	e = subject(&slot, &flags);
	if (!e || !slot || idle(slot))
		return 0;
	if (op == LUTRA_OP_MAPX && e->flags & TASK_EXECING)
		return 0;
	if (op == LUTRA_OP_OPEN)
		e->truncated = file->f_flags & O_TRUNC ? (__u64)file->f_path.dentry : 0;
	s = begin(e, flags);
	if (!s)
		return blind(e, slot);
	s->object.op = (__u8)op;
	s->object.flags = (__u8)object_flags;
	if (op != LUTRA_OP_OPEN)
		file_describe(s, address_of(s, file), slot->start_realtime_ns);
	else if (!open_describe(e, s, address_of(s, file), NO_FD, object_flags))
		return 0;
	refuse = object_event(e, s);
	if (op == LUTRA_OP_OPEN && s->known_at)
		open_keep(s);
	return refuse;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(lutra_bprm_check_security, struct linux_binprm *bprm)
{
	if (file_event(bprm->file, LUTRA_OP_EXEC, 0))
		return deny();
	return 0;
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
	__u32 flags, mode;

	flags = file->f_flags;
	mode = file->f_mode;
	if (flags & FMODE_EXEC || mode & FMODE_NOACCOUNT)
		return 0;
	flags = flags & O_CREAT_TRUNC_APPEND ? LUTRA_OBJ_WRITE : 0;
	if (file_event(file, LUTRA_OP_OPEN, flags))
		return deny();
	return 0;
}

/* Memory that is writable and executable at once, by call nr. */
static __always_inline int wx_event(__u32 nr)
{
	struct lutra_slot *slot = NULL;
	struct lutra_scratch *s;
	struct lutra_task *e;
	__u32 flags;

	e = subject(&slot, &flags);
	if (!e || !slot || idle(slot) || e->flags & TASK_EXECING)
		return 0;
	s = begin(e, flags);
	if (!s)
		return blind(e, slot);
	s->object.op = LUTRA_OP_WX;
	s->object.mode = (__u16)nr;
	return plain_event(e, s);
}

SEC("lsm/mmap_file")
int BPF_PROG(lutra_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot)
{
	if (!(prot & PROT_EXEC))
		return 0;
	if (prot & PROT_WRITE && wx_event(LUTRA_CALL_MMAP))
		return deny();
	if (file && file_event(file, LUTRA_OP_MAPX, 0))
		return deny();
	return 0;
}

SEC("lsm/file_mprotect")
int BPF_PROG(lutra_file_mprotect, struct vm_area_struct *vma, unsigned long reqprot,
	     unsigned long prot)
{
	struct file *file;

	if (!(prot & PROT_EXEC))
		return 0;
	if (prot & PROT_WRITE && wx_event(LUTRA_CALL_MPROTECT))
		return deny();
	file = vma->vm_file;
	if (file && !(vma->vm_flags & PROT_EXEC) && file_event(file, LUTRA_OP_MAPX, 0))
		return deny();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
