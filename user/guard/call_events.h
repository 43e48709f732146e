/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tracepoints of single calls' exits, in place of one at every call's: a call that has none
 * attached then costs a look at a bit. They are attached in a moment, but take the kernel some 50
 * ms each to detach.
 */
#ifndef LUTRA_USER_GUARD_CALL_EVENTS_H
#define LUTRA_USER_GUARD_CALL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

struct bpf_link;
struct bpf_program;

/* Does this kernel have them for every call of lutra/fallback.h that it has? */
bool call_events_work(void);

/*
 * Attach a program to all of them, in their order: links from *at on, which moves behind the last;
 * those of the *n that are there already are passed over. At most max. On failure those that are
 * attached are in links. -ENOSPC: more than max; or what the kernel said.
 */
int call_events_attach(struct bpf_program *p, struct bpf_link **links, size_t *n, size_t max,
		       size_t *at);

/* Attach a program to that of one call, which has one. */
int call_events_attach_call(struct bpf_program *p, unsigned nr, struct bpf_link **ret);

#endif
