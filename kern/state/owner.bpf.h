/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files that signal another process than the one that set their owner (F_SETOWN, FIOSETOWN), by whom
 * the owner was set.
 *
 * Maps: file_owners  address of a file's struct fown_struct -> struct owner_setter. A file that is
 *                    closed keeps its element until an owner of a file at this address is set.
 */
#ifndef LUTRA_KERN_STATE_OWNER_BPF_H
#define LUTRA_KERN_STATE_OWNER_BPF_H

#include "kern/state/task.bpf.h"

/* An enrolled task that set the owner of a file. */
struct owner_setter {
	__u32 slot;
	__u32 epoch;
	__u32 role;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct owner_setter);
} file_owners SEC(".maps") __weak;

/* Returns the enrolled task that set this owner, and its slot; NULL: none that is still enrolled. */
static __always_inline const struct owner_setter *owner_setter_get(const struct fown_struct *owner,
								   struct lutra_slot **ret_slot)
{
	__u64 key = (__u64)owner;
	const struct owner_setter *setter = bpf_map_lookup_elem(&file_owners, &key);
	struct lutra_slot *slot;

	if (!setter)
		return NULL;
	slot = slot_get(setter->slot);
	if (!slot || slot->epoch != setter->epoch || slot->instance != lutra_instance)
		return NULL;
	*ret_slot = slot;
	return setter;
}

#endif
