/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Fixed-width integer types for headers that the kernel side, the daemon and the trainer share.
 * BPF code gets them from vmlinux.h, which it includes first; userspace from the kernel's UAPI.
 */
#ifndef LUTRA_TYPES_H
#define LUTRA_TYPES_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#endif
