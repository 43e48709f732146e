/* SPDX-License-Identifier: Apache-2.0 */
/* Makes, frees and uninstalls the guard; owns the mapped slots. */
#include "user/guard/door/door.h"
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "kern/lutra.skel.h"

static int map_slots(struct guard *g, struct err *err)
{
	void *p = mmap(NULL, LUTRA_SLOTS * sizeof(struct lutra_slot), PROT_READ | PROT_WRITE,
		       MAP_SHARED, bpf_map__fd(g->skel->maps.slots), 0);

	if (p == MAP_FAILED)
		return err_set(err, -errno, "cannot map the slots: %s", strerror(errno));
	g->slots = p;
	return 0;
}

int guard_new(struct guard **ret, const struct guard_handler *handler, unsigned flags,
	      const char *pin_dir, struct err *err)
{
	_cleanup_(guard_freep) struct guard *g = calloc(1, sizeof(*g));
	int r = 0;

	if (!g)
		return err_oom(err);
	g->handler = *handler;
	g->linger = flags & GUARD_LINGER;
	g->pin_lock = -1;
	g->stats_fd = -1;
	if (pin_dir) {
		r = guard_pin_open(pin_dir, &g->pin_lock, err);
		g->pin_dir = r == 0 ? strdup(pin_dir) : NULL;
		if (r == 0 && !g->pin_dir)
			r = err_oom(err);
	}
	if (r == 0)
		r = guard_load(g, flags, err);
	if (r == 0 && flags & GUARD_STATS) {
		g->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
		if (g->stats_fd < 0)
			r = err_set(err, -errno, "cannot count the runs of BPF programs: %s",
				    strerror(errno));
	}
	if (r == 0)
		r = map_slots(g, err);
	if (r == 0)
		r = guard_open_rings(g, err);
	if (r == 0)
		r = guard_open_handled(g, err);
	if (r == 0 && pin_dir)
		r = guard_take_over(g, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(g);
	return 0;
}

/* Pinned links survive while a container is enrolled; otherwise nothing stays attached. */
void guard_free(struct guard *g)
{
	if (!g)
		return;
	/* Nobody will attach sys_enter for a task without a filter that joins a container. */
	if (g->pinned && g->n_enrolled) {
		guard_attach_enter(g);
		for (enum guard_extra i = 0; i < GUARD_EXTRAS; i++)
			bpf_link__destroy(g->extra[i]);
		while (g->n_links > 0)
			bpf_link__destroy(g->links[--g->n_links]);
	} else {
		guard_detach(g);
	}
	ring_buffer__free(g->rings);
	guard_close_handled(g);
	if (g->slots)
		munmap(g->slots, LUTRA_SLOTS * sizeof(struct lutra_slot));
	lutra_bpf__destroy(g->skel);
	if (g->in_charge && !g->n_enrolled && !guard_has_other_versions(g))
		guard_unpin_all(g->pin_dir);
	closep(&g->pin_lock);
	closep(&g->stats_fd);
	free(g->pin_dir);
	free(g);
}

/* Removes a directory of pins, if there is one. Errors as guard_uninstall(). */
static int remove_pins(const char *pin_dir, struct err *err)
{
	_cleanup_close_ int lock = -1;
	int r;

	if (access(pin_dir, F_OK) < 0)
		return 0;
	r = guard_pin_open(pin_dir, &lock, err);
	if (r < 0)
		return r;
	door_release_left(pin_dir);
	guard_unpin_all(pin_dir);
	if (access(pin_dir, F_OK) == 0)
		return err_set(err, -EBUSY, "%s: some pins could not be removed: try again as root",
			       pin_dir);
	return 0;
}

int guard_uninstall(const char *pin_dir, struct err *err)
{
	int r = remove_pins(pin_dir, err);

	if (r == 0)
		guard_unmount_bpffs();
	return r;
}

bool guard_has_lsm(const struct guard *g)
{
	return g->lsm;
}
