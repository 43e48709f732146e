/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files that exec sessions of a container wrote: what an operator's shell or a package manager put
 * there. A service's process that runs such a file is told apart from one that runs what the
 * service wrote itself.
 *
 * A file is written by a session from the open by which the session gets all of its bytes: it makes
 * the file, truncates it, or writes to a file that only the image wrote so far. Nobody else may have
 * the file open or mapped for writing then. It is so until any other task of a guarded container
 * opens it for writing. It is the inode that counts: names do not matter, so a rename or a hard link
 * keeps the mark. A session that runs what the service wrote does not write as an operator from
 * there on.
 *
 * A file of the image whose owner, mode or name a session changes is copied by overlayfs. The copy is
 * the session's, too.
 *
 * Only files of an overlay that is the container's root are marked. On a volume others can write,
 * whom the guard does not see.
 *
 * Maps: written, inode -> cgroup of the container. The least used entries make room for new ones.
 * Fails: closed. A file without an entry was written by the service, and is fresh.
 *
 * Part of path.bpf.c.
 */
#ifndef LUTRA_KERN_OBJECT_WRITTEN_BPF_H
#define LUTRA_KERN_OBJECT_WRITTEN_BPF_H

#include "kern/object/object.bpf.h"

#define WRITTEN_MAX 16384

/*
 * An inode of an overlay. Its number is that of the file in the layer that held it first, and the
 * layers may be file systems that count apart. So a file that began in the upper layer has the
 * generation of its inode there in id, and bit 0 set; id of others is 0.
 */
struct written_key {
	__u64 ino;
	__u32 dev; /* of the overlay */
	__u32 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WRITTEN_MAX);
	__type(key, struct written_key);
	__type(value, __u64); /* kernfs id of the container's cgroup */
} written SEC(".maps") __weak;

/* Returns the inode of the upper layer behind an inode of overlayfs, or 0. */
static __always_inline __u64 overlay_upper_inode(__u64 inode)
{
	__u64 dentry = kernel_u64(inode + bpf_core_type_size(struct inode));

	return dentry ? KERNEL_FIELD(dentry, struct dentry, d_inode) : 0;
}

static __always_inline __u32 inode_writers(__u64 inode)
{
	return (__u32)KERNEL_FIELD(inode, struct inode, i_writecount);
}

/* Sets *k to the inode of a dentry. Returns false unless it is a plain file of the root's overlay. */
static __always_inline bool written_key_get(struct written_key *k, __u64 dentry, __u64 root_dentry)
{
	__u64 inode = KERNEL_FIELD(dentry, struct dentry, d_inode), upper;
	__u64 sb = KERNEL_FIELD(dentry, struct dentry, d_sb);

	if (!inode || sb != KERNEL_FIELD(root_dentry, struct dentry, d_sb) ||
	    KERNEL_FIELD(sb, struct super_block, s_magic) != OVERLAYFS_MAGIC ||
	    ((__u32)KERNEL_FIELD(inode, struct inode, i_mode) & S_IFMT) != S_IFREG)
		return false;
	upper = overlay_upper_inode(inode);
	k->ino = KERNEL_FIELD(inode, struct inode, i_ino);
	k->dev = (__u32)KERNEL_FIELD(sb, struct super_block, s_dev);
	k->id = 0;
	if (upper && KERNEL_FIELD(upper, struct inode, i_ino) == k->ino)
		k->id = (__u32)KERNEL_FIELD(upper, struct inode, i_generation) << 1 | 1;
	return true;
}

/* Returns true if an exec session of the container of slot wrote the file of a dentry. */
static __always_inline bool is_written_by_session(__u64 dentry, __u64 root_dentry, __u32 slot_nr)
{
	struct lutra_slot *slot = slot_get(slot_nr);
	struct written_key k = {};
	__u64 *cgroup;

	if (!slot || !written_key_get(&k, dentry, root_dentry))
		return false;
	cgroup = bpf_map_lookup_elem(&written, &k);
	return cgroup && *cgroup == slot->cgroup_id;
}

/*
 * Returns true if nobody but the opener of a file can write to it. own: how often the opener has
 * the file of the upper layer open, which overlayfs opens after the hook. A mapping holds that file,
 * and not the overlay's.
 */
static __always_inline bool is_only_writer(__u64 inode, __u32 own)
{
	__u64 upper = overlay_upper_inode(inode);

	return inode_writers(inode) == 1 && (!upper || inode_writers(upper) <= own);
}

/* Returns true if the opener of a file writes all of its bytes, or changes those of the image. */
static __always_inline bool is_whole_write(__u64 file, __u64 inode)
{
	return (__u32)KERNEL_FIELD(file, struct file, f_flags) & O_TRUNC ||
	       !KERNEL_FIELD(inode, struct inode, i_size) ||
	       overlay_layer(inode) != LUTRA_LAYER_WRITTEN;
}

/*
 * Notes that the entry's task opened a file for writing, and was not refused. Global: verified once.
 */
__noinline int written_note(struct lutra_task *e, struct lutra_scratch *s, __u64 file)
{
	struct written_key k = {};
	struct lutra_slot *slot;
	__u64 dentry, inode, *cgroup, own_cgroup;
	__u32 own;

	if (!e || !s)
		return 0;
	own = s->flags & EVENT_HOOK ? 0 : 1;
	dentry = KERNEL_FIELD(file, struct file, f_path.dentry);
	slot = slot_get(e->slot);
	if (!slot || !written_key_get(&k, dentry, e->root_dentry))
		return 0;
	cgroup = bpf_map_lookup_elem(&written, &k);
	own_cgroup = slot->cgroup_id;
	if (cgroup && *cgroup == own_cgroup && e->exec_session && !e->tainted)
		return 0;
	if (cgroup)
		bpf_map_delete_elem(&written, &k);
	if (!e->exec_session || e->tainted)
		return 0;
	inode = KERNEL_FIELD(dentry, struct dentry, d_inode);
	if (!is_whole_write(file, inode) || !is_only_writer(inode, own))
		return 0;
	bpf_map_update_elem(&written, &k, &own_cgroup, BPF_ANY);
	/* Another task that opened it meanwhile may have come too early to remove the mark. */
	compiler_barrier();
	if (!is_only_writer(inode, own))
		bpf_map_delete_elem(&written, &k);
	return 0;
}

/*
 * Notes that the entry's task changes owner, mode or name of a file, for which overlayfs copies a
 * file of the image. To be called before it does. Global: verified once.
 */
__noinline int written_copy(struct lutra_task *e, struct lutra_scratch *s, __u64 dentry)
{
	struct written_key k = {};
	struct lutra_slot *slot;
	__u64 inode, own_cgroup;

	if (!e || !s || !e->exec_session || e->tainted)
		return 0;
	slot = slot_get(e->slot);
	if (!slot || !written_key_get(&k, dentry, e->root_dentry))
		return 0;
	own_cgroup = slot->cgroup_id;
	inode = KERNEL_FIELD(dentry, struct dentry, d_inode);
	if (overlay_layer(inode) != LUTRA_LAYER_IMAGE || inode_writers(inode))
		return 0;
	bpf_map_update_elem(&written, &k, &own_cgroup, BPF_ANY);
	/* As in written_note(). */
	compiler_barrier();
	if (inode_writers(inode))
		bpf_map_delete_elem(&written, &k);
	return 0;
}

#endif
