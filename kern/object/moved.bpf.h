/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files of the image that have another name than the image gave them. Their bytes are the image's, so
 * their layer alone would make them pass as the program whose name they took. A file of the image
 * gets another name without a copy of its bytes
 *
 *   - if a directory above it is renamed (overlay with redirect_dir);
 *   - if it is renamed or linked itself (overlay with metacopy);
 *   - by a mount of a part of the root's overlay at another place.
 *
 * A new name of any other kind copies the file to the upper layer.
 *
 * Maps: none.
 * Fails: closed. A name that is too deep to look at counts as moved.
 *
 * Part of path.bpf.c.
 */
#ifndef LUTRA_KERN_OBJECT_MOVED_BPF_H
#define LUTRA_KERN_OBJECT_MOVED_BPF_H

#include "kern/object/object.bpf.h"

#define MOVED_MOUNTS 8

/*
 * Returns true if overlayfs looks an inode up in the image by another name than it has: the pointer
 * to that name, set by rename(2) and link(2), is not NULL. In 6.1, 6.12, 6.18 and 7.2 struct
 * ovl_inode has redirect, version and flags right before the inode.
 */
static __always_inline bool overlay_is_redirected(__u64 inode)
{
	return kernel_u64(inode - 3 * sizeof(__u64));
}

/* Returns true if a mount on the way to the root's own shows a directory at another place. */
static __always_inline bool is_mounted_elsewhere(__u64 mnt, __u64 root_mnt)
{
	for (int i = 0; i < MOVED_MOUNTS; i++) {
		__u64 up = KERNEL_FIELD(mnt, struct mount, mnt_parent);

		compiler_barrier();
		if (mnt == root_mnt || up == mnt)
			return false;
		if (KERNEL_FIELD(mnt, struct mount, mnt.mnt_root) !=
		    KERNEL_FIELD(mnt, struct mount, mnt_mountpoint))
			return true;
		mnt = up;
	}
	return true;
}

/* Returns true if a file of the root's overlay, or a directory above it, was renamed or linked. */
static __always_inline bool is_redirected_below(__u64 dentry)
{
	for (int i = 0; i < LUTRA_WALK_STEPS; i++) {
		__u64 up = KERNEL_FIELD(dentry, struct dentry, d_parent);

		compiler_barrier();
		if (overlay_is_redirected(KERNEL_FIELD(dentry, struct dentry, d_inode)))
			return true;
		if (up == dentry)
			return false;
		dentry = up;
	}
	return true;
}

/*
 * Returns 1 if a file that the image has in the root's overlay has not the name that the image gave
 * it. dentry, vfsmount: of the file. Global: verified once.
 */
__noinline int is_moved(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount)
{
	if (!s)
		return 1;
	return is_mounted_elsewhere(vfsmount - bpf_core_field_offset(struct mount, mnt),
				    s->walk.root_mnt) ||
	       is_redirected_below(dentry);
}

#endif
