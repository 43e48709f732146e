/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Events of the fallback that other programs than those of syscall_exit.bpf.c see. Global
 * functions: the verifier takes each once. They return 0 for a NULL argument.
 */
#ifndef LUTRA_KERN_HOOKS_FALLBACK_BPF_H
#define LUTRA_KERN_HOOKS_FALLBACK_BPF_H

#include "kern/state/scratch.bpf.h"

int fallback_address(struct lutra_task *e, struct lutra_scratch *s, __u64 user, __u32 len);
int fallback_exec_enter(struct lutra_task *e, struct lutra_scratch *s);
int fallback_exec(struct lutra_task *e, struct lutra_scratch *s, __u64 binprm);

#endif
