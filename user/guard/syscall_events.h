/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tracepoints at the exits of single system calls, in place of one at the exit of all of them: a
 * system call without a tracepoint then costs one bit test. They attach at once, but the kernel
 * takes about 50 ms to detach each.
 */
#ifndef LUTRA_USER_GUARD_SYSCALL_EVENTS_H
#define LUTRA_USER_GUARD_SYSCALL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

struct bpf_link;
struct bpf_program;

/* Returns true if every system call of lutra/fallback.h that the kernel has has a tracepoint. */
bool syscall_events_usable(void);

/*
 * Attaches a program to all of them, always in the same order. *at is the index of the first link
 * and is moved behind the last; links below *n exist already and are skipped. On failure the links
 * made so far are in links and counted in *n. -ENOSPC: more than max; else as perf_event_open(2).
 */
int syscall_events_attach(struct bpf_program *p, struct bpf_link **links, size_t *n, size_t max,
			  size_t *at);

#endif
