/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The fallback for LSM hooks, where those do not run: the syscalls whose exit is the event of an
 * open, an executable mapping or an operation on a name.
 */
#ifndef LUTRA_FALLBACK_H
#define LUTRA_FALLBACK_H

#include "lutra/abi.h"
#include "lutra/syscalls.h"

/* An operation on a name: arguments by number, from 1; 0: none. */
struct lutra_fallback_name {
	__u8 op;
	__u8 dir;  /* descriptor that a relative path starts at; without path: of the object */
	__u8 path; /* string */
	__u8 mode;
};

static const struct lutra_fallback_name lutra_fallback_names[LUTRA_NR][2] = {
	[76] = {{LUTRA_OP_TRUNCATE, 0, 1, 0}},					  /* truncate */
	[77] = {{LUTRA_OP_TRUNCATE, 1, 0, 0}},					  /* ftruncate */
	[82] = {{LUTRA_OP_RENAME_FROM, 0, 1, 0}, {LUTRA_OP_RENAME_TO, 0, 2, 0}},  /* rename */
	[83] = {{LUTRA_OP_MKDIR, 0, 1, 0}},					  /* mkdir */
	[84] = {{LUTRA_OP_RMDIR, 0, 1, 0}},					  /* rmdir */
	[86] = {{LUTRA_OP_LINK_FROM, 0, 1, 0}, {LUTRA_OP_LINK_TO, 0, 2, 0}},	  /* link */
	[87] = {{LUTRA_OP_UNLINK, 0, 1, 0}},					  /* unlink */
	[88] = {{LUTRA_OP_SYMLINK, 0, 2, 0}},					  /* symlink */
	[90] = {{LUTRA_OP_CHMOD, 0, 1, 2}},					  /* chmod */
	[91] = {{LUTRA_OP_CHMOD, 1, 0, 2}},					  /* fchmod */
	[92] = {{LUTRA_OP_CHOWN, 0, 1, 0}},					  /* chown */
	[93] = {{LUTRA_OP_CHOWN, 1, 0, 0}},					  /* fchown */
	[94] = {{LUTRA_OP_CHOWN, 0, 1, 0}},					  /* lchown */
	[133] = {{LUTRA_OP_MKNOD, 0, 1, 2}},					  /* mknod */
	[188] = {{LUTRA_OP_SETXATTR, 0, 1, 0}},					  /* setxattr */
	[189] = {{LUTRA_OP_SETXATTR, 0, 1, 0}},					  /* lsetxattr */
	[190] = {{LUTRA_OP_SETXATTR, 1, 0, 0}},					  /* fsetxattr */
	[258] = {{LUTRA_OP_MKDIR, 1, 2, 0}},					  /* mkdirat */
	[259] = {{LUTRA_OP_MKNOD, 1, 2, 3}},					  /* mknodat */
	[260] = {{LUTRA_OP_CHOWN, 1, 2, 0}},					  /* fchownat */
	[263] = {{LUTRA_OP_UNLINK, 1, 2, 3}},					  /* unlinkat */
	[264] = {{LUTRA_OP_RENAME_FROM, 1, 2, 0}, {LUTRA_OP_RENAME_TO, 3, 4, 0}}, /* renameat */
	[265] = {{LUTRA_OP_LINK_FROM, 1, 2, 0}, {LUTRA_OP_LINK_TO, 3, 4, 0}},	  /* linkat */
	[266] = {{LUTRA_OP_SYMLINK, 2, 3, 0}},					  /* symlinkat */
	[268] = {{LUTRA_OP_CHMOD, 1, 2, 3}},					  /* fchmodat */
	[316] = {{LUTRA_OP_RENAME_FROM, 1, 2, 0}, {LUTRA_OP_RENAME_TO, 3, 4, 0}}, /* renameat2 */
	[452] = {{LUTRA_OP_CHMOD, 1, 2, 3}},					  /* fchmodat2 */
};

/* Returns true if the syscall opens a file. */
static __always_inline int lutra_is_open_syscall(__u32 nr)
{
	return nr == LUTRA_NR_OPENAT || nr == LUTRA_NR_OPEN || nr == LUTRA_NR_CREAT ||
	       nr == LUTRA_NR_OPENAT2;
}

/* Returns true if the syscall can map memory executable. */
static __always_inline int lutra_is_map_syscall(__u32 nr)
{
	return nr == LUTRA_NR_MMAP || nr == LUTRA_NR_MPROTECT || nr == LUTRA_NR_PKEY_MPROTECT;
}

/* Returns true if the exit of the syscall is an event of the fallback. nr: below LUTRA_NR. */
static __always_inline int lutra_is_fallback_syscall(__u32 nr)
{
	return lutra_fallback_names[nr & (LUTRA_NR - 1)][0].op || lutra_is_open_syscall(nr) ||
	       lutra_is_map_syscall(nr);
}

#endif
