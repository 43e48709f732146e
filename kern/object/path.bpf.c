/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files and names into object and path: by a walk of dentries across mounts, or from a string. A
 * struct lutra_path has its leaf first.
 *
 * Hooks: none, called by the programs of kern/hooks.
 * Maps: open_cache, written; works in the caller's scratch.
 * Fails: closed. A path that could not be resolved is marked LUTRA_PATH_UNRESOLVED, and never
 * matches the tree of a policy (LUTRA_COUNTER_PATHS_CUT).
 */
#include "kern/object/object.bpf.h"
#include "lutra/transfer.h"

/* Set at load. True: the kernel has bpf_rdonly_cast(), from 6.2 on. */
const volatile bool lutra_has_rdonly_cast = false;

/* In this file only: libbpf 1.1 cannot link two files that declare one function of the kernel. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __weak __ksym;

/*
 * Returns 8 bytes of kernel memory, or 0 if they cannot be read. bpf_rdonly_cast() to a type that
 * begins with 8 bytes makes it a plain load, at a tenth of the cost of a helper call.
 */
static __always_inline __u64 kernel_u64(__u64 address)
{
	__u32 type = bpf_core_type_id_kernel(struct timespec64);
	__u64 v = 0;

	if (lutra_has_rdonly_cast)
		return (__u64)((struct timespec64 *)bpf_rdonly_cast((void *)address, type))->tv_sec;
	bpf_probe_read_kernel(&v, sizeof(v), (void *)address);
	return v;
}

/* Returns 8 bytes from a field of a kernel structure on. */
#define KERNEL_FIELD(address, type, field)                                                         \
	kernel_u64((address) + bpf_core_field_offset(type, field))

/* Returns the struct file of a descriptor in a struct files_struct, or 0. */
static __always_inline __u64 descriptor_file(__u64 files, __u64 fd)
{
	__u64 table = KERNEL_FIELD(files, struct files_struct, fdt);

	if (fd >= (__u32)KERNEL_FIELD(table, struct fdtable, max_fds))
		return 0;
	return kernel_u64(KERNEL_FIELD(table, struct fdtable, fd) + fd * sizeof(struct file *));
}

#include "kern/object/open_cache.bpf.h"

static __always_inline void path_reset(struct lutra_path *path)
{
	path->n = 0;
	path->flags = 0;
}

/* Appends a component: len bytes of kernel memory. */
static __noinline int path_append(struct lutra_path *path, const void *name, __u32 len)
{
	__u32 n;

	if (!path)
		return 0;
	n = path->n;
	if (n >= LUTRA_COMPONENTS)
		path->flags |= LUTRA_PATH_DEEP;
	if (len >= LUTRA_NAME) {
		path->flags |= LUTRA_PATH_LONG;
		len = LUTRA_NAME;
	}
	if (bpf_probe_read_kernel(path->name[n & (LUTRA_COMPONENTS - 1)], len, name))
		path->flags |= LUTRA_PATH_UNRESOLVED;
	path->len[n & (LUTRA_COMPONENTS - 1)] = (__u8)len;
	path->n = n + 1;
	return 0;
}

/* Appends the name of a dentry. */
static __always_inline void path_append_dentry(struct lutra_path *path, __u64 dentry)
{
	__u32 n = path->n, at = n & (LUTRA_COMPONENTS - 1);
	__u32 len = (__u32)KERNEL_FIELD(dentry, struct dentry, d_name.len);
	__u64 name = KERNEL_FIELD(dentry, struct dentry, d_name.name);

	if (!lutra_has_rdonly_cast) {
		path_append(path, (const void *)name, len);
		return;
	}
	if (n >= LUTRA_COMPONENTS)
		path->flags |= LUTRA_PATH_DEEP;
	if (len >= LUTRA_NAME) {
		path->flags |= LUTRA_PATH_LONG;
		len = LUTRA_NAME;
	}
	for (__u32 i = 0; i < LUTRA_NAME; i += 8) {
		if (i >= len)
			break;
		*(__u64 *)&path->name[at][i] = kernel_u64(name + i);
	}
	path->len[at] = (__u8)len;
	path->n = n + 1;
}

/*
 * Takes one step of the walk: up a component, or across a mount. Returns 1 at its end: at the
 * container's root, or at another top, where the path lies outside the container and no name is
 * known.
 */
