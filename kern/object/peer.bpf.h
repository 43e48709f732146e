/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of path.bpf.c: the path of a Unix socket that a connect or a message met. The kernel remembers
 * the dentry and the mount at which the socket was bound. Where another container or the host bound it,
 * that mount is not one of this container's. Then the path is by the container's mount that shows the
 * dentry.
 */
#ifndef LUTRA_KERN_OBJECT_PEER_BPF_H
#define LUTRA_KERN_OBJECT_PEER_BPF_H

/* Steps of the search for a mount: some two for each mount of the container. */
#define MOUNT_STEPS 512

/* Returns 1 if the mount shows the dentry s->walk.dentry. Global: verified once. */
__noinline int mount_shows(struct lutra_scratch *s, __u64 mnt)
{
	__u64 dentry, top, up;

	if (!s)
		return 0;
	dentry = s->walk.dentry;
	top = KERNEL_FIELD(mnt, struct mount, mnt.mnt_root);
	if (KERNEL_FIELD(top, struct dentry, d_sb) != KERNEL_FIELD(dentry, struct dentry, d_sb))
		return 0;
	for (int i = 0; i < LUTRA_WALK_STEPS; i++) {
		compiler_barrier();
		if (dentry == top)
			return 1;
		up = KERNEL_FIELD(dentry, struct dentry, d_parent);
		if (up == dentry)
			return 0;
		dentry = up;
	}
	return 0;
}

/*
 * Moves s->walk.mnt to the next mount below the container's root, a parent before its children.
 * Returns 1 if the mount is new, 0 if its children were visited before it, -1 at the end. Lists that
 * change meanwhile may hide mounts. is_left: what the last call returned was 0.
 */
__noinline int mount_next(struct lutra_scratch *s, __u32 is_left)
{
	__u64 mnt, next, parent;

	if (!s)
		return -1;
	mnt = s->walk.mnt;
	next = KERNEL_FIELD(mnt, struct mount, mnt_mounts);
	if (!is_left && next != mnt + bpf_core_field_offset(struct mount, mnt_mounts)) {
		s->walk.mnt = next - bpf_core_field_offset(struct mount, mnt_child);
		return 1;
	}
	if (mnt == s->walk.root_mnt)
		return -1;
	parent = KERNEL_FIELD(mnt, struct mount, mnt_parent);
	next = KERNEL_FIELD(mnt, struct mount, mnt_child);
	if (next == parent + bpf_core_field_offset(struct mount, mnt_mounts)) {
		s->walk.mnt = parent;
		return 0;
	}
	s->walk.mnt = next - bpf_core_field_offset(struct mount, mnt_child);
	return 1;
}

/* Returns the first of the container's mounts that shows a dentry, or 0. Global: verified once. */
__noinline __u64 mount_find(struct lutra_scratch *s, __u64 dentry)
{
	int r = 1;

	if (!s)
		return 0;
	s->walk.dentry = dentry;
	s->walk.mnt = s->walk.root_mnt;
	for (int i = 0; i < MOUNT_STEPS; i++) {
		compiler_barrier();
		if (r > 0 && mount_shows(s, s->walk.mnt))
			return s->walk.mnt;
		r = mount_next(s, r == 0);
		if (r < 0)
			return 0;
	}
	return 0;
}

/*
 * Fills in s->object and s->path from the dentry and the mount at which a Unix socket was bound. A
 * socket that no mount of the container shows has no path that matches (LUTRA_PATH_UNRESOLVED).
 */
__noinline int peer_describe(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount)
{
	__u64 mnt;

	if (!s)
		return 0;
	s->object.family = AF_UNIX;
	s->object.flags = LUTRA_OBJ_PATH;
	path_reset(&s->path);
	path_walk(s, dentry, vfsmount);
	if (!(s->path.flags & LUTRA_PATH_UNRESOLVED))
		return 0;
	mnt = mount_find(s, dentry);
	if (!mnt)
		return 0;
	path_reset(&s->path);
	return path_walk(s, dentry, mnt + bpf_core_field_offset(struct mount, mnt));
}

#endif
