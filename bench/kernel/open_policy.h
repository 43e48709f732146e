/* SPDX-License-Identifier: Apache-2.0 */
/* A policy of a benchmark that knows the files that it opens. */
#ifndef LUTRA_BENCH_KERNEL_OPEN_POLICY_H
#define LUTRA_BENCH_KERNEL_OPEN_POLICY_H

#include "lib/policy/policy.h"

/*
 * Makes a policy that knows every system call, and reading opens of n files below /tmp with every
 * directory that leads to them. Returns 0 or -ENOMEM.
 */
int bench_open_policy(const char *const paths[], unsigned n, struct policy **ret);

#endif
