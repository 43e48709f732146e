/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Marks the files that exec sessions of a container wrote, for instance an operator's shell or a
 * package manager. So a process of the service that runs such a file is told apart from one that runs
 * a file that the service wrote itself.
 *
 * An open by a session begins a mark if the session makes the file, truncates it, or writes to a file
 * that only the image wrote so far. No other task may have the file open or mapped for writing then.
 * The mark ends when any other task of a guarded container opens the file for writing. The mark
 * belongs to the inode, so a rename or a hard link keeps it.
 *
 * Overlayfs copies a file of the image whose owner, mode or name a session changes. This copy gets a
 * mark too.
 *
 * A process of a session becomes tainted when it runs or reads a file that would be fresh if it were
 * run, because it may copy the file. Files that a tainted process writes get no mark, and neither do
 * those of the processes that it starts from then on. The marks of the files that it has open for
 * writing end. Reading in /etc does not taint: package managers and the C library read configuration
 * there, which services edit as they start.
 *
 * Only files of an overlay that is the container's root get a mark. On a volume, others can write
 * without the guard seeing it.
 *
 * Maps: written, inode -> cgroup of the container. If it is full, the least recently used entries go.
 *       touched, the inodes of a root that is no overlay which guarded tasks opened for writing or
 *       changed. It forgets none. The fuller it is, the more others it takes for such.
 * Fails: closed. A file without an entry counts as written by the service, and is fresh. A file that is
 * taken for one that was touched is fresh if its change time says so.
 *
 * Part of path.bpf.c.
 */
#ifndef LUTRA_KERN_OBJECT_WRITTEN_BPF_H
#define LUTRA_KERN_OBJECT_WRITTEN_BPF_H

#include "kern/object/object.bpf.h"

#define WRITTEN_MAX 16384
#define TAINTED_DESCRIPTORS 64 /* descriptors of a tainted process that are checked */

/*
 * An inode of an overlay. It has the inode number of the file in the layer that held the file first.
 * Layers on different file systems may use the same number. So id tells whether the file began in the
 * upper layer: then bit 0 is set, and the other bits are the inode's generation there. Else id is 0.
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

#define TOUCHED_MAX 65536

struct touched_key {
	__u64 ino;
	__u32 dev;
	__u32 generation;
};

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, TOUCHED_MAX);
	__uint(map_extra, 5); /* hash functions */
	__type(value, struct touched_key);
} touched SEC(".maps") __weak;

/* Returns the key of an inode. */
static __always_inline struct touched_key touched_key_get(__u64 inode)
{
	__u64 sb = KERNEL_FIELD(inode, struct inode, i_sb);

	return (struct touched_key){
		.ino = KERNEL_FIELD(inode, struct inode, i_ino),
		.dev = (__u32)KERNEL_FIELD(sb, struct super_block, s_dev),
		.generation = (__u32)KERNEL_FIELD(inode, struct inode, i_generation),
	};
}

/*
 * Notes that the entry's task may change the file of a dentry. Only a file of a root that is no overlay
 * counts: the layers of an overlay tell who wrote a file. Global, so that it is verified once.
 */
__noinline int touched_note(struct lutra_task *e, __u64 dentry)
{
	struct touched_key k;
	__u64 sb;

	if (!e)
		return 0;
	sb = KERNEL_FIELD(dentry, struct dentry, d_sb);
	if (sb != KERNEL_FIELD(e->root_dentry, struct dentry, d_sb) ||
	    KERNEL_FIELD(sb, struct super_block, s_magic) == OVERLAYFS_MAGIC ||
	    !KERNEL_FIELD(dentry, struct dentry, d_inode))
		return 0;
	k = touched_key_get(KERNEL_FIELD(dentry, struct dentry, d_inode));
	if (bpf_map_peek_elem(&touched, &k))
		bpf_map_push_elem(&touched, &k, 0);
	return 0;
}

/* Returns the inode of the upper layer behind an inode of overlayfs, or 0. */
static __always_inline __u64 overlay_upper_inode(__u64 inode)
{
	__u64 dentry = kernel_u64(inode + bpf_core_type_size(struct inode));

	return dentry ? KERNEL_FIELD(dentry, struct dentry, d_inode) : 0;
}

/* Returns how often the file of an inode is open or mapped for writing. */
static __always_inline __u32 inode_writers(__u64 inode)
{
	return (__u32)KERNEL_FIELD(inode, struct inode, i_writecount);
}

/* Sets *k to the inode of a dentry. Returns false unless it is a regular file of the root's overlay. */
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

/* Returns true if the file of a dentry has the mark of the container in slot slot_nr. */
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
 * Returns true if nobody but the opener of a file can write to it. own: how often the opener has the
 * upper layer's file open: 0 at the hook, because overlayfs opens that file after the hook. A mapping
 * holds the upper layer's file and not the overlay's, so both are checked.
 */
static __always_inline bool is_only_writer(__u64 inode, __u32 own)
{
	__u64 upper = overlay_upper_inode(inode);

	return inode_writers(inode) == 1 && (!upper || inode_writers(upper) <= own);
}

/* Returns true if a file has no bytes but those of its opener and of the image. */
static __always_inline bool is_whole_write(__u64 file, __u64 inode)
{
	return (__u32)KERNEL_FIELD(file, struct file, f_flags) & O_TRUNC ||
	       !KERNEL_FIELD(inode, struct inode, i_size) ||
	       overlay_layer(inode) != LUTRA_LAYER_WRITTEN;
}

/* Returns true if the entry's task, the current one, is in an exec session and not tainted. */
static __always_inline bool writes_as_operator(struct lutra_task *e)
{
	struct lutra_task *process;

	if (!e->exec_session || e->tainted)
		return false;
	process = process_entry(bpf_get_current_task_btf(), e);
	return !process || !process->tainted;
}

/*
 * Ends the mark of the file of descriptor fd, if the current task has it open for writing. Global, so
 * that it is verified once.
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

/*
 * Taints the process of the entry's task, the current one, and ends the marks of the files that it has
 * open for writing. Global, so that it is verified once.
 */
__noinline int session_taint(struct lutra_task *e)
{
	struct lutra_task *process;

	if (!e)
		return 0;
	process = process_entry(bpf_get_current_task_btf(), e);
	e->tainted = 1;
	if (process)
		process->tainted = 1;
	for (__u32 fd = 0; fd < TAINTED_DESCRIPTORS; fd++)
		written_end(e, fd);
	return 0;
}

/* Returns true if a file that is opened for reading has bytes that could become a program. */
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
 * Taints the process of the entry's task if it is a session's and opened a file for reading that would
 * be fresh if it were run. Call it if the open was not refused. Overwrites object and path in s.
 * Global, so that it is verified once.
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
	return session_taint(e);
}

/*
 * Begins or ends the mark of a file that the entry's task opened for writing. Call it if the open was
 * not refused. Global, so that it is verified once.
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
	touched_note(e, dentry);
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
	/* Check again: a task that opened the file meanwhile may have looked before the mark was set. */
	compiler_barrier();
	if (!is_only_writer(inode, own))
		bpf_map_delete_elem(&written, &k);
	return 0;
}

/*
 * Marks a file of the image whose owner, mode or name the entry's task changes: overlayfs copies the
 * file. Call it before overlayfs makes the copy. Global, so that it is verified once.
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
	/* Check again, as in written_note(). */
	compiler_barrier();
	if (inode_writers(inode))
		bpf_map_delete_elem(&written, &k);
	return 0;
}

#endif
