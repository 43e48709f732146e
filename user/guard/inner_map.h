/* SPDX-License-Identifier: Apache-2.0 */
/* Inner maps of a map-in-map. */
#ifndef LUTRA_USER_GUARD_INNER_MAP_H
#define LUTRA_USER_GUARD_INNER_MAP_H

#include <bpf/libbpf.h>
#include <stddef.h>

/*
 * A new array of one value, of struct type (size bytes), with its BTF, as an outer map's template
 * has it: 6.1 takes no other. Returns the descriptor. -ENOENT: the object knows no such struct; or
 * what the kernel said.
 */
int inner_map_new(const struct bpf_object *obj, const char *type, size_t size);

#endif
