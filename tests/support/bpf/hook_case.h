/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks one by one. A case is an operation that passes a hook. It has to be let through in mode
 * audit, with evidence of what the hook saw, and to be refused in mode deny by the same policy,
 * which does not know that kind of object. Skipped where LSM programs do not run.
 */
#ifndef LUTRA_TESTS_SUPPORT_BPF_HOOK_CASE_H
#define LUTRA_TESTS_SUPPORT_BPF_HOOK_CASE_H

#include "tests/support/bpf/test_program.h"

#define DIR "/tmp/lutra-each-hook" /* made before the worker is enrolled */

#define NEW_MOUNTS 0x1 /* in a mount namespace of its own, with a file system on DIR */
#define QUIET 0x2      /* the caller gets another error than EPERM, or none */

struct hook_case {
	const char *hook; /* whose program is tried */
	int (*run)(void); /* the worker; returns enum outcome */
	unsigned op;	  /* enum lutra_op */
	unsigned detail;  /* enum lutra_hook, or the capability */
	unsigned rule;	  /* enum lutra_rule */
	unsigned flags;
	unsigned novel; /* a system call that the policy does not know and that has no rule */
};

/* The main() of a program that tries all of these cases. Returns an exit code. */
int hook_case_main(int argc, char **argv, const struct hook_case *cases, size_t n);

#endif
