/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers that the kernel guards and of which no saved list knows: the list was damaged, removed,
 * or could not be written. They stay under guard. The slot tells cgroup and mode, the cgroup's path
 * and the engine's bundle tell the identity, and policies_dir has a policy for the image.
 *
 * Fails: a slot whose cgroup is gone is released.
 */
#include "user/containers/containers_impl.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "user/identity/bundle.h"
#include "user/identity/cgroup_lookup.h"
#include "user/identity/patterns.h"
#include "user/policy/image_index.h"
#include "user/sys/process/cgroup.h"

#define NAME_BYTES 129

/* Reads what the path of the cgroup and the bundles of engines tell. Returns 0 or -ENOMEM. */
static int read_identity_on_disk(const struct config *config, const char *cgroup,
				 struct identity *w)
{
	struct pattern p;
	int r;

	if (!pattern_match(cgroup, &p) || p.len != strlen(cgroup))
		return 0;
	w->engine = p.engine;
	r = identity_set(&w->id, p.id);
	if (r == 0)
		r = identity_set(&w->pod_uid, p.pod_uid);
	for (size_t i = 0; r == 0 && config->bundles[i] && !w->image; i++)
		r = identity_from_bundles(w, config->bundles[i]);
	return r;
}

/* A name that no other container has: the engine's, or the id. */
static void choose_free_name(const struct containers *all, const struct container *c,
			     char buf[static NAME_BYTES])
{
	const char *name = c->identity.name ? c->identity.name : c->identity.pod_container;
	char id[NAME_BYTES];

	cgroup_lookup_container_id(c->cgroup, id, sizeof(id));
	snprintf(buf, NAME_BYTES, "%s",
		 name && *name && !strchr(name, '/') && strlen(name) < 100 ? name : id);
	for (unsigned n = 2; containers_find(all, buf); n++)
		snprintf(buf, NAME_BYTES, "%.100s-%u", id, n);
}

/* Finds the policy for the container's image. "": there is none, and that in the kernel stays. */
static char *find_policy_dir(const struct container *c)
{
	_cleanup_(image_index_freep) struct image_index *index = NULL;
	const char *policies_dir = c->all->parts.config->policies_dir;
	struct image_index_match m;
	char *dir = NULL;

	if (image_index_new(&index, policies_dir) < 0 ||
	    image_index_find(index, &c->identity, &m, NULL) < 0)
		return strdup("");
	return asprintf(&dir, "%s/%s", policies_dir, m.policy) < 0 ? NULL : dir;
}

static int fill_from_slot(struct container *c, const struct lutra_slot *slot, const char *cgroup)
{
	char name[NAME_BYTES];
	int r;

	c->cgroup_id = slot->cgroup_id;
	c->since_ns = slot->start_realtime_ns;
	c->mode = slot->mode;
	/* What the operator had set is not known: the mode stays as it is. */
	c->own_mode = true;
	c->frozen = slot->flags & LUTRA_SLOT_FROZEN;
	c->sessions = slot->flags & LUTRA_SLOT_EXEC_SESSIONS;
	c->recorded = slot->flags & LUTRA_SLOT_RECORD;
	c->cgroup = strdup(cgroup);
	r = c->cgroup ? read_identity_on_disk(c->all->parts.config, cgroup, &c->identity) : -ENOMEM;
	if (r < 0)
		return r;
	choose_free_name(c->all, c, name);
	c->name = strdup(name);
	if (!c->identity.id)
		r = identity_set(&c->identity.id, name);
	c->policy_dir = find_policy_dir(c);
	return c->name && c->policy_dir ? r : -ENOMEM;
}

static void rebuild_slot(struct containers *all, uint32_t s, const struct lutra_slot *slot,
			 const char *cgroup)
{
	_cleanup_(container_freep) struct container *c = container_new(all);

	if (!c || fill_from_slot(c, slot, cgroup) < 0) {
		log_error("slot %u: out of memory: its container stays guarded, and cannot be "
			  "asked for until the next lutrad",
			  s);
		return;
	}
	c->slot = s;
	log_warning("%s: guarded by the kernel and not in the saved list: stays under guard, mode "
		    "%s, policy %s",
		    c->name, mode_name(c->mode), *c->policy_dir ? c->policy_dir : "not known");
	containers_add(c, CONTAINERS_RESTORED);
	container_note_change(c,
			      "found in the kernel without an entry in the saved list: mode %s "
			      "stays",
			      mode_name(c->mode));
	TAKE_PTR(c);
}

/* Returns true once no slot is left that is enrolled and not known. */
static bool rebuild_cgroup(struct containers *all, const char *cgroup, bool known[LUTRA_SLOTS])
{
	bool is_over = true;
	uint64_t id;

	if (cgroup_id(cgroup, &id, NULL) < 0)
		return false;
	for (uint32_t s = 1; s < LUTRA_SLOTS; s++) {
		struct lutra_slot slot;

		if (known[s] || guard_slot(all->parts.guard, s, &slot) < 0)
			continue;
		known[s] = slot.cgroup_id == id;
		if (known[s])
			rebuild_slot(all, s, &slot, cgroup);
		is_over &= known[s];
	}
	return is_over;
}

static bool has_unknown_slot(const struct containers *all, const bool known[LUTRA_SLOTS])
{
	struct lutra_slot slot;

	for (uint32_t s = 1; s < LUTRA_SLOTS; s++)
		if (!known[s] && guard_slot(all->parts.guard, s, &slot) == 0)
			return true;
	return false;
}

void containers_rebuild(struct containers *all, bool known[LUTRA_SLOTS])
{
	_cleanup_free_ char *root = NULL;
	bool is_over = false;
	FTSENT *e;
	FTS *tree;

	if (!has_unknown_slot(all, known) || cgroup_root(&root, NULL) < 0)
		return;
	tree = cgroup_walk(root);
	while (tree && !is_over && (e = cgroup_walk_next(tree)))
		is_over = rebuild_cgroup(all, e->fts_path, known);
	if (tree)
		fts_close(tree);
	for (uint32_t s = 1; tree && s < LUTRA_SLOTS; s++) {
		struct lutra_slot slot;

		if (known[s] || guard_slot(all->parts.guard, s, &slot) < 0)
			continue;
		log_info("slot %u: its cgroup is gone: released", s);
		guard_release(all->parts.guard, s);
	}
}
