/* SPDX-License-Identifier: Apache-2.0 */
/* A command in a cgroup, and the signals that its parent hands on to it. */
#ifndef LUTRA_USER_SYS_CHILD_H
#define LUTRA_USER_SYS_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct filter;

/*
 * Start argv in cgroup: the child moves into it, then executes, with the signal mask mask. It dies
 * with its parent. Returns when the program runs, or -errno of what failed (the child is reaped
 * then); -ENOENT: no such program.
 */
int child_start(char *const argv[], const char *cgroup, const sigset_t *mask, pid_t *ret,
		struct err *err);
/* The same under a seccomp filter, if it is not NULL. */
int child_start_filtered(char *const argv[], const char *cgroup, const sigset_t *mask,
			 const struct filter *filter, pid_t *ret, struct err *err);

/* Block the signals that a command's parent handles; *ret_old: the mask before. A signalfd. */
int child_signals(sigset_t *ret_old, struct err *err);

/*
 * Read one signal of the signalfd. SIGCHLD is returned; one that somebody sent to this process
 * alone is handed on to pid (0: to nobody); one from the terminal has reached pid already. Returns
 * the signal, or 0.
 */
int child_signal_next(int fd, pid_t pid);

/* Exit code of a shell for a wait status. */
int child_exit_code(int status);

#endif
