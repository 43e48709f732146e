/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/rules/networks.h"

#include <errno.h>
#include <stdlib.h>

#define USES_MAX 4096 /* a service with more peers is not told apart by them */

/* One use: the address of a peer, of the class at this bit of port_exact, by this run. */
struct use {
	uint32_t bit;
	uint32_t addr; /* network order */
	size_t run;
};

/* Adds the uses of object i by the service to n of them. Returns how many there are then. */
static size_t add_uses(const struct objects_source *src, uint32_t i, struct use *uses, size_t n)
{
	struct lutra_object o;
	struct lutra_path path;
	uint32_t bit;

	objects_get(src->corpus, i, &o, &path);
	bit = lutra_network_bit(&o);
	for (size_t r = 0; bit && lutra_object_addr4(&o) && r < src->corpus->n_runs; r++)
		if (n < USES_MAX && r != src->without &&
		    src->counts[r].object_roles[i] & ~(1u << LUTRA_ROLE_SESSION))
			uses[n++] = (struct use){bit, lutra_object_addr4(&o), r};
	return n;
}

/* Returns true if another run than that of a use used the same network. */
static bool is_shared(const struct use *uses, size_t n, const struct use *of, uint32_t level)
{
	for (size_t i = 0; i < n; i++)
		if (uses[i].bit == of->bit && uses[i].run != of->run &&
		    lutra_network_of(uses[i].addr, level) == lutra_network_of(of->addr, level))
			return true;
	return false;
}

static size_t count_runs(const struct use *uses, size_t n, uint32_t bit, size_t n_runs)
{
	size_t ret = 0;

	for (size_t r = 0; r < n_runs; r++)
		for (size_t i = 0; i < n; i++)
			if (uses[i].bit == bit && uses[i].run == r) {
				ret++;
				break;
			}
	return ret;
}

static uint32_t find_level(const struct use *uses, size_t n, uint32_t bit, size_t n_runs)
{
	size_t used = count_runs(uses, n, bit, n_runs);
	uint32_t level = used >= NETWORKS_HOSTS	 ? LUTRA_NETWORK_HOST
			 : used >= NETWORKS_RUNS ? LUTRA_NETWORK_24
						 : LUTRA_NETWORK_CLASS;

	for (size_t i = 0; i < n && level; i++)
		while (level && uses[i].bit == bit && !is_shared(uses, n, &uses[i], level))
			level--;
	return level;
}

int networks_learn(const struct objects_source *src, struct policy *p)
{
	uint32_t all = ~0u << LUTRA_NETWORK_SHIFT;
	struct use *uses;
	size_t n = 0;

	p->port_exact &= ~all;
	if (src->old) {
		p->port_exact |= src->old->port_exact & all;
		return 0;
	}
	uses = calloc(USES_MAX, sizeof(*uses));
	if (!uses)
		return -ENOMEM;
	for (uint32_t i = 0; i < intern_count(src->corpus->names.objects); i++)
		n = add_uses(src, i, uses, n);
	for (uint32_t bit = LUTRA_NETWORK_SHIFT; bit < 32 && n < USES_MAX; bit += 2)
		p->port_exact |= find_level(uses, n, bit, src->corpus->n_runs) << bit;
	free(uses);
	return 0;
}
