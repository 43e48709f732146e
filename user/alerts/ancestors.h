/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the ancestors of a process from /proc, for a limited number of alerts a second. */
#ifndef LUTRA_USER_ALERTS_ANCESTORS_H
#define LUTRA_USER_ALERTS_ANCESTORS_H

#include <sys/types.h>

#include "lutra/abi.h"
#include "user/sys/rate_limit.h"

#define ANCESTORS_TEXT 512

/* Reads name and parent of a process; the name may hold any bytes. -ESRCH: the process is gone. */
int ancestors_read_stat(pid_t pid, char ret_name[static 64], pid_t *ret_ppid);

/*
 * Describes a process and its ancestors as far as /proc has them: "sh[12] < python3[10] < runc[8]".
 * For the verdict allow, and for more alerts than the limit passes, it is what the kernel said: "sh[12] <
 * [10]": a flood of alerts must not cause a flood of reads. A "<" in a name is written as "_", so that no
 * name looks like two processes. Returns buf.
 */
const char *ancestors_describe(struct throttle *limit, const struct lutra_evidence *ev,
			       char buf[static ANCESTORS_TEXT]);

#endif
