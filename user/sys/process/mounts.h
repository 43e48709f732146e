/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts that a process sees: /proc/PID/mountinfo, proc_pid_mountinfo(5). A process may have made
 * them itself: a line that is not as the kernel writes it is skipped, and so is what is too much.
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
	uint32_t id, parent; /* the parent may be missing */
	uint32_t major, minor;
	char *root;  /* the mounted directory, in its file system; NULL: it has no path there */
	char *point; /* where it is mounted, below the process's root */
};

/* In the order of the kernel, which puts a mount behind those that it is on. All zero: none. */
struct mounts {
	struct mount *mount;
	size_t n, size;
	bool cut; /* there are more */
};

void mounts_done(struct mounts *m);

/* Parses mountinfo. Returns 0 or -ENOMEM. */
int mounts_parse(const char *text, size_t len, struct mounts *ret);

/*
 * Reads the mounts of a process. proc: a descriptor of its directory in /proc. Returns 0; -ESRCH: it
 * has ended; else as open(2) and read(2).
 */
int mounts_read(int proc, struct mounts *ret);

/*
 * Reads the mounts of the mount namespace that a process is in, from the root of the namespace on. The
 * process may have another root. In lutrad's own namespace it reads as mounts_read(). Returns as
 * mounts_read() does, or an error of setns(2). Blocks until a thread has read them.
 */
int mounts_read_namespace(int proc, struct mounts *ret);

#endif
