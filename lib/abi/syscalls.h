/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and numbers of system calls. Machines whose system calls have names here are x86_64 and
 * i386, of which there are recordings. arch is the machine's name as in a trace or a policy; NULL,
 * or a name that is not known, stands for this machine.
 */
#ifndef LUTRA_LIB_ABI_SYSCALLS_H
#define LUTRA_LIB_ABI_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>

#define SYSCALL_NAME 32 /* bytes that hold every name */

/* Returns true if arch is x86_64 or i386. */
bool syscall_arch_is_known(const char *arch);

/*
 * Writes the name of a number as in struct lutra_record.nr ("openat", "ia32:11", "syscall_999",
 * "none" for LUTRA_NR_NONE) to buf, cut to size, and returns buf.
 */
const char *syscall_name(const char *arch, unsigned nr, char *buf, size_t size);

/*
 * Finds the number of a name: a system call of the machine, "syscall_N", or a decimal number.
 * Returns 0, or -EINVAL: the name is not known, or its number is not below LUTRA_NR.
 */
int syscall_parse(const char *arch, const char *name, unsigned *ret);

/*
 * Converts the number of a system call of this machine to that of another machine, and back.
 * Return 0, or -EINVAL: the other machine does not have the system call.
 */
int syscall_to_arch(const char *arch, unsigned native, unsigned *ret);
int syscall_from_arch(const char *arch, unsigned nr, unsigned *ret);

#endif
