/* SPDX-License-Identifier: Apache-2.0 */
/* Inner maps of a map-in-map. */
#ifndef LUTRA_USER_GUARD_INNER_MAP_H
#define LUTRA_USER_GUARD_INNER_MAP_H

#include <bpf/libbpf.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A new array of one value, of struct type (size bytes), with its BTF, as an outer map's template
 * has it: 6.1 takes no other. Returns the descriptor. -ENOENT: the object knows no such struct; or
 * what the kernel said.
 */
int inner_map_new(const struct bpf_object *obj, const char *type, size_t size);

/*
 * Put an inner map in an outer one (inner -1: take it away), as the update and delete commands do,
 * which return only when no program uses the one before any more: some 10 ms, and an enrolment
 * needs two. A thread waits for that; this returns when programs see the change. 0, or what the
 * kernel said; taking away what is not there is 0.
 */
int inner_map_put(int outer, uint32_t key, int inner);

#endif