static __always_inline int path_walk_up(struct lutra_scratch *s)
{
	__u64 dentry = s->walk.dentry, mnt = s->walk.mnt, up;

	if (dentry == s->walk.root_dentry && (!mnt || mnt == s->walk.root_mnt))
		return 1;
	if (mnt && dentry == KERNEL_FIELD(mnt, struct mount, mnt.mnt_root)) {
		up = KERNEL_FIELD(mnt, struct mount, mnt_parent);
		if (up == mnt) {
			s->path.flags |= LUTRA_PATH_UNRESOLVED;
			return 1;
		}
		s->walk.dentry = KERNEL_FIELD(mnt, struct mount, mnt_mountpoint);
		s->walk.mnt = up;
		return 0;
	}
	up = KERNEL_FIELD(dentry, struct dentry, d_parent);
	if (up == dentry) {
		path_reset(&s->path);
		s->path.flags = LUTRA_PATH_DETACHED;
	}
	path_append_dentry(&s->path, dentry);
	s->walk.dentry = up;
	return up == dentry;
}

/* Steps of the walk that path_walk_steps() takes in one call. */
#define STEPS_AT_ONCE 4

/*
 * Takes the next steps of the walk. Returns 1 at its end. Global: the verifier checks these steps
 * once, and not all LUTRA_WALK_STEPS.
 */
__noinline int path_walk_steps(struct lutra_scratch *s)
{
	if (!s)
		return 1;
	for (int i = 0; i < STEPS_AT_ONCE; i++) {
		compiler_barrier();
		if (path_walk_up(s))
			return 1;
	}
	return 0;
}

/*
 * Appends to s->path the names from a dentry on a vfsmount up to the container's root. vfsmount 0:
 * not known, the dentry is taken to be on the root's own mount.
 */
__noinline int path_walk(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount)
{
	if (!s)
		return 0;
	s->walk.dentry = dentry;
	s->walk.mnt = vfsmount ? vfsmount - bpf_core_field_offset(struct mount, mnt) : 0;
	for (int i = 0; i < LUTRA_WALK_STEPS; i += STEPS_AT_ONCE) {
		if (path_walk_steps(s))
			return 0;
	}
	s->path.flags |= LUTRA_PATH_UNRESOLVED;
	return 0;
}

#include "kern/object/peer.bpf.h"

/* Appends the component [start, input.end) of the input, unless it is empty or ".". */
static __always_inline void input_append(struct lutra_scratch *s, __u32 start)
{
	const char *c = &s->input.bytes[start & (INPUT_BYTES - 1)];
	__u32 len = s->input.end - start;

	if (len == 0 || len > INPUT_BYTES || (len == 1 && c[0] == '.'))
		return;
	if (len == 2 && c[0] == '.' && c[1] == '.')
		s->path.flags |= LUTRA_PATH_UNRESOLVED;
	path_append(&s->path, c, len);
}

/*
 * Appends the component behind byte at of the input if that is a '/'. To be called from the last
 * byte to the first. Global: verified once.
 */
__noinline int input_byte(struct lutra_scratch *s, __u32 at)
{
	if (!s || at >= s->input.len || s->input.bytes[at & (INPUT_BYTES - 1)] != '/')
		return 0;
	input_append(s, at + 1);
	s->input.end = at;
	return 0;
}

/*
 * Fills in s->path from the path string in s->input. A relative path continues in the directory
 * that descriptor dir_fd is open on; AT_FDCWD: in the current one. Symbolic links are not followed,
 * and a path with ".." is unresolved.
 */
__noinline int path_from_input(struct lutra_scratch *s, __u32 dir_fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 file;
	__u32 len;

	if (!s)
		return 0;
	path_reset(&s->path);
	len = s->input.len;
	if (len > INPUT_BYTES) {
		s->path.flags = LUTRA_PATH_UNRESOLVED;
		return 0;
	}
	s->input.end = len;
	for (__u32 i = 0; i < INPUT_BYTES; i++)
		input_byte(s, INPUT_BYTES - 1 - i);
	if (s->input.len && s->input.bytes[0] == '/')
		return path_walk(s, (__u64)BPF_CORE_READ(task, fs, root.dentry),
				 (__u64)BPF_CORE_READ(task, fs, root.mnt));
	input_append(s, 0);
	if (dir_fd == AT_FDCWD)
		return path_walk(s, (__u64)BPF_CORE_READ(task, fs, pwd.dentry),
				 (__u64)BPF_CORE_READ(task, fs, pwd.mnt));
	file = descriptor_file((__u64)task->files, dir_fd);
	if (!file) {
		s->path.flags |= LUTRA_PATH_UNRESOLVED;
		return 0;
	}
	return path_walk(s, KERNEL_FIELD(file, struct file, f_path.dentry),
			 KERNEL_FIELD(file, struct file, f_path.mnt));
}

