/* SPDX-License-Identifier: Apache-2.0 */
/* Makes filters from profiles with libseccomp, as runc and crun do. */
#ifndef LUTRA_USER_SECCOMP_FILTER_H
#define LUTRA_USER_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stddef.h>

#include "user/seccomp/profile/profile.h"

DEFINE_FREEP(void, seccomp_release);

/*
 * Makes a filter from a profile; the caller frees it by seccomp_release(3). System calls that libseccomp does not know are left out, as
 * runtimes do. -EINVAL: libseccomp refuses a rule, err says which. -ENOMEM.
 */
int filter_new(scmp_filter_ctx *ret, const struct profile *profile, struct err *err);

/*
 * Gets the program and its number of instructions; the caller frees *ret. Errors as
 * seccomp_export_bpf(3).
 */
int filter_program(scmp_filter_ctx f, struct sock_filter **ret, size_t *ret_n, struct err *err);

/*
 * Installs the filter on the calling process, for ever. Sets no_new_privs only where CAP_SYS_ADMIN
 * is missing. Errors as seccomp_load(3), without a message: the caller may be a child between fork
 * and exec.
 */
int filter_install(scmp_filter_ctx f);

/*
 * Installs a filter that allows everything on the calling process, for ever: the kernel then calls the
 * programs at seccomp filters for it. Else as filter_install(). ctx: ignored.
 */
int filter_install_open(const void *ctx);

/* Installs the filter on a child that then ends, to test it. -EINVAL, or as filter_install(). */
int filter_try(scmp_filter_ctx f, struct err *err);

#endif
