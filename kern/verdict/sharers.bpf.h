/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kills the tasks that share memory, descriptors or a socket with a killed task: sharers.bpf.c. Global
 * functions: the verifier takes each once. They return 0 for a NULL argument.
 */
#ifndef LUTRA_KERN_VERDICT_SHARERS_BPF_H
#define LUTRA_KERN_VERDICT_SHARERS_BPF_H

#include "kern/object/object.bpf.h"

int sharers_condemn(struct lutra_task *e);
int sharers_judge(struct lutra_task *e);

/* Returns true if the system call gives its task descriptors of other tasks. */
static __always_inline bool receives_descriptors(__u32 nr)
{
	return nr == LUTRA_NR_RECVMSG || nr == LUTRA_NR_RECVMMSG || nr == LUTRA_NR_PIDFD_GETFD ||
	       nr == LUTRA_NR_IO_URING_ENTER;
}

#endif
