/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls of x86-64: the numbers that kernel side and userspace look at, and the arguments
 * that a record keeps.
 */
#ifndef LUTRA_SYSCALLS_H
#define LUTRA_SYSCALLS_H

#include "lutra/abi.h"

#define LUTRA_NR_OPEN 2
#define LUTRA_NR_MMAP 9
#define LUTRA_NR_MPROTECT 10
#define LUTRA_NR_SOCKET 41
#define LUTRA_NR_CONNECT 42
#define LUTRA_NR_ACCEPT 43
#define LUTRA_NR_SENDTO 44
#define LUTRA_NR_SENDMSG 46
#define LUTRA_NR_RECVMSG 47
#define LUTRA_NR_SHUTDOWN 48
#define LUTRA_NR_BIND 49
#define LUTRA_NR_LISTEN 50
#define LUTRA_NR_SOCKETPAIR 53
#define LUTRA_NR_SETSOCKOPT 54
#define LUTRA_NR_EXECVE 59
#define LUTRA_NR_CREAT 85
#define LUTRA_NR_PERSONALITY 135
#define LUTRA_NR_MKNOD 133
#define LUTRA_NR_OPENAT 257
#define LUTRA_NR_MKNODAT 259
#define LUTRA_NR_RECVMMSG 299
#define LUTRA_NR_RENAMEAT2 316
#define LUTRA_NR_ACCEPT4 288
#define LUTRA_NR_SENDMMSG 307
#define LUTRA_NR_SETNS 308
#define LUTRA_NR_EXECVEAT 322
#define LUTRA_NR_PKEY_MPROTECT 329
#define LUTRA_NR_IO_URING_ENTER 426
#define LUTRA_NR_OPENAT2 437
#define LUTRA_NR_PIDFD_GETFD 438
#define LUTRA_NR_IA32_PERSONALITY (136 | LUTRA_NR_IA32)
#define LUTRA_NR_IA32_MKNOD (14 | LUTRA_NR_IA32)
#define LUTRA_NR_IA32_MKNODAT (297 | LUTRA_NR_IA32)
#define LUTRA_NR_OLDEST 450 /* the last one of the oldest kernel that lutra runs on, 6.1 */

#define LUTRA_ARGS(a, b) (((a) + 1) | ((b) + 1) << 4)

/*
 * The two scalar arguments of a syscall that a record keeps, by syscall number: first + 1 |
 * (second + 1) << 4; 0: none is kept. Of each the low 32 bits: the first in the low half of the
 * record's arg, the second in the high half.
 */
static const __u8 lutra_syscall_args[LUTRA_NR] = {
	[9] = LUTRA_ARGS(2, 3),	  /* mmap prot flags */
	[10] = LUTRA_ARGS(2, 1),  /* mprotect prot len */
	[16] = LUTRA_ARGS(0, 1),  /* ioctl fd cmd */
	[2] = LUTRA_ARGS(1, 2),	  /* open flags mode */
	[29] = LUTRA_ARGS(0, 2),  /* shmget key flags */
	[30] = LUTRA_ARGS(0, 2),  /* shmat id flags */
	[31] = LUTRA_ARGS(0, 1),  /* shmctl id cmd */
	[41] = LUTRA_ARGS(0, 1),  /* socket family type */
	[53] = LUTRA_ARGS(0, 1),  /* socketpair family type */
	[54] = LUTRA_ARGS(1, 2),  /* setsockopt level name */
	[55] = LUTRA_ARGS(1, 2),  /* getsockopt level name */
	[56] = LUTRA_ARGS(0, 2),  /* clone flags */
	[62] = LUTRA_ARGS(0, 1),  /* kill pid signal */
	[64] = LUTRA_ARGS(0, 2),  /* semget key flags */
	[65] = LUTRA_ARGS(0, 2),  /* semop id operations */
	[66] = LUTRA_ARGS(0, 2),  /* semctl id cmd */
	[68] = LUTRA_ARGS(0, 1),  /* msgget key flags */
	[69] = LUTRA_ARGS(0, 3),  /* msgsnd id flags */
	[70] = LUTRA_ARGS(0, 4),  /* msgrcv id flags */
	[71] = LUTRA_ARGS(0, 1),  /* msgctl id cmd */
	[72] = LUTRA_ARGS(1, 2),  /* fcntl cmd arg */
	[90] = LUTRA_ARGS(1, 1),  /* chmod mode */
	[91] = LUTRA_ARGS(1, 0),  /* fchmod mode fd */
	[101] = LUTRA_ARGS(0, 1), /* ptrace request pid */
	[105] = LUTRA_ARGS(0, 0), /* setuid uid */
	[106] = LUTRA_ARGS(0, 0), /* setgid gid */
	[113] = LUTRA_ARGS(0, 1), /* setreuid real effective */
	[114] = LUTRA_ARGS(0, 1), /* setregid real effective */
	[117] = LUTRA_ARGS(0, 1), /* setresuid real effective */
	[119] = LUTRA_ARGS(0, 1), /* setresgid real effective */
	[135] = LUTRA_ARGS(0, 0), /* personality */
	[157] = LUTRA_ARGS(0, 1), /* prctl option arg */
	[158] = LUTRA_ARGS(0, 1), /* arch_prctl option address */
	[165] = LUTRA_ARGS(3, 3), /* mount flags */
	[166] = LUTRA_ARGS(1, 1), /* umount flags */
	[200] = LUTRA_ARGS(0, 1), /* tkill tid signal */
	[202] = LUTRA_ARGS(1, 2), /* futex op value */
	[234] = LUTRA_ARGS(0, 2), /* tgkill tgid signal */
	[250] = LUTRA_ARGS(0, 1), /* keyctl operation id */
	[257] = LUTRA_ARGS(2, 3), /* openat flags mode */
	[268] = LUTRA_ARGS(2, 2), /* fchmodat mode */
	[272] = LUTRA_ARGS(0, 0), /* unshare flags */
	[288] = LUTRA_ARGS(3, 3), /* accept4 flags */
	[298] = LUTRA_ARGS(3, 4), /* perf_event_open group flags */
	[302] = LUTRA_ARGS(0, 1), /* prlimit64 pid resource */
	[308] = LUTRA_ARGS(1, 0), /* setns type fd */
	[317] = LUTRA_ARGS(0, 1), /* seccomp operation flags */
	[319] = LUTRA_ARGS(1, 1), /* memfd_create flags */
	[321] = LUTRA_ARGS(0, 2), /* bpf command size */
	[322] = LUTRA_ARGS(4, 0), /* execveat flags fd */
	[323] = LUTRA_ARGS(0, 0), /* userfaultfd flags */
	[329] = LUTRA_ARGS(2, 3), /* pkey_mprotect prot key */
	[425] = LUTRA_ARGS(0, 0), /* io_uring_setup entries */
	[435] = LUTRA_ARGS(1, 1), /* clone3 size */
};

#endif