#include "kern/object/times.bpf.h"

/* A bit of the flags of struct ovl_inode: the data of the file are in the upper layer. */
#define OVERLAY_UPPERDATA (1ull << 3)

/*
 * Returns the layer of an inode of overlayfs. Debian builds overlayfs as a module, so its structures
 * are not in the BTF of the kernel. Its inode is the member vfs_inode of a struct ovl_inode. In 6.1,
 * 6.12, 6.18 and 7.2 the flags stand right before that member, and the upper dentry right behind it.
 */
static __always_inline __u32 overlay_layer(__u64 inode)
{
	__u32 type = (__u32)KERNEL_FIELD(inode, struct inode, i_mode) & S_IFMT;

	if (!kernel_u64(inode + bpf_core_type_size(struct inode)))
		return LUTRA_LAYER_IMAGE;
	if (type == S_IFREG && !(kernel_u64(inode - sizeof(__u64)) & OVERLAY_UPPERDATA))
		return LUTRA_LAYER_CHANGED;
	return LUTRA_LAYER_WRITTEN;
}

#include "kern/object/moved.bpf.h"
#include "kern/object/written.bpf.h"

/*
 * Returns LUTRA_OBJ_PRIVATE if a regular file is another user's, who keeps it from others, else 0. On a
 * mount that maps users the file's own user counts, which is none of the container's.
 */
static __always_inline __u32 private_flag(__u64 inode)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 mode = (__u32)KERNEL_FIELD(inode, struct inode, i_mode);

	if ((mode & S_IFMT) != S_IFREG || mode & MODE_OTHERS)
		return 0;
	return (__u32)KERNEL_FIELD(inode, struct inode, i_uid) ==
			       BPF_CORE_READ(task, cred, fsuid.val)
		       ? 0
		       : LUTRA_OBJ_PRIVATE;
}

/*
 * Sets the layer of the object in s, whose path was walked, by its dentry. vfsmount 0: not known.
 * Global: verified once.
 */
__noinline int layer_describe(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount)
{
	__u64 inode, sb, magic, root_sb, mnt;
	__u32 layer;

	if (!s)
		return 0;
	inode = KERNEL_FIELD(dentry, struct dentry, d_inode);
	sb = KERNEL_FIELD(dentry, struct dentry, d_sb);
	magic = KERNEL_FIELD(sb, struct super_block, s_magic);
	root_sb = KERNEL_FIELD(s->walk.root_dentry, struct dentry, d_sb);
	mnt = vfsmount ? vfsmount - bpf_core_field_offset(struct mount, mnt) : 0;
	if (s->path.flags & LUTRA_PATH_DETACHED)
		layer = LUTRA_LAYER_DETACHED;
	else if (magic == OVERLAYFS_MAGIC && sb == root_sb)
		layer = inode ? overlay_layer(inode) : LUTRA_LAYER_WRITTEN;
	else if (mnt ? mnt == s->walk.root_mnt : sb == root_sb)
		layer = LUTRA_LAYER_ROOT;
	else
		layer = magic == TMPFS_MAGIC ? LUTRA_LAYER_TMPFS : LUTRA_LAYER_VOLUME;
	s->object.flags |= (__u8)(layer << LUTRA_OBJ_LAYER_SHIFT);
	if (inode && lutra_is_taking_op(s->object.op))
		s->object.flags |= (__u8)private_flag(inode);
	return 0;
}

static __always_inline bool is_of_image(__u32 layer)
{
	return layer == LUTRA_LAYER_IMAGE || layer == LUTRA_LAYER_CHANGED;
}

/*
 * Sets what else is to be known of a program or library in s whose layer is set: the container made
 * the name, or an exec session wrote the file. Global: verified once.
 */
__noinline int program_describe(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount)
{
	if (!s)
		return 0;
	if (is_of_image(lutra_object_layer(&s->object)) && is_moved(s, dentry, vfsmount)) {
		s->object.flags &= (__u8)~LUTRA_OBJ_LAYER;
		s->object.flags |= LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT;
	}
	if (lutra_object_layer(&s->object) == LUTRA_LAYER_WRITTEN &&
	    is_written_by_session(dentry, s->walk.root_dentry, s->slot))
		s->object.flags |= LUTRA_OBJ_UPDATED;
	return 0;
}

