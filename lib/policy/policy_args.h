/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalar arguments seen in training, of the calls whose arguments a seccomp filter is worth having
 * for: those that engines' own profiles look at, and those that make namespaces. No rule of the
 * kernel side looks at them.
 */
#ifndef LUTRA_LIB_POLICY_POLICY_ARGS_H
#define LUTRA_LIB_POLICY_POLICY_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/abi/syscall_traits.h"

#define POLICY_ARGS_CALLS 7 /* rows of the table of system calls that have arguments */
#define POLICY_ARGS_VALUES 32

/*
 * Returns which arguments of the i-th such system call count, i below POLICY_ARGS_CALLS, in the
 * order of their numbers. Sets *ret_nr, unless ret_nr is NULL, to its number on x86-64.
 */
const struct syscall_args *policy_args_syscall(unsigned i, unsigned *ret_nr);

/* Returns the i of a system call of a machine, or -1: none of its arguments is kept. */
int policy_args_find(const char *arch, unsigned nr);

/*
 * What was seen of one call: nothing (n 0, and not any), some values in ascending order, or any:
 * too many to list, or recorded without arguments. A value is argument 0 | argument 1 << 32.
 */
struct policy_args_seen {
	uint64_t value[POLICY_ARGS_VALUES];
	uint32_t n;
	bool any;
};

struct policy_arguments {
	struct policy_args_seen call[POLICY_ARGS_CALLS];
};

/* The value of call i in a record's arg. */
uint64_t policy_args_value(unsigned i, uint64_t arg);
void policy_args_add(struct policy_arguments *a, unsigned i, uint64_t value);
void policy_args_add_any(struct policy_arguments *a, unsigned i);
/* Add what is in another: the union. */
void policy_args_merge(struct policy_arguments *a, const struct policy_arguments *from);

/* In words: "ipv4 stream", "no namespace", "user+net", "set-name", "0x20000". */
void policy_args_name(unsigned i, uint64_t value, char *buf, size_t size);

#endif
