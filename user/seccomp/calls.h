/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a profile treats in a way of their own, by name. Lists end with NULL. */
#ifndef LUTRA_USER_SECCOMP_CALLS_H
#define LUTRA_USER_SECCOMP_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What runc and crun call between the filter's installation and the exec of the user's program, in
 * `run` and in `exec`, with and without noNewPrivileges (without, the filter comes first and the
 * capabilities are dropped under it), the housekeeping of Go's runtime in other threads, and what
 * no recording shows: restart_syscall and a process' end.
 */
extern const char *const calls_startup[];

/* The options of prctl among these. */
extern const uint32_t calls_startup_prctl[];
extern const unsigned calls_n_startup_prctl;

/*
 * Calls that reach past the container, or change what confines it: one that was never seen is
 * refused with EPERM, as a privilege that is not given; one that was may be notified.
 */
extern const char *const calls_dangerous[];
bool calls_is_dangerous(const char *name);

#endif
