/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Fixed-width integer types, and the unit of time, for what kernel side, daemon and trainer share.
 * BPF code gets them from vmlinux.h, which it includes first; userspace from the kernel's UAPI.
 */
#ifndef LUTRA_TYPES_H
#define LUTRA_TYPES_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define NSEC_PER_SEC 1000000000ull

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#endif
