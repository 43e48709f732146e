/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The times of inodes, which kernels store in different fields.
 *
 * Maps: none.
 * Fails: closed. A field that cannot be read gives time 0, and the other time decides.
 *
 * Part of path.bpf.c.
 */
#ifndef LUTRA_KERN_OBJECT_TIMES_BPF_H
#define LUTRA_KERN_OBJECT_TIMES_BPF_H

#include "kern/object/object.bpf.h"

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

/* From 6.13 on this bit of the nanoseconds says that a process has read the time. */
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

struct inode___mtime_6_1 {
	struct timespec64 i_mtime;
} __attribute__((preserve_access_index));

struct inode___mtime_6_7 {
	struct timespec64 __i_mtime;
} __attribute__((preserve_access_index));

struct inode___mtime_6_11 {
	long long i_mtime_sec;
	__u32 i_mtime_nsec;
} __attribute__((preserve_access_index));

static __always_inline __u64 inode_mtime_ns(void *inode)
{
	struct inode___mtime_6_11 *now = inode;
	struct inode___mtime_6_7 *mid = inode;
	struct inode___mtime_6_1 *old = inode;

	if (bpf_core_field_exists(now->i_mtime_sec))
		return (__u64)BPF_CORE_READ(now, i_mtime_sec) * NSEC_PER_SEC +
		       BPF_CORE_READ(now, i_mtime_nsec);
	if (bpf_core_field_exists(mid->__i_mtime))
		return (__u64)BPF_CORE_READ(mid, __i_mtime.tv_sec) * NSEC_PER_SEC +
		       (__u64)BPF_CORE_READ(mid, __i_mtime.tv_nsec);
	return (__u64)BPF_CORE_READ(old, i_mtime.tv_sec) * NSEC_PER_SEC +
	       (__u64)BPF_CORE_READ(old, i_mtime.tv_nsec);
}

#endif
