/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/* What the parity test hands to the kernel and gets back, a batch at a time. */
#ifndef LUTRA_TESTS_BPF_VERDICT_PARITY_H
#define LUTRA_TESTS_BPF_VERDICT_PARITY_H

#include "lutra/reported.h"
#include "lutra/verdict.h"

#define PARITY_CALLS 8192 /* in a batch */
#define PARITY_OBJECTS 64
#define PARITY_TASKS 8
#define PARITY_PROCESSES 4 /* a task's: its number modulo this */

/* A syscall, or an object's key. */
struct parity_call {
	__u16 nr;  /* of a syscall */
	__u16 key; /* 0: a syscall */
	__u8 task;
	__u8 exec;    /* before the call; 2: of the same program, in place */
	__u8 audited; /* 1: of an audited exec session, whose pairs do not count */
	__u8 pad;
};

struct parity_step {
	struct lutra_state state; /* after the call */
	__u8 w[3];
	__u8 tok; /* PAD: level M leaves the object out */
};
_Static_assert(sizeof(struct parity_step) == 28, "step layout");

struct parity_calls {
	struct lutra_state state[PARITY_TASKS];
	__u8 steady[PARITY_PROCESSES];
	__u8 pad[4];
	struct parity_call in[PARITY_CALLS];
	struct parity_step out[PARITY_CALLS];
};

/* One object of a batch. */
struct parity_object {
	struct lutra_object object;
	struct lutra_path path;
	char fold[LUTRA_NAME];
	__u64 now;
	__u32 mode; /* enum lutra_mode, of the verdict */
	__u32 role;
	__u32 starter; /* path node */
	__u32 pad;
	struct lutra_judgement judgement; /* out, as all that follows; signals also in */
	struct lutra_matches signals;
	__u64 verdict;
	__u64 reported_key; /* lutra_reported_key() */
	struct lutra_key_search search;
	__u64 object_key; /* lutra_object_key() */
};
_Static_assert(sizeof(struct parity_object) % 8 == 0, "object layout");

#endif
