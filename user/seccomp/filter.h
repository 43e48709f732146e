/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles through libseccomp, as runc and crun hand them to it. */
#ifndef LUTRA_USER_SECCOMP_FILTER_H
#define LUTRA_USER_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

#include "user/seccomp/profile.h"

struct filter;

void filter_free(struct filter *f);
DEFINE_FREEP(struct filter, filter_free);

/*
 * libseccomp's filter of a profile. Calls that it has no name for are left out, as runtimes do.
 * -EINVAL: it refuses a rule, err says which; -ENOMEM.
 */
int filter_new(struct filter **ret, const struct profile *profile, struct err *err);

/* Its program, the caller's to free, and the instructions in it. As seccomp_export_bpf(3). */
int filter_program(const struct filter *f, struct sock_filter **ret, size_t *ret_n,
		   struct err *err);

/*
 * Install it on the calling process, for good. A process without CAP_SYS_ADMIN gains no privileges
 * by exec any more; one with it keeps that. As seccomp_load(3); no message: the caller may be a
 * child between fork and exec.
 */
int filter_install(const struct filter *f);

/* Install it on a child that then ends: does the kernel take it? -EINVAL, -EPERM, and so on. */
int filter_try(const struct filter *f, struct err *err);

#endif