/*
 * Returns true if the bytes of a file are older than the container though its change time is not: the
 * host made a hard link, or the host's clock was set back. This is known of a root that is no overlay,
 * in which no guarded task touched the file, if hooks saw all that the container did since its start.
 * Others can write to volumes unseen.
 */
static __always_inline bool has_old_bytes(struct lutra_scratch *s, __u64 inode,
					  __u64 fresh_after_ns)
{
	const struct lutra_slot *slot = slot_get(s->slot);
	struct touched_key k;

	if (lutra_fallback || !slot || slot->flags & LUTRA_SLOT_RAN_BEFORE ||
	    lutra_object_layer(&s->object) != LUTRA_LAYER_ROOT ||
	    !(__u32)KERNEL_FIELD(inode, struct inode, i_nlink) ||
	    inode_mtime_ns((void *)inode) > fresh_after_ns)
		return false;
	k = touched_key_get(inode);
	return bpf_map_peek_elem(&touched, &k) != 0;
}

/* Fills in path and object of a struct file: see file_describe(). */
static __always_inline void describe_file(struct lutra_scratch *s, __u64 file, __u64 fresh_after_ns)
{
	__u64 inode = KERNEL_FIELD(file, struct file, f_inode);
	__u64 dentry = KERNEL_FIELD(file, struct file, f_path.dentry);
	__u64 vfsmount = KERNEL_FIELD(file, struct file, f_path.mnt);

	/*
	 * A mapping of an overlay's file is one of the file behind it. From 6.8 on the path of that
	 * file is not the overlay's, which is beside it.
	 */
	if (bpf_core_field_exists(struct backing_file, user_path) &&
	    (__u32)KERNEL_FIELD(file, struct file, f_mode) & FMODE_NOACCOUNT) {
		dentry = KERNEL_FIELD(file, struct backing_file, user_path.dentry);
		vfsmount = KERNEL_FIELD(file, struct backing_file, user_path.mnt);
	}

	s->object.mode = (__u16)KERNEL_FIELD(inode, struct inode, i_mode);
	s->object.flags |= LUTRA_OBJ_PATH;
	if (fresh_after_ns && ((__u32)KERNEL_FIELD(inode, struct inode, i_nlink) == 0 ||
			       inode_ctime_ns((void *)inode) > fresh_after_ns))
		s->object.flags |= LUTRA_OBJ_FRESH;
	path_reset(&s->path);
	path_walk(s, dentry, vfsmount);
	layer_describe(s, dentry, vfsmount);
	if (!fresh_after_ns)
		return;
	program_describe(s, dentry, vfsmount);
	if (s->object.flags & LUTRA_OBJ_FRESH && has_old_bytes(s, inode, fresh_after_ns))
		s->object.flags &= (__u8)~LUTRA_OBJ_FRESH;
}

/* What the kernel has as the namespace of a mount of its own (MNT_NS_INTERNAL). */
#define INTERNAL_NAMESPACE ((__u64)-22)
#define SB_KERNMOUNT (1u << 22)

/*
 * Returns 1 if a struct file is on a mount that overlayfs made of one of its layers for itself: no
 * process can name it. Other mounts of the kernel's own have a file system that nobody else mounts,
 * as a memfd has, and are none.
 */
__noinline int file_is_of_layer(__u64 file)
{
	__u64 vfsmount = KERNEL_FIELD(file, struct file, f_path.mnt);
	__u64 mnt = vfsmount - bpf_core_field_offset(struct mount, mnt);
	__u64 sb = KERNEL_FIELD(vfsmount, struct vfsmount, mnt_sb);

	return KERNEL_FIELD(mnt, struct mount, mnt_ns) == INTERNAL_NAMESPACE &&
	       !(KERNEL_FIELD(sb, struct super_block, s_flags) & SB_KERNMOUNT);
}

/*
 * Fills in s->path and s->object from a struct file. fresh_after_ns: of a program or library. Sets
 * LUTRA_OBJ_FRESH if the file is unlinked or changed after this realtime, LUTRA_OBJ_UPDATED if an
 * exec session wrote it, and the layer of a file that was written if its name is not the image's; 0:
 * does not look.
 */
__noinline int file_describe(struct lutra_scratch *s, __u64 file, __u64 fresh_after_ns)
{
	if (s)
		describe_file(s, file, fresh_after_ns);
	return 0;
}

