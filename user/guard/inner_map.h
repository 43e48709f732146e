/* SPDX-License-Identifier: Apache-2.0 */
/* Inner maps of a map-in-map. */
#ifndef LUTRA_USER_GUARD_INNER_MAP_H
#define LUTRA_USER_GUARD_INNER_MAP_H

#include <bpf/libbpf.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Creates an array of one value of struct type, size bytes, with the BTF that the template of the
 * outer map has: kernel 6.1 accepts no other inner map. Returns the descriptor. -ENOENT: the object
 * has no such struct; else as bpf(2).
 */
int inner_map_new(const struct bpf_object *obj, const char *type, size_t size);

/*
 * Puts an inner map into an outer map; inner -1 removes it, and 0 is returned if there was none.
 * Returns when programs see the change. The kernel's commands would block about 10 ms longer, until
 * no program uses the old map; a thread waits for that. Returns 0, or -errno as bpf(2).
 */
int inner_map_put(int outer, uint32_t key, int inner);

#endif
