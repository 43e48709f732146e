/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Which calls stand in, at their exit, for LSM hooks where those do not run: opens, executable
 * mappings and operations on names. Numbers of x86-64.
 */
#ifndef LUTRA_FALLBACK_H
#define LUTRA_FALLBACK_H

#include "lutra/abi.h"

#define LUTRA_CALL_OPEN 2
#define LUTRA_CALL_MMAP 9
#define LUTRA_CALL_MPROTECT 10
#define LUTRA_CALL_CREAT 85
#define LUTRA_CALL_OPENAT 257
#define LUTRA_CALL_PKEY_MPROTECT 329
#define LUTRA_CALL_OPENAT2 437
#define LUTRA_CALL_OLDEST 450 /* the last call of the oldest kernel that lutra runs on, 6.1 */

/* An operation on a name: arguments by number, from 1; 0: none. */
struct lutra_standin_name {
	__u8 op;
	__u8 dir;  /* descriptor that a relative path starts at; without path: of the object */
	__u8 path; /* string */
	__u8 mode;
};

static const struct lutra_standin_name lutra_standin_names[LUTRA_NR][2] = {
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

static __always_inline int lutra_standin_open(__u32 nr)
{
	return nr == LUTRA_CALL_OPENAT || nr == LUTRA_CALL_OPEN || nr == LUTRA_CALL_CREAT ||
	       nr == LUTRA_CALL_OPENAT2;
}

static __always_inline int lutra_standin_map(__u32 nr)
{
	return nr == LUTRA_CALL_MMAP || nr == LUTRA_CALL_MPROTECT || nr == LUTRA_CALL_PKEY_MPROTECT;
}

/* Does call nr, below LUTRA_NR, stand in for a hook at its exit? */
static __always_inline int lutra_standin_call(__u32 nr)
{
	return lutra_standin_names[nr & (LUTRA_NR - 1)][0].op || lutra_standin_open(nr) ||
	       lutra_standin_map(nr);
}

#endif
