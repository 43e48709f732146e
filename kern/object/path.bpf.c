/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Paths into struct lutra_path, leaf first: by a walk of dentries across mounts, or out of a
 * string; and back into the string that is recorded.
 *
 * Hooks: none, called by the programs of the other files.
 * Maps: none; works in the caller's scratch.
 * Fails: towards a miss. What could not be resolved is marked so, and never matches the tree.
 */
#include "kern/state/kernel.bpf.h"

/* Set at load: the kernel has bpf_rdonly_cast(), from 6.2 on. */
const volatile bool lutra_loads = false;

/* In this file only: libbpf 1.1 cannot link two that declare one function of the kernel. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __weak __ksym;

/*
 * 8 bytes of kernel memory, 0 where there are none: a plain load where the kernel takes the address
 * for that of a type (any that begins with 8 bytes), which costs a tenth of a helper's call.
 */
static __always_inline __u64 kernel_u64(__u64 address)
{
	__u32 type = bpf_core_type_id_kernel(struct timespec64);
	__u64 v = 0;

	if (lutra_loads)
		return (__u64)((struct timespec64 *)bpf_rdonly_cast((void *)address, type))->tv_sec;
	bpf_probe_read_kernel(&v, sizeof(v), (void *)address);
	return v;
}

/* A field of a kernel structure at an address, and what lies behind it in the 8 bytes. */
#define KERNEL_FIELD(address, type, field)                                                         \
	kernel_u64((address) + bpf_core_field_offset(type, field))

/* The file of a descriptor in a struct files_struct, or 0. */
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

/* Append a component of len bytes of kernel memory. */
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

