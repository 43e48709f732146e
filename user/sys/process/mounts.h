/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the mounts that a process sees: /proc/PID/mountinfo, proc_pid_mountinfo(5). The process may
 * have made them itself, so their number and names are hostile. A line that is not as the kernel
 * writes it is skipped. Mounts and bytes beyond the limits below are not read.
 */
#ifndef LUTRA_USER_SYS_PROCESS_MOUNTS_H
#define LUTRA_USER_SYS_PROCESS_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define MOUNTS_MAX 4096
#define MOUNTS_BYTES_MAX (2u << 20)

struct mount {
	uint32_t id, parent; /* parent: of the mount under it, which the list may lack */
	uint32_t major, minor;
	char *root;  /* path of what is mounted, in its file system; NULL: it has no path */
	char *point; /* path of the mount point, from the process's root */
};

/* In the kernel's order: a mount comes after the mount that it is mounted on. All zero: empty. */
struct mounts {
	struct mount *mount;
	size_t n, size;
	bool truncated; /* the process has more mounts than these */
};

void mounts_done(struct mounts *m);

/* Parses mountinfo. Returns 0 or -ENOMEM. */
int mounts_parse(const char *text, size_t len, struct mounts *ret);

/*
 * Reads the mounts of a process. proc: descriptor of its directory in /proc. Returns 0, -ESRCH if
 * the process has ended, -ENOMEM, or an error of open(2) or read(2).
 */
int mounts_read(int proc, struct mounts *ret);

/*
 * Reads the mounts of the mount namespace that a process is in, from the root of the namespace on. The
 * process may have another root. In lutrad's own namespace it reads as mounts_read(). Returns as
 * mounts_read() does, or an error of setns(2). Blocks until a thread has read them.
 */
int mounts_read_namespace(int proc, struct mounts *ret);

#endif
