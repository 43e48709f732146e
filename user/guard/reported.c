/* SPDX-License-Identifier: Apache-2.0 */
/* The alerts that the kernel side reports once: to read them, and to have them reported again. */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <string.h>

#include "kern/lutra.skel.h"

/* Opens the inner map that holds the struct lutra_seen of a slot. Returns its descriptor. */
static int open_seen_map(const struct guard *g, uint32_t slot)
{
	uint32_t at, id = 0;
	int fd;

	if (!slot || slot >= LUTRA_SLOTS || !g->slots[slot].cgroup_id)
		return -ENOENT;
	at = lutra_seen_slot(slot, g->slots[slot].version);
	if (bpf_map_lookup_elem(bpf_map__fd(g->skel->maps.seen), &at, &id) < 0)
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	return fd < 0 ? -errno : fd;
}

/* Reads the seen things of a slot into *ret, which the caller frees. Returns 0 or -errno. */
static int read_seen(int fd, struct lutra_seen **ret)
{
	_cleanup_free_ struct lutra_seen *seen = malloc(sizeof(*seen));
	uint32_t zero = 0;
	int r;

	if (fd < 0)
		return fd;
	if (!seen)
		return -ENOMEM;
	r = bpf_map_lookup_elem(fd, &zero, seen);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(seen);
	return 0;
}

int guard_reported(const struct guard *g, uint32_t slot,
		   struct lutra_reported ret[static LUTRA_REPORTED])
{
	_cleanup_free_ struct lutra_seen *seen = NULL;
	_cleanup_close_ int fd = open_seen_map(g, slot);
	int n = read_seen(fd, &seen);

	if (n < 0)
		return n;
	for (unsigned i = 0; i < LUTRA_REPORTED; i++) {
		const struct lutra_reported *t = &seen->reported[i];

		if (t->key && t->text_len <= LUTRA_REPORTED_TEXT)
			ret[n++] = *t;
	}
	return n;
}

int guard_forget_reported(const struct guard *g, uint32_t slot)
{
	_cleanup_free_ struct lutra_seen *seen = NULL;
	_cleanup_close_ int fd = open_seen_map(g, slot);
	const uint32_t zero = 0;
	int r = read_seen(fd, &seen);

	if (r < 0)
		return r;
	memset(seen->reported, 0, sizeof(seen->reported));
	seen->session_tools = 0;
	return bpf_map_update_elem(fd, &zero, seen, BPF_ANY) < 0 ? -errno : 0;
}
