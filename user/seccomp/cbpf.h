/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a seccomp filter's program in userspace, to tell what the kernel would answer. */
#ifndef LUTRA_USER_SECCOMP_CBPF_H
#define LUTRA_USER_SECCOMP_CBPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Runs the program on a system call; *ret is SECCOMP_RET_*. Ends for each program. -EINVAL: the
 * kernel would refuse the program.
 */
int cbpf_run(const struct sock_filter *program, size_t n, const struct seccomp_data *data,
	     uint32_t *ret);

#endif
