/* SPDX-License-Identifier: Apache-2.0 */
/* A command in a cgroup, and the signals that its parent hands on to it. */
#ifndef LUTRA_USER_SYS_PROCESS_CHILD_H
#define LUTRA_USER_SYS_PROCESS_CHILD_H

#include <signal.h>

#include "lib/base/err.h"

/* A step in the child between joining the cgroup and exec. */
struct child_step {
	const char *name; /* for the error's text: "seccomp" */
	/* Returns 0 or -errno. It runs after fork(): only async-signal-safe calls. */
	int (*on_child)(const void *ctx);
	const void *ctx;
};

/*
 * Starts argv in cgroup: the child moves into it, then executes with the signal mask mask. The
 * child dies with its parent. Returns 0 when the program runs. On failure the child is reaped, and
 * -errno of the step that failed is returned; -ENOENT: there is no such program.
 */
int child_start(char *const argv[], const char *cgroup, const sigset_t *mask, pid_t *ret,
		struct err *err);
/* Works as child_start(), and takes the step, if it is not NULL, before the program is executed. */
int child_start_with(char *const argv[], const char *cgroup, const sigset_t *mask,
		     const struct child_step *step, pid_t *ret, struct err *err);

/*
 * Blocks the signals that a command's parent handles; *ret_old is the mask before. Returns a
 * signalfd for them, or -errno.
 */
int child_signals(sigset_t *ret_old, struct err *err);

/*
 * Reads one signal from the signalfd. A signal that was sent to this process alone is also sent to
 * pid (0: to no process), except SIGCHLD; a signal from the terminal has reached pid already.
 * Returns the signal, or 0 if there is none.
 */
int child_signal_next(int fd, pid_t pid);

/* Returns the exit code that a shell gives for a wait status. */
int child_exit_code(int status);

#endif
