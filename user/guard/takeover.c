/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes over the containers that an earlier instance pinned. The new programs are attached beside
 * the old ones, then one write for each slot hands the container over, then the old links are
 * removed: a container is guarded at every moment. On failure the old instance stays in charge.
 */
#include "user/guard/guard_impl.h"

#include <bpf/bpf.h>

#include "kern/lutra.skel.h"
#include "user/sys/clock.h"

/* Returns true if the earlier instance bound a policy to the slot. */
static bool has_policy(const struct guard *g, uint32_t slot)
{
	uint32_t id;

	return bpf_map_lookup_elem(bpf_map__fd(g->skel->maps.policies), &slot, &id) == 0;
}

int guard_take_over(struct guard *g, struct err *err)
{
	int r;

	g->version = g->slots[0].generation;
	g->slots[0].instance = g->instance;
	for (uint32_t i = 1; i < LUTRA_SLOTS; i++)
		g->n_enrolled += g->slots[i].cgroup_id != 0;
	if (g->n_enrolled) {
		r = guard_attach(g, err);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 1; i < LUTRA_SLOTS; i++) {
		if (!g->slots[i].cgroup_id)
			continue;
		g->seen_since_ns[i] = has_policy(g, i) ? clock_now_ns() : 0;
		__atomic_store_n(&g->slots[i].instance, g->instance, __ATOMIC_SEQ_CST);
	}
	guard_remove_links(g, g->instance);
	g->in_charge = true;
	return 0;
}