/* Append a dentry's name, read from where the kernel keeps it. */
static __always_inline void path_append_dentry(struct lutra_path *path, __u64 dentry)
{
	__u32 n = path->n, at = n & (LUTRA_COMPONENTS - 1);
	__u32 len = (__u32)KERNEL_FIELD(dentry, struct dentry, d_name.len);
	__u64 name = KERNEL_FIELD(dentry, struct dentry, d_name.name);

	if (!lutra_loads) {
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
 * One step of the walk, up a component or across a mount. 1: the walk is over, at the container's
 * root or at a top that is not: there, outside the container, nothing is known by its name.
 */
static __always_inline int path_step(struct lutra_scratch *s)
{
	__u64 dentry = s->walk_dentry, mnt = s->walk_mnt, up;

	if (dentry == s->root_dentry && (!mnt || mnt == s->root_mnt))
		return 1;
	if (mnt && dentry == KERNEL_FIELD(mnt, struct mount, mnt.mnt_root)) {
		up = KERNEL_FIELD(mnt, struct mount, mnt_parent);
		if (up == mnt) {
			s->path.flags |= LUTRA_PATH_UNRESOLVED;
			return 1;
		}
		s->walk_dentry = KERNEL_FIELD(mnt, struct mount, mnt_mountpoint);
		s->walk_mnt = up;
		return 0;
	}
	up = KERNEL_FIELD(dentry, struct dentry, d_parent);
	if (up == dentry) {
		path_reset(&s->path);
		s->path.flags = LUTRA_PATH_DETACHED;
	}
	path_append_dentry(&s->path, dentry);
	s->walk_dentry = up;
	return up == dentry;
}

/*
 * Append to s->path the way from a dentry on a vfsmount up to the container's root. vfsmount 0:
 * not known, the dentry is taken to be on the root's own mount.
 */
__noinline int path_walk(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount)
{
	if (!s)
		return 0;
	s->walk_dentry = dentry;
	s->walk_mnt = vfsmount ? vfsmount - bpf_core_field_offset(struct mount, mnt) : 0;
	for (int i = 0; i < LUTRA_WALK_STEPS; i++) {
		forget();
		if (path_step(s))
			return 0;
	}
	s->path.flags |= LUTRA_PATH_UNRESOLVED;
	return 0;
}

/* The component [start, source_end) of s->source: 1 if it is a name. */
static __always_inline void source_component(struct lutra_scratch *s, __u32 start)
{
	const char *c = &s->source[start & (SOURCE_BYTES - 1)];
	__u32 len = s->source_end - start;

	if (len == 0 || len > SOURCE_BYTES || (len == 1 && c[0] == '.'))
		return;
	if (len == 2 && c[0] == '.' && c[1] == '.')
		s->path.flags |= LUTRA_PATH_UNRESOLVED;
	path_append(&s->path, c, len);
}

/* Byte at of s->source, looked at from the last to the first. Global: verified once. */
__noinline int source_byte(struct lutra_scratch *s, __u32 at)
{
	if (!s || at >= s->source_len || s->source[at & (SOURCE_BYTES - 1)] != '/')
		return 0;
	source_component(s, at + 1);
	s->source_end = at;
	return 0;
}

/*
 * Fill in s->path from source_len bytes of a path string in s->source; a relative one continues
 * in the directory that descriptor dir is open on, or in the current one. Symbolic links are not
 * followed and ".." is not understood.
 */
__noinline int path_source(struct lutra_scratch *s, __u32 dir)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 file;
	__u32 len;

	if (!s)
		return 0;
	path_reset(&s->path);
	len = s->source_len;
	if (len > SOURCE_BYTES) {
		s->path.flags = LUTRA_PATH_UNRESOLVED;
		return 0;
	}
	s->source_end = len;
	for (__u32 i = 0; i < SOURCE_BYTES; i++)
		source_byte(s, SOURCE_BYTES - 1 - i);
	if (s->source_len && s->source[0] == '/')
		return path_walk(s, (__u64)BPF_CORE_READ(task, fs, root.dentry),
				 (__u64)BPF_CORE_READ(task, fs, root.mnt));
	source_component(s, 0);
	if (dir == AT_FDCWD)
		return path_walk(s, (__u64)BPF_CORE_READ(task, fs, pwd.dentry),
				 (__u64)BPF_CORE_READ(task, fs, pwd.mnt));
	file = descriptor_file((__u64)task->files, dir);
	if (!file) {
		s->path.flags |= LUTRA_PATH_UNRESOLVED;
		return 0;
	}
	return path_walk(s, KERNEL_FIELD(file, struct file, f_path.dentry),
			 KERNEL_FIELD(file, struct file, f_path.mnt));
}

/* Write s->path as a string to s->str, the root first, str_len bytes; see lib/abi/path_text.h. */
__noinline int path_string(struct lutra_scratch *s)
{
	__u32 n, flags;

	if (!s)
		return 0;
	n = s->path.n;
	flags = s->path.flags;
	s->str_len = 0;
	if (flags & LUTRA_PATH_UNRESOLVED)
		s->str[s->str_len++ & 1] = '?';
	if (flags & LUTRA_PATH_DETACHED || n == 0)
		s->str[s->str_len++ & 1] = '/';
	for (__u32 i = 0; i < LUTRA_WALK_STEPS; i++) {
		__u32 at = (n - 1 - i) & (LUTRA_COMPONENTS - 1);
		__u32 off, len;

		forget();
		off = s->str_len;
		len = s->path.len[at];
		if (i >= n || off > LUTRA_STRING_MAX - 1 - LUTRA_NAME)
			break;
		s->str[off] = '/';
		if (i >= LUTRA_COMPONENTS) {
			s->str_len = off + 1;
			continue;
		}
		bpf_probe_read_kernel(&s->str[off + 1], LUTRA_NAME, s->path.name[at]);
		s->str_len = off + 1 + (len > LUTRA_NAME ? LUTRA_NAME : len);
	}
	return 0;
}

struct inode___6_1 {
	struct timespec64 i_ctime;
} __attribute__((preserve_access_index));

struct inode___6_6 {
	struct timespec64 __i_ctime;
} __attribute__((preserve_access_index));

struct inode___6_11 {
	long long i_ctime_sec;
	__u32 i_ctime_nsec;
} __attribute__((preserve_access_index));

/* From 6.13 on this bit of the nanoseconds says that somebody has looked at the time. */
#define CTIME_QUERIED (1u << 31)

static __always_inline __u64 inode_ctime_ns(void *inode)
{
	struct inode___6_11 *now = inode;
	struct inode___6_6 *mid = inode;
	struct inode___6_1 *old = inode;

	if (bpf_core_field_exists(now->i_ctime_sec))
		return (__u64)BPF_CORE_READ(now, i_ctime_sec) * NSEC_PER_SEC +
		       (BPF_CORE_READ(now, i_ctime_nsec) & ~CTIME_QUERIED);
	if (bpf_core_field_exists(mid->__i_ctime))
		return (__u64)BPF_CORE_READ(mid, __i_ctime.tv_sec) * NSEC_PER_SEC +
		       (__u64)BPF_CORE_READ(mid, __i_ctime.tv_nsec);
	return (__u64)BPF_CORE_READ(old, i_ctime.tv_sec) * NSEC_PER_SEC +
	       (__u64)BPF_CORE_READ(old, i_ctime.tv_nsec);
}

static __always_inline void describe(struct lutra_scratch *s, __u64 file, __u64 fresh_after_ns)
{
	__u64 inode = KERNEL_FIELD(file, struct file, f_inode);

	s->object.mode = (__u16)KERNEL_FIELD(inode, struct inode, i_mode);
	s->object.flags |= LUTRA_OBJ_PATH;
	if (fresh_after_ns && ((__u32)KERNEL_FIELD(inode, struct inode, i_nlink) == 0 ||
			       inode_ctime_ns((void *)inode) > fresh_after_ns))
		s->object.flags |= LUTRA_OBJ_FRESH;
	path_reset(&s->path);
	path_walk(s, KERNEL_FIELD(file, struct file, f_path.dentry),
		  KERNEL_FIELD(file, struct file, f_path.mnt));
}

/*
 * Path and inode of a struct file into s->path and s->object; with fresh_after_ns (realtime, or
 * 0) also whether it is unlinked or was changed later than that.
 */
__noinline int file_describe(struct lutra_scratch *s, __u64 file, __u64 fresh_after_ns)
{
	if (s)
		describe(s, file, fresh_after_ns);
	return 0;
}

/*
 * The same of a descriptor in a table of open files. Its mode (FMODE_*), or -1 where there is no
 * file.
 */
__noinline int descriptor_describe(struct lutra_scratch *s, __u64 files, __u32 fd,
				   __u64 fresh_after_ns)
{
	__u64 file = descriptor_file(files, fd);

	if (!s || !file)
		return -1;
	describe(s, file, fresh_after_ns);
	return (int)KERNEL_FIELD(file, struct file, f_mode);
}

/*
 * The open of a file: of descriptor fd in a table of open files at address, for which the scratch
 * is begun here, or, with NO_FD, of the struct file there. flags: LUTRA_OBJ_WRITE for other reasons
 * than the file's mode. 1: as file_describe(), to be judged; then open_keep(). 0: there is nothing
 * to judge.
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
	/* Else the verifier takes what follows once for a descriptor and once for a file. */
	fd += LUTRA_ZERO;
	s->known_at = 0;
	if (lutra_loads && known_open(e, s, address, flags))
		return 0;
	if (fd != NO_FD)
		scratch_begin(s, e, 0);
	s->object.op = LUTRA_OP_OPEN;
	s->object.flags = (__u8)flags;
	describe(s, address, 0);
	return 1;
}

/*
 * The path of a name that an operation makes, changes or removes, into s->path and s->object. mode:
 * its inode's, or what it is to be.
 */
__noinline int name_describe(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount, __u32 mode)
{
	if (!s)
		return 0;
	s->object.mode = (__u16)mode;
	s->object.flags |= LUTRA_OBJ_PATH;
	path_reset(&s->path);
	return path_walk(s, dentry, vfsmount);
}

char LICENSE[] SEC("license") = "GPL";
