/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's side of SCMP_ACT_NOTIFY: reads what an OCI runtime hands over, and answers. An answer
 * does not depend on memory that the waiting task could change.
 */
#ifndef LUTRA_USER_SECCOMP_NOTIFY_H
#define LUTRA_USER_SECCOMP_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

#define NOTIFY_STATE_MAX 65536 /* bytes of a container process state */
#define NOTIFY_FDS_MAX 4

struct notify_state {
	pid_t pid;    /* in the caller's pid namespace */
	char *id;     /* id of the container */
	unsigned fd;  /* index of the filter's descriptor */
	unsigned fds; /* number of descriptors that came with the state */
};

void notify_state_done(struct notify_state *s);

/*
 * Reads the state that came with n_fds descriptors. -EAGAIN: the text is incomplete. -EBADMSG: not
 * a state, or its descriptors are others. -ENOMEM.
 */
int notify_state_from_json(const char *json, size_t len, unsigned n_fds, struct notify_state *ret,
			   struct err *err);

/* Returns true if fd is the descriptor of a seccomp filter's notifications. */
bool notify_is_listener(int fd);

/* Returns true to refuse the system call. Called once for each notification. */
typedef bool notify_refuse(void *ctx, pid_t pid, int nr);

/*
 * Answers the system call that waits on a filter's descriptor: EPERM or continue. Returns 0 also if
 * the task is gone. -ENOENT: no task waits. Else as seccomp_notify_receive(3).
 */
int notify_answer(int fd, notify_refuse *refuse, void *ctx);

#endif
