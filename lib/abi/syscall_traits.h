/* SPDX-License-Identifier: Apache-2.0 */
/* What is particular about a system call, in one table. Numbers are those of x86-64. */
#ifndef LUTRA_LIB_ABI_SYSCALL_TRAITS_H
#define LUTRA_LIB_ABI_SYSCALL_TRAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "lutra/abi.h"

enum syscall_trait {
	SYSCALL_ACCEPTS = 1, /* accepts a connection */
	SYSCALL_WAITS = 2,   /* waits for events */
	/*
	 * runc and crun may make it between the installation of a seccomp filter and the exec of
	 * the user's program. Seen in runc 1.1.5 and crun 1.8.1 under strace -f: all calls that the
	 * thread group made after seccomp(SECCOMP_SET_MODE_FILTER), for root and nobody, in run
	 * and exec, with noNewPrivileges and without. Added: what later versions and Go's runtime
	 * call, and calls whose use depends on timing.
	 */
	SYSCALL_STARTUP = 4,
	/* Reaches past the container, or changes what confines it. */
	SYSCALL_DANGEROUS = 8,
	SYSCALL_HOOKABLE = 16, /* has a hook; set by syscall_mask() alone */
	SYSCALL_SLEEPS = 32,   /* waits for another thread, for a signal, or for time */
};

/* The scalar arguments of which a policy keeps the values seen. n is 0: it keeps none. */
struct syscall_args {
	uint8_t n;
	uint8_t index[2]; /* which arguments, in the order of struct lutra_record.arg */
	uint32_t mask[2]; /* the bits that count */
};

struct syscall_traits {
	uint8_t traits; /* bits of enum syscall_trait */
	/*
	 * The LSM hook that refuses the call, as the kernel names it, or NULL: none. The hook
	 * "capable" refuses the work of the call: an unshare() of nothing that needs a capability
	 * goes on.
	 */
	const char *hook;
	/*
	 * Other hooks on the way, enum lutra_hook, 0: none. clone() does not list the hook of user
	 * namespaces: every service that forks would be known to make these.
	 */
	uint16_t leads[2];
	struct syscall_args args;
	uint8_t object; /* the object that tells all that the call does, enum lutra_op; 0: none does */
};

/* The traits of a system call of x86-64, all zero if it has none or nr is LUTRA_NR or more. */
const struct syscall_traits *syscall_traits(unsigned nr);

/* Sets a bit for each system call of a machine (see syscall_name()) that has a trait. */
void syscall_mask(const char *arch, enum syscall_trait trait, uint64_t ret[LUTRA_NR / 64]);

/*
 * Sets a bit for each system call that a hook refuses where it is new to a policy. Left out are those
 * of which the object tells all, where ops has its operation: a new connect() to a peer that is known
 * in that role does what the policy allows, and one to another peer is refused as an object.
 */
void syscall_hookable_mask(const char *arch, uint32_t ops, uint64_t ret[LUTRA_NR / 64]);

/*
 * Sets a bit for each system call that only waits: a service in which nothing happens makes no
 * other.
 */
void syscall_idle_mask(const char *arch, uint64_t ret[LUTRA_NR / 64]);

/* Returns true if something happened: an object, or a system call that is not in the idle mask. */
bool syscall_is_work(const struct lutra_record *rec, const uint64_t idle[LUTRA_NR / 64]);

/* Returns the LSM hook that refuses system call nr of a machine, or NULL: none does. */
const char *syscall_hook(const char *arch, unsigned nr);

/* Returns a bit for each enum lutra_hook below LUTRA_HOOK_OTHERS that system call nr may pass. */
uint64_t syscall_hooks(const char *arch, unsigned nr);

#endif
