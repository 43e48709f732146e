/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every file of the kernel side includes first: kernel types, constants, settings of the load.
 */
#ifndef LUTRA_KERN_STATE_KERNEL_BPF_H
#define LUTRA_KERN_STATE_KERNEL_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lutra/syscalls.h"
#include "lutra/verdict.h"

#define EPERM 1
#define SIGKILL 9

#define PF_EXITING 0x4
#define PF_IO_WORKER 0x10
#define PF_FORKNOEXEC 0x40
#define PF_KTHREAD 0x200000
#define TS_COMPAT 0x2
#define X32_BIT 0x40000000
#define SYSCALL_WORK_SECCOMP 0x1 /* thread_info.syscall_work: the task has a seccomp filter */

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define MSG_FASTOPEN 0x20000000

#define O_ACCMODE 03
#define O_TRUNC 01000
#define O_CREAT_TRUNC_APPEND (0100 | O_TRUNC | 02000)
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_EXEC 0x20
#define FMODE_PATH 0x4000
#define FMODE_CREATED 0x100000
#define FMODE_NOACCOUNT 0x20000000 /* a file system's own file behind an overlay's */
#define PTRACE_MODE_ATTACH 0x02
#define PTRACE_MODE_NOAUDIT 0x04
#define CAP_OPT_NOAUDIT 0x02
#define OVERLAYFS_MAGIC 0x794c7630
#define TMPFS_MAGIC 0x01021994
#define SB_I_NOEXEC 0x2 /* of proc, sysfs and the like: nothing there can be executed */
#define ANON_INODE_MAGIC 0x09041934
#define MQUEUE_MAGIC 0x19800202
#define PROT_WRITE 0x2
#define PROT_EXEC 0x4
#define MAP_ANONYMOUS 0x20
#define VM_SHARED 0x8
#define READ_IMPLIES_EXEC 0x0400000
#define PERSONALITY_GET 0xffffffff /* personality(2) changes nothing */
#define AT_FDCWD ((__u32)-100)
#define AT_REMOVEDIR 0x200
#define RENAME_EXCHANGE 2
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define MODE_SETID 06000
#define MODE_OTHERS 07
#define MODE_XS 06111 /* a permission to execute, or as another user */

/* True: tracepoints see what the LSM hooks would, which do not run here. */
extern const volatile bool lutra_fallback;
/* Programs act only for the slots that name their instance. */
extern const volatile __u32 lutra_instance;

/* Set by the daemon: syscalls of tasks with a seccomp filter are handled at the filter. */
extern bool lutra_at_filter;

/*
 * Memory keeps what was written to it. The verifier then takes what is read from a map for unknown:
 * its states at each turn of a loop are equal, and it need not walk every combination.
 */
#define compiler_barrier() asm volatile("" ::: "memory")

/* Copies a pointer to a scalar: the verifier allows no arithmetic on a kernel pointer. */
#define pointer_low32(to, pointer) asm volatile("%0 = %1" : "=w"(to) : "w"((__u32)(__u64)(pointer)))

/* Returns a hook's refusal: the 6.12 verifier wants a literal that the optimiser has not folded. */
static __always_inline int deny(void)
{
	long r = -EPERM;

	asm volatile("" : "+r"(r));
	return (int)r;
}

/* Returns the value of a hook that refuses if is_refused, else that of one that lets pass. */
static __always_inline int deny_if(bool is_refused)
{
	return is_refused ? deny() : 0;
}

/* Returns an argument of a syscall by its position, from 1; 0 for position 0. */
static __always_inline __u64 syscall_arg(const struct pt_regs *regs, __u32 which)
{
	switch (which) {
	case 1:
		return regs->di;
	case 2:
		return regs->si;
	case 3:
		return regs->dx;
	case 4:
		return regs->r10;
	case 5:
		return regs->r8;
	case 6:
		return regs->r9;
	default:
		return 0;
	}
}

#endif
