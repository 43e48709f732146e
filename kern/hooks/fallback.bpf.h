/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Events of the fallback that other programs than those of syscall_exit.bpf.c see. Global
 * functions: the verifier takes each once. They return 0 for a NULL argument.
 */
#ifndef LUTRA_KERN_HOOKS_FALLBACK_BPF_H
#define LUTRA_KERN_HOOKS_FALLBACK_BPF_H

#include "kern/state/scratch.bpf.h"

/* What a system call does with a socket address: the operation, and the descriptor of the socket. */
#define FALLBACK_PEER(op, fd) ((__u64)(op) << 32 | (__u32)(fd))

/* Or-ed with it: the message connects, if the socket's protocol can do so. */
#define FALLBACK_FAST_OPEN (1ull << 63)

int fallback_address(struct lutra_task *e, struct lutra_scratch *s, __u64 user, __u32 len,
		     __u64 peer);
int fallback_exec_enter(struct lutra_task *e, struct lutra_scratch *s);
int fallback_exec(struct lutra_task *e, struct lutra_scratch *s, __u64 binprm);

#endif
