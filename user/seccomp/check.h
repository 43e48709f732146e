/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded calls against a filter. */
#ifndef LUTRA_USER_SECCOMP_CHECK_H
#define LUTRA_USER_SECCOMP_CHECK_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lutra/abi.h"

#define CHECK_REFUSED_MAX 256

/* A call that would be refused, in one way, with one pair of recorded arguments. */
struct check_refused {
	uint64_t count;
	uint64_t arg; /* as in struct lutra_record */
	uint32_t action;
	uint16_t nr;
};

struct check {
	const struct sock_filter *program;
	size_t n;
	uint64_t calls;
	uint64_t fell_back; /* clone3 with ENOSYS, where clone would be allowed */
	uint64_t notified;
	uint64_t refused_calls;
	struct check_refused refused[CHECK_REFUSED_MAX]; /* those met first */
	size_t n_refused;
	struct check_memo *memo;
};

int check_init(struct check *c, const struct sock_filter *program, size_t n); /* -ENOMEM */
void check_done(struct check *c);

/*
 * All calls of a trace. A recording keeps two scalar arguments of a call at most: the others count
 * as 0. Errors as trace_reader_new(); -EINVAL: the program is none; -ENOEXEC: of another machine.
 */
int check_trace(struct check *c, const char *path, struct err *err);

#endif