/*
 * Fills in s->path and s->object, as file_describe(), from a descriptor in a struct files_struct.
 * Returns the file's mode (FMODE_*), or -1 if there is no file.
 */
__noinline int descriptor_describe(struct lutra_scratch *s, __u64 files, __u32 fd,
				   __u64 fresh_after_ns)
{
	__u64 file = descriptor_file(files, fd);

	if (!s || !file)
		return -1;
	describe_file(s, file, fresh_after_ns);
	return (int)KERNEL_FIELD(file, struct file, f_mode);
}

/*
 * Fills in s->path and s->object from the open of a file. address: with NO_FD the struct file; else
 * the struct files_struct that holds descriptor fd, and scratch is begun here. flags:
 * LUTRA_OBJ_WRITE for other reasons than the file's mode. Returns 1 if the open is to be judged,
 * after which open_cache_add() may remember it; 0 if there is nothing to judge.
 */
__noinline int open_describe(struct lutra_task *e, struct lutra_scratch *s, __u64 address, __u32 fd,
			     __u32 flags)
{
	__u32 mode;

	if (!e || !s)
		return 0;
	if (fd != NO_FD)
		address = descriptor_file(address, fd);
	if (!address)
		return 0;
	mode = (__u32)KERNEL_FIELD(address, struct file, f_mode);
	if (mode & FMODE_PATH)
		return 0;
	if (mode & FMODE_WRITE)
		flags |= LUTRA_OBJ_WRITE;
	/* Otherwise the verifier walks the rest twice, for a descriptor and for a file. */
	fd += LUTRA_ZERO;
	s->open_cache.index = 0;
	if (lutra_has_rdonly_cast && open_cache_has(e, s, address, flags))
		return 0;
	if (fd != NO_FD)
		scratch_begin(s, e, 0);
	s->object.op = LUTRA_OP_OPEN;
	s->object.flags = (__u8)flags;
	describe_file(s, address, 0);
	return 1;
}

/*
 * Calls written_note() and read_note() for descriptor fd of a struct files_struct, as it is open for
 * writing and for reading.
 */
__noinline int descriptor_note(struct lutra_task *e, struct lutra_scratch *s, __u64 files, __u32 fd)
{
	__u64 file = descriptor_file(files, fd);
	__u32 mode;

	if (!e || !s || !file)
		return 0;
	mode = (__u32)KERNEL_FIELD(file, struct file, f_mode);
	if (mode & FMODE_WRITE)
		written_note(e, s, file);
	if (mode & FMODE_READ)
		read_note(e, s, file);
	return 0;
}

/*
 * Fills in s->path and s->object from a name that an operation makes, changes or removes. mode: of
 * its inode, or of the inode that is to be made. vfsmount 0: not known. Outside of the root's file
 * system the name is then by the first of the container's mounts that shows the dentry.
 */
__noinline int name_describe(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount, __u32 mode)
{
	if (!s)
		return 0;
	s->object.mode = (__u16)mode;
	s->object.flags |= LUTRA_OBJ_PATH;
	path_reset(&s->path);
	if (!vfsmount && KERNEL_FIELD(dentry, struct dentry, d_sb) !=
				 KERNEL_FIELD(s->walk.root_dentry, struct dentry, d_sb)) {
		vfsmount = mount_find(s, dentry);
		if (vfsmount)
			vfsmount += bpf_core_field_offset(struct mount, mnt);
	}
	path_walk(s, dentry, vfsmount);
	return layer_describe(s, dentry, vfsmount);
}

/* Returns the first 8 bytes of a name, as kernel_u64() reads them. */
static __always_inline __u64 name_prefix(const char name[8])
{
	__u64 v;

	__builtin_memcpy(&v, name, sizeof(v));
	return v;
}

/* Returns the kind of a descriptor whose inode stands for no file. Its dentry has a name. */
static __always_inline int anonymous_kind(__u64 dentry)
{
	__u64 name = kernel_u64(KERNEL_FIELD(dentry, struct dentry, d_name.name));

	if (name == name_prefix("[eventfd"))
		return LUTRA_DESCRIPTOR_EVENTFD;
	if (name == name_prefix("[eventpo"))
		return LUTRA_DESCRIPTOR_EPOLL;
	if (name == name_prefix("[timerfd"))
		return LUTRA_DESCRIPTOR_TIMERFD;
	if (name == name_prefix("[signalf"))
		return LUTRA_DESCRIPTOR_SIGNALFD;
	if (name == name_prefix("inotify"))
		return LUTRA_DESCRIPTOR_INOTIFY;
	return LUTRA_DESCRIPTOR_ANON;
}

