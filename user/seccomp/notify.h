/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's side of SCMP_ACT_NOTIFY: what an OCI runtime hands over, and the answers. An answer
 * depends on nothing that the notified task could change while it waits: not on its memory.
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
	char *id;     /* of the container */
	unsigned fd;  /* which of the descriptors is the filter's */
	unsigned fds; /* how many came with it */
};

void notify_state_done(struct notify_state *s);

/*
 * The state that came with n_fds descriptors. -EAGAIN: it is cut off, more is to come; -EBADMSG: no
 * such state, or other descriptors than it says; -ENOMEM.
 */
int notify_state_decode(const char *json, size_t len, unsigned n_fds, struct notify_state *ret,
			struct err *err);

/* Shall the call be refused? Asked once a call. */
typedef bool notify_refuse(void *ctx, pid_t pid, int nr);

/*
 * Answer the call that waits on a filter's descriptor: EPERM, or go on. 0, also where the task was
 * gone before; -ENOENT: nobody waits; else as seccomp_notify_receive(3).
 */
int notify_answer(int fd, notify_refuse *refuse, void *ctx);

#endif
