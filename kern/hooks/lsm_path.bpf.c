/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The LSM hooks of operations that make, change or remove names.
 *
 * Hooks: lsm/path_unlink, path_rename (from and to), path_link (from and to), path_symlink,
 *        path_mkdir, path_rmdir, path_mknod, path_chmod, path_chown
 *        lsm/path_truncate, file_truncate (6.2 and newer), except those of an open
 *        lsm/path_mknod              also files that an open makes: refused before they exist
 *        lsm/inode_setxattr, inode_removexattr, inode_set_acl, inode_remove_acl (both 6.2 and
 *        newer; before, access lists are attributes)   know no mount: a name outside the root's
 *                                    file system is by a mount that shows it, if there is one
 * Maps: tasks, scratch, slots, written, and those of the judgement.
 * Fails: as hook.bpf.h.
 */
#include "kern/hooks/hook.bpf.h"

/* Returns true if overlayfs copies a file of the image for the operation, and not its data alone. */
static __always_inline bool copies_file(__u32 op)
{
	return op == LUTRA_OP_CHMOD || op == LUTRA_OP_CHOWN || op == LUTRA_OP_SETXATTR ||
	       op == LUTRA_OP_RENAME_FROM || op == LUTRA_OP_LINK_FROM;
}

/*
 * Returns true once if the syscall under way opened this file to truncate it, and was not refused.
 * sys_enter clears the flag. An io_uring worker acts beside its owner's syscalls.
 */
static __always_inline bool truncation_is_of_open(const struct hook_frame *f,
						  const struct dentry *dentry)
{
	if (f->e->truncated != (__u64)dentry)
		return false;
	f->e->truncated = 0;
	return f->flags & EVENT_WORKER || f->e->flags & TASK_TRUNCATES;
}

static __always_inline int name_judge(__u32 op, __u32 object_flags, const struct vfsmount *mnt,
				      const struct dentry *dentry, __u32 mode)
{
	struct hook_frame f;
	__u64 vfsmount;
	int refuse;

	if (!hook_enter(&f) || is_passive(f.slot))
		return 0;
	if (op == LUTRA_OP_TRUNCATE && truncation_is_of_open(&f, dentry))
		return 0;
	if (!event_begin(&f, op))
		return is_denied_without_scratch(&f, op);
	f.s->object.flags = (__u8)object_flags;
	vfsmount = kernel_address(f.s, mnt);
	name_describe(f.s, kernel_address(f.s, dentry), vfsmount, mode);
	refuse = object_judge(f.e, f.s);
	if (refuse || !(copies_file(op) || op == LUTRA_OP_TRUNCATE))
		return refuse;
	touched_note(f.e, kernel_address(f.s, dentry));
	if (copies_file(op))
		written_copy(f.e, f.s, kernel_address(f.s, dentry));
	return refuse;
}

/*
 * Returns the inode mode of a name; 0: it has no inode yet. The pointer is read once: the verifier
 * ties the NULL check to the register that holds it.
 */
static __always_inline __u32 dentry_mode(const struct dentry *dentry)
{
	const struct inode *inode = dentry->d_inode;

	asm volatile("" : "+r"(inode));
	return inode ? inode->i_mode : 0;
}