/* Returns the kind of a socket's descriptor, by its family. */
static __always_inline int socket_kind(__u64 file)
{
	__u64 socket = KERNEL_FIELD(file, struct file, private_data);
	__u64 sock = KERNEL_FIELD(socket, struct socket, sk);

	switch ((__u16)KERNEL_FIELD(sock, struct sock, __sk_common.skc_family)) {
	case AF_UNIX:
		return LUTRA_DESCRIPTOR_UNIX;
	case AF_INET:
		return LUTRA_DESCRIPTOR_IPV4;
	case AF_INET6:
		return LUTRA_DESCRIPTOR_IPV6;
	case AF_NETLINK:
		return LUTRA_DESCRIPTOR_NETLINK;
	case AF_PACKET:
		return LUTRA_DESCRIPTOR_PACKET;
	default:
		return LUTRA_DESCRIPTOR_SOCKET;
	}
}

/* Returns the protocol of a socket's descriptor of the current task; 0: there is none. */
__noinline int descriptor_protocol(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 file = descriptor_file((__u64)task->files, fd), inode, sock;

	if (!file)
		return 0;
	inode = KERNEL_FIELD(file, struct file, f_inode);
	if (((__u32)KERNEL_FIELD(inode, struct inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	sock = KERNEL_FIELD(KERNEL_FIELD(file, struct file, private_data), struct socket, sk);
	return (__u16)KERNEL_FIELD(sock, struct sock, sk_protocol);
}

/* Returns the inode number of the socket that a descriptor of the current task is; 0: it is none. */
__noinline __u64 descriptor_socket(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 file = descriptor_file((__u64)task->files, fd), inode;

	if (!file)
		return 0;
	inode = KERNEL_FIELD(file, struct file, f_inode);
	if (((__u32)KERNEL_FIELD(inode, struct inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	return KERNEL_FIELD(inode, struct inode, i_ino);
}

/* Returns how many descriptors the table of the current task has room for. */
__noinline int descriptor_count(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return (int)KERNEL_FIELD(KERNEL_FIELD((__u64)task->files, struct files_struct, fdt),
				 struct fdtable, max_fds);
}

/* Returns true if a character device is a terminal, by its major number (devices.txt). */
static __always_inline bool is_tty(__u64 inode)
{
	__u32 major = (__u32)KERNEL_FIELD(inode, struct inode, i_rdev) >> 20;

	return (major >= 2 && major <= 5) || (major >= 136 && major <= 143);
}

/* Returns the kind of a descriptor of the current task: enum lutra_descriptor. */
__noinline int descriptor_kind(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 file = descriptor_file((__u64)task->files, fd), inode, dentry, magic;

	if (!file)
		return LUTRA_DESCRIPTOR_BAD;
	inode = KERNEL_FIELD(file, struct file, f_inode);
	dentry = KERNEL_FIELD(file, struct file, f_path.dentry);
	switch ((__u32)KERNEL_FIELD(inode, struct inode, i_mode) & S_IFMT) {
	case S_IFSOCK:
		return socket_kind(file);
	case S_IFIFO:
		return LUTRA_DESCRIPTOR_PIPE;
	case S_IFDIR:
		return LUTRA_DESCRIPTOR_DIR;
	case S_IFCHR:
		return is_tty(inode) ? LUTRA_DESCRIPTOR_TTY : LUTRA_DESCRIPTOR_CHARDEV;
	case S_IFBLK:
		return LUTRA_DESCRIPTOR_BLOCKDEV;
	}
	/* Anonymous inodes have no type, or from 6.16 on that of a regular file. */
	magic = KERNEL_FIELD(KERNEL_FIELD(inode, struct inode, i_sb), struct super_block, s_magic);
	if (magic == ANON_INODE_MAGIC)
		return anonymous_kind(dentry);
	if (magic == MQUEUE_MAGIC)
		return LUTRA_DESCRIPTOR_QUEUE;
	if (magic == TMPFS_MAGIC && KERNEL_FIELD(dentry, struct dentry, d_parent) == dentry)
		return LUTRA_DESCRIPTOR_MEMORY;
	if (((__u32)KERNEL_FIELD(inode, struct inode, i_mode) & S_IFMT) == S_IFREG)
		return LUTRA_DESCRIPTOR_FILE;
	return LUTRA_DESCRIPTOR_OTHER;
}

char LICENSE[] SEC("license") = "GPL";
