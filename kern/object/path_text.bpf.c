/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A path into the text that is recorded and sent.
 *
 * Hooks: none, called by the programs of kern/hooks.
 * Maps: none; works in the caller's scratch.
 * Fails: an unresolved path gets a mark in its text.
 */
#include "kern/object/object.bpf.h"

/* Writes s->path as a string to s->text, the root first; lib/abi/path_text.h reads it. */
__noinline int path_to_text(struct lutra_scratch *s)
{
	__u32 n, flags;

	if (!s)
		return 0;
	n = s->path.n;
	flags = s->path.flags;
	s->text.len = 0;
	if (flags & LUTRA_PATH_UNRESOLVED)
		s->text.bytes[s->text.len++ & 1] = '?';
	if (flags & LUTRA_PATH_DETACHED || n == 0)
		s->text.bytes[s->text.len++ & 1] = '/';
	for (__u32 i = 0; i < LUTRA_WALK_STEPS; i++) {
		__u32 at = (n - 1 - i) & (LUTRA_COMPONENTS - 1);
		__u32 off, len;

		compiler_barrier();
		off = s->text.len;
		len = s->path.len[at];
		if (i >= n || off > LUTRA_STRING_MAX - 1 - LUTRA_NAME)
			break;
		s->text.bytes[off] = '/';
		if (i >= LUTRA_COMPONENTS) {
			s->text.len = off + 1;
			continue;
		}
		bpf_probe_read_kernel(&s->text.bytes[off + 1], LUTRA_NAME, s->path.name[at]);
		s->text.len = off + 1 + (len > LUTRA_NAME ? LUTRA_NAME : len);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
