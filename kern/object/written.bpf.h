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
 * keeps the mark.
 *
 * A process of a session is tainted as soon as it runs or reads what would be fresh if it were run:
 * it may copy that. Neither it nor what it starts from there on writes as an operator, and the marks of the
 * files that it has open for writing end. Not tainted by what it reads in /etc: package managers and
 * the C library read configuration there, which services edit as they start.
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
#define TAINTED_DESCRIPTORS 64 /* of a process that becomes tainted: the first ones are looked at */

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

/* Taints the process of the entry's task, which is the current one. Global: verified once. */
__noinline int session_taint(struct lutra_task *e)
{
	struct lutra_task *process;

	if (!e)
		return 0;
	process = process_entry(bpf_get_current_task_btf(), e);
	e->tainted = 1;
	if (process)
		process->tainted = 1;
	return 0;
}

/* Returns true if the entry's task, which is the current one, writes as an operator. */
static __always_inline bool writes_as_operator(struct lutra_task *e)
{
	struct lutra_task *process;

	if (!e->exec_session || e->tainted)
		return false;
	process = process_entry(bpf_get_current_task_btf(), e);
	return !process || !process->tainted;
}

/*
 * Ends the mark of the file of descriptor fd, if the current task has it open for writing. Global:
 * verified once.
 */
__noinline int written_end(struct lutra_task *e, __u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct written_key k = {};
	__u64 file;

	if (!e)
		return 0;
	file = descriptor_file((__u64)task->files, fd);
	if (file && (__u32)KERNEL_FIELD(file, struct file, f_mode) & FMODE_WRITE &&
	    written_key_get(&k, KERNEL_FIELD(file, struct file, f_path.dentry), e->root_dentry))
		bpf_map_delete_elem(&written, &k);
	return 0;
}

/* Returns true if a file that is opened for reading has bytes that a program could have. */
static __always_inline bool has_bytes(__u64 file)
{
	__u64 inode = KERNEL_FIELD(file, struct file, f_inode);
	__u64 sb = KERNEL_FIELD(inode, struct inode, i_sb);

	return ((__u32)KERNEL_FIELD(inode, struct inode, i_mode) & S_IFMT) == S_IFREG &&
	       KERNEL_FIELD(inode, struct inode, i_size) &&
	       !((__u32)KERNEL_FIELD(file, struct file, f_flags) & O_TRUNC) &&
	       !(KERNEL_FIELD(sb, struct super_block, s_iflags) & SB_I_NOEXEC);
}

/* Returns true if a path lies in the container's /etc. */
static __always_inline bool is_in_etc(const struct lutra_path *path)
{
	__u32 top = (path->n - 1) & (LUTRA_COMPONENTS - 1);

	return !path->flags && path->n > 1 && path->n <= LUTRA_COMPONENTS && path->len[top] == 3 &&
	       path->name[top][0] == 'e' && path->name[top][1] == 't' && path->name[top][2] == 'c';
}

/*
 * Notes that the entry's task opened a file for reading, and was not refused. Overwrites object and
 * path in s. Global: verified once.
 */
__noinline int read_note(struct lutra_task *e, struct lutra_scratch *s, __u64 file)
{
	struct lutra_slot *slot;

	if (!e || !s || !writes_as_operator(e) || !has_bytes(file))
		return 0;
	slot = slot_get(e->slot);
	if (!slot)
		return 0;
	scratch_begin(s, e, s->flags);
	file_describe(s, file, slot->start_realtime_ns);
	if (!lutra_is_fresh(&s->object) || s->object.flags & LUTRA_OBJ_UPDATED ||
	    is_in_etc(&s->path))
		return 0;
	session_taint(e);
	for (__u32 fd = 0; fd < TAINTED_DESCRIPTORS; fd++)
		written_end(e, fd);
	return 0;
}

/*
 * Notes that the entry's task opened a file for writing, and was not refused. Global: verified once.
 */
__noinline int written_note(struct lutra_task *e, struct lutra_scratch *s, __u64 file)
{
	struct written_key k = {};
	struct lutra_slot *slot;
	__u64 dentry, inode, *cgroup, own_cgroup;
	bool as_operator;
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
	as_operator = writes_as_operator(e);
	if (cgroup && *cgroup == own_cgroup && as_operator)
		return 0;
	if (cgroup)
		bpf_map_delete_elem(&written, &k);
	if (!as_operator)
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

	if (!e || !s || !writes_as_operator(e))
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
