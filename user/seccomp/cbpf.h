/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp filter's program, executed in userspace: what the kernel would say of a call. */
#ifndef LUTRA_USER_SECCOMP_CBPF_H
#define LUTRA_USER_SECCOMP_CBPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The program's verdict, SECCOMP_RET_*, for a call. Total: of a program that the kernel would
 * refuse, -EINVAL; else 0.
 */
int cbpf_run(const struct sock_filter *program, size_t n, const struct seccomp_data *data,
	     uint32_t *ret);

#endif
