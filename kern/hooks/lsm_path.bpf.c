/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The LSM hooks of operations that make, change or remove names.
 *
 * Hooks: lsm/path_unlink, path_rename (from and to), path_link (from and to), path_symlink,
 *        path_mkdir, path_rmdir, path_mknod, path_chmod, path_chown
 *        lsm/path_truncate, file_truncate (6.2 and newer), except those of an open
 *        lsm/inode_setxattr          knows no mount: names outside the root's file system are
 *                                    not told apart
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

static __always_inline int name_judge(__u32 op, __u32 object_flags, const struct vfsmount *mnt,
				      const struct dentry *dentry, __u32 mode)
{
	struct hook_frame f;
	__u64 vfsmount;
	int refuse;

	if (!hook_enter(&f) || is_passive(f.slot))
		return 0;
	if (op == LUTRA_OP_TRUNCATE && f.e->truncated == (__u64)dentry)
		return 0;
	if (!event_begin(&f, op))
		return is_denied_without_scratch(&f, op);
	f.s->object.flags = (__u8)object_flags;
	vfsmount = kernel_address(f.s, mnt);
	name_describe(f.s, kernel_address(f.s, dentry), vfsmount, mode);
	refuse = object_judge(f.e, f.s);
	if (!refuse && copies_file(op))
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

/* Plain files and sockets are made by open and bind, which are events of their own. */
SEC("lsm/path_mknod")
int BPF_PROG(lutra_path_mknod, const struct path *dir, struct dentry *dentry, umode_t mode)
{
	__u32 type = mode & S_IFMT;

	if (type == S_IFREG || type == S_IFSOCK || type == 0)
		return 0;
	return deny_if(name_judge(LUTRA_OP_MKNOD, mode & MODE_XS ? LUTRA_OBJ_XBIT : 0, dir->mnt,
				  dentry, mode));
}

SEC("lsm/path_rename")
int BPF_PROG(lutra_path_rename, const struct path *old_dir, struct dentry *old_dentry,
	     const struct path *new_dir, struct dentry *new_dentry)
{
	__u32 mode = dentry_mode(old_dentry);

	return deny_if(name_judge(LUTRA_OP_RENAME_FROM, 0, old_dir->mnt, old_dentry, mode) ||
		       name_judge(LUTRA_OP_RENAME_TO, 0, new_dir->mnt, new_dentry, mode));
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

SEC("lsm/inode_setxattr")
int BPF_PROG(lutra_inode_setxattr, void *idmap, struct dentry *dentry)
{
	if (is_by_file_system())
		return 0;
	return deny_if(name_judge(LUTRA_OP_SETXATTR, 0, NULL, dentry, dentry_mode(dentry)));
}

char LICENSE[] SEC("license") = "GPL";