#define NAME_OP(hook, op, ...)                                                                     \
	SEC("lsm/path_" #hook)                                                                     \
	int BPF_PROG(lutra_path_##hook, const struct path *dir, struct dentry *dentry)             \
	{                                                                                          \
		return deny_if(name_judge(op, 0, dir->mnt, dentry, __VA_ARGS__));                  \
	}

NAME_OP(unlink, LUTRA_OP_UNLINK, dentry_mode(dentry))
NAME_OP(rmdir, LUTRA_OP_RMDIR, S_IFDIR)
NAME_OP(mkdir, LUTRA_OP_MKDIR, S_IFDIR)
NAME_OP(symlink, LUTRA_OP_SYMLINK, S_IFLNK)

/*
 * Returns true if the syscall under way is mknod or mknodat, as far as that is known: with calls off
 * it is not.
 */
static __always_inline bool is_in_mknod(void)
{
	struct lutra_slot *slot = NULL;
	const struct lutra_task *e;
	__u32 flags, nr;

	e = acting_task(&slot, &flags);
	if (!e || flags & EVENT_WORKER)
		return false;
	nr = e->nr;
	if (!(nr & LUTRA_NR_IA32))
		nr &= ~LUTRA_NR_X32;
	return nr == LUTRA_NR_MKNOD || nr == LUTRA_NR_MKNODAT || nr == LUTRA_NR_IA32_MKNOD ||
	       nr == LUTRA_NR_IA32_MKNODAT;
}

/*
 * Judges a plain file that is about to be made, as the open for writing that it is. event: 0 if mknod
 * makes it; EVENT_CREATION if an open does, which file_open judges too: then it is only refused here,
 * before the file exists. Returns 1 to refuse.
 */
static __always_inline int creation_judge(const struct vfsmount *mnt, const struct dentry *dentry,
					  __u32 event)
{
	struct hook_frame f;
	__u64 vfsmount;

	if (!hook_enter(&f) || is_passive(f.slot))
		return 0;
	if (event && f.slot->mode <= LUTRA_MODE_AUDIT)
		return 0;
	if (!event_begin(&f, LUTRA_OP_OPEN))
		return is_denied_without_scratch(&f, LUTRA_OP_OPEN);
	f.s->flags |= event;
	f.s->object.flags = LUTRA_OBJ_WRITE;
	vfsmount = kernel_address(f.s, mnt);
	name_describe(f.s, kernel_address(f.s, dentry), vfsmount, S_IFREG);
	return object_judge(f.e, f.s);
}

/*
 * A socket is made by bind, which is an event of its own, or by mknod. A plain file that gets the
 * rights of its owner or group at its creation is an event of its own beside its open.
 */
SEC("lsm/path_mknod")
int BPF_PROG(lutra_path_mknod, const struct path *dir, struct dentry *dentry, umode_t mode)
{
	__u32 type = mode & S_IFMT, rights = mode & MODE_XS ? LUTRA_OBJ_XBIT : 0;

	if (type == S_IFREG || type == 0) {
		if (mode & MODE_SETID &&
		    name_judge(LUTRA_OP_MKNOD, rights, dir->mnt, dentry, S_IFREG | mode))
			return deny();
		return deny_if(
			creation_judge(dir->mnt, dentry, is_in_mknod() ? 0 : EVENT_CREATION));
	}
	if (type == S_IFSOCK && !is_in_mknod())
		return 0;
	return deny_if(name_judge(LUTRA_OP_MKNOD, rights, dir->mnt, dentry, mode));
}

/* Judges both names of a file that is renamed. Returns 1 to refuse. */
static __always_inline int rename_judge(const struct vfsmount *old_mnt, const struct dentry *old,
					const struct vfsmount *new_mnt, const struct dentry *new)
{
	__u32 mode = dentry_mode(old);

	return name_judge(LUTRA_OP_RENAME_FROM, 0, old_mnt, old, mode) ||
	       name_judge(LUTRA_OP_RENAME_TO, 0, new_mnt, new, mode);
}

/* An exchange renames both files. */
SEC("lsm/path_rename")
int BPF_PROG(lutra_path_rename, const struct path *old_dir, struct dentry *old_dentry,
	     const struct path *new_dir, struct dentry *new_dentry, unsigned int flags)
{
	if (rename_judge(old_dir->mnt, old_dentry, new_dir->mnt, new_dentry))
		return deny();
	if (!(flags & RENAME_EXCHANGE))
		return 0;
	return deny_if(rename_judge(new_dir->mnt, new_dentry, old_dir->mnt, old_dentry));
}

SEC("lsm/path_link")
int BPF_PROG(lutra_path_link, struct dentry *old_dentry, const struct path *new_dir,
	     struct dentry *new_dentry)
{
	__u32 mode = dentry_mode(old_dentry);

	/* A hard link stays on one mount. */
	return deny_if(name_judge(LUTRA_OP_LINK_FROM, 0, new_dir->mnt, old_dentry, mode) ||
		       name_judge(LUTRA_OP_LINK_TO, 0, new_dir->mnt, new_dentry, mode));
}

SEC("lsm/path_chmod")
int BPF_PROG(lutra_path_chmod, const struct path *path, umode_t mode)
{
	return deny_if(name_judge(LUTRA_OP_CHMOD, mode & MODE_XS ? LUTRA_OBJ_XBIT : 0, path->mnt,
				  path->dentry, dentry_mode(path->dentry)));
}

SEC("lsm/path_chown")
int BPF_PROG(lutra_path_chown, const struct path *path)
{
	return deny_if(
		name_judge(LUTRA_OP_CHOWN, 0, path->mnt, path->dentry, dentry_mode(path->dentry)));
}

SEC("lsm/path_truncate")
int BPF_PROG(lutra_path_truncate, const struct path *path)
{
	return deny_if(name_judge(LUTRA_OP_TRUNCATE, 0, path->mnt, path->dentry,
				  dentry_mode(path->dentry)));
}

SEC("lsm/file_truncate")
int BPF_PROG(lutra_file_truncate, struct file *file)
{
	return deny_if(name_judge(LUTRA_OP_TRUNCATE, 0, file->f_path.mnt, file->f_path.dentry,
				  dentry_mode(file->f_path.dentry)));
}

/* Judges an extended attribute or an access list that is set or removed. Returns 1 to refuse. */
static __always_inline int attribute_judge(const struct dentry *dentry)
{
	if (is_by_file_system())
		return 0;
	return name_judge(LUTRA_OP_SETXATTR, 0, NULL, dentry, dentry_mode(dentry));
}

SEC("lsm/inode_setxattr")
int BPF_PROG(lutra_inode_setxattr, void *idmap, struct dentry *dentry)
{
	return deny_if(attribute_judge(dentry));
}

SEC("lsm/inode_removexattr")
int BPF_PROG(lutra_inode_removexattr, void *idmap, struct dentry *dentry)
{
	return deny_if(attribute_judge(dentry));
}

SEC("lsm/inode_set_acl")
int BPF_PROG(lutra_inode_set_acl, void *idmap, struct dentry *dentry)
{
	return deny_if(attribute_judge(dentry));
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(lutra_inode_remove_acl, void *idmap, struct dentry *dentry)
{
	return deny_if(attribute_judge(dentry));
}

char LICENSE[] SEC("license") = "GPL";
