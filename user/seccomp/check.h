/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the system calls of a recording through a seccomp filter and counts the refusals. */
#ifndef LUTRA_USER_SECCOMP_CHECK_H
#define LUTRA_USER_SECCOMP_CHECK_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lutra/abi.h"

#define CHECK_REFUSED_MAX 256

/* A system call with one pair of recorded arguments that the filter refuses in one way. */
struct check_refused {
	uint64_t count;
	uint64_t arg; /* as in struct lutra_record */
	uint32_t action;
	uint16_t nr;
};

struct check {
	const struct sock_filter *program; /* set by the caller, with n */
	size_t n;			   /* number of instructions */
	uint64_t calls;
	uint64_t fell_back; /* clone3 that gets ENOSYS, and clone is allowed */
	uint64_t notified;
	uint64_t refused_calls;
	struct check_refused refused[CHECK_REFUSED_MAX]; /* the first different ones */
	size_t n_refused;
};

/*
 * Checks all system calls of a trace and adds to the counts. A recording holds at most two scalar arguments of a system
 * call; the others count as 0. -EINVAL: not a program. -ENOEXEC: the trace is of another machine.
 * Else as trace_reader_new().
 */
int check_trace(struct check *c, const char *path, struct err *err);

#endif
