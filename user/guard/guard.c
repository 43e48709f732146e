/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel side as one object: its life, its rings and counters. */
#include "user/guard/guard_impl.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kern/lutra.skel.h"

static int on_record(void *ctx, void *data, size_t size)
{
	struct guard *g = ctx;
	const struct lutra_ring_record *r = data;

	if (size < sizeof(*r) || r->str_len > size - sizeof(*r))
		return 0;
	if (g->handler.record)
		g->handler.record(g->handler.ctx, r->slot, &r->rec, r->str, r->str_len);
	return 0;
}

static int on_evidence(void *ctx, void *data, size_t size)
{
	struct guard *g = ctx;
	const struct lutra_evidence *ev = data;

	if (size >= sizeof(*ev) && ev->str_len <= size - sizeof(*ev) && g->handler.evidence)
		g->handler.evidence(g->handler.ctx, ev, ev->str, ev->str_len);
	/* A container that never stops must not keep its reader from all else. */
	return --g->evidence_left ? 0 : -EAGAIN;
}

static int open_rings(struct guard *g, struct err *err)
{
	g->rings = ring_buffer__new(bpf_map__fd(g->skel->maps.evidence), on_evidence, g, NULL);
	if (!g->rings)
		return err_set(err, -errno, "cannot map the evidence ring: %s", strerror(errno));
	if (ring_buffer__add(g->rings, bpf_map__fd(g->skel->maps.records), on_record, g) < 0)
		return err_set(err, -errno, "cannot map the records ring: %s", strerror(errno));
	return 0;
}

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
	      struct err *err)
{
	return guard_new_pinned(ret, handler, flags, NULL, err);
}

int guard_new_pinned(struct guard **ret, const struct guard_handler *handler, unsigned flags,
		     const char *pin_dir, struct err *err)
{
	_cleanup_(guard_freep) struct guard *g = calloc(1, sizeof(*g));
	int r = 0;

	if (!g)
		return err_set(err, -ENOMEM, "out of memory");
	g->handler = *handler;
	g->linger = flags & GUARD_LINGER;
	g->pin_lock = -1;
	g->stats_fd = -1;
	if (pin_dir) {
		r = guard_pin_open(pin_dir, &g->pin_lock, err);
		g->pin_dir = r == 0 ? strdup(pin_dir) : NULL;
		if (r == 0 && !g->pin_dir)
			r = err_set(err, -ENOMEM, "out of memory");
	}
	if (r == 0)
		r = guard_load(g, flags, err);
	if (r == 0 && flags & GUARD_STATS) {
		g->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
		if (g->stats_fd < 0)
			r = err_set(err, -errno, "cannot have BPF programs timed: %s",
				    strerror(errno));
	}
	if (r == 0)
		r = map_slots(g, err);
	if (r == 0)
		r = open_rings(g, err);
	if (r == 0 && pin_dir)
		r = guard_take_over(g, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(g);
	return 0;
}

/* Pinned, what is enrolled stays guarded; else, and where nothing is, nothing stays. */
void guard_free(struct guard *g)
{
	if (!g)
		return;
	if (g->pinned && g->n_enrolled)
		while (g->n_links > 0)
			bpf_link__destroy(g->links[--g->n_links]);
	else
		guard_detach(g);
	ring_buffer__free(g->rings);
	if (g->slots)
		munmap(g->slots, LUTRA_SLOTS * sizeof(struct lutra_slot));
	lutra_bpf__destroy(g->skel);
	if (g->in_charge && !g->n_enrolled && !guard_has_others(g))
		guard_unpin_all(g->pin_dir);
	if (g->pin_lock >= 0)
		close(g->pin_lock);
	if (g->stats_fd >= 0)
		close(g->stats_fd);
	free(g->pin_dir);
	free(g);
}

int guard_uninstall(const char *pin_dir, struct err *err)
{
	_cleanup_close_ int lock = -1;
	int r;

	if (access(pin_dir, F_OK) < 0)
		return 0;
	r = guard_pin_open(pin_dir, &lock, err);
	if (r < 0)
		return r;
	guard_unpin_all(pin_dir);
	if (access(pin_dir, F_OK) == 0)
		return err_set(err, -EBUSY, "%s: not all of it can be removed", pin_dir);
	return 0;
}

bool guard_has_lsm(const struct guard *g)
{
	return g->lsm;
}

bool guard_has_task(const struct guard *g, int pidfd)
{
	const struct bpf_map *tasks = g->skel->maps.tasks;
	_cleanup_free_ void *entry = malloc(bpf_map__value_size(tasks));

	return !entry || bpf_map_lookup_elem(bpf_map__fd(tasks), &pidfd, entry) == 0;
}

int guard_task_state(const struct guard *g, int pidfd, struct lutra_state *ret)
{
	const struct bpf_map *tasks = g->skel->maps.tasks, *hot = g->skel->maps.hot;
	size_t tasks_size = bpf_map__value_size(tasks), hot_size = bpf_map__value_size(hot);
	_cleanup_free_ char *value = malloc(tasks_size > hot_size ? tasks_size : hot_size);
	struct lutra_entry entry;

	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(tasks), &pidfd, value) < 0)
		return -ENOENT;
	memcpy(&entry, value, sizeof(entry));
	if (entry.place) {
		entry.place--;
		if (bpf_map_lookup_elem(bpf_map__fd(hot), &entry.place, value) < 0)
			return -ENOENT;
		/* A place begins with its task's address: kern/state/maps.bpf.h. */
		memcpy(&entry, value + sizeof(uint64_t), sizeof(entry));
	}
	*ret = entry.state;
	return 0;
}

uint32_t guard_ops(const struct guard *g)
{
	const uint32_t hooks_only = 1u << LUTRA_OP_CAPABLE | 1u << LUTRA_OP_HOOK;
	const uint32_t none = 1u << LUTRA_OP_NONE | 1u << LUTRA_OP_CHDIR;
	const uint32_t all = (1u << LUTRA_OP_COUNT) - 1;

	return all & ~none & ~(g->lsm ? 0 : hooks_only);
}

int guard_counters(const struct guard *g, uint32_t slot, struct lutra_counters *ret)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct lutra_counters *per_cpu = NULL;
	struct lutra_counters sum = {};

	if (slot >= LUTRA_SLOTS)
		return -ENOENT;
	if (cpus < 0)
		return cpus;
	per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(g->skel->maps.counters), &slot, per_cpu) < 0)
		return -errno;
	for (int c = 0; c < cpus; c++)
		for (int i = 0; i < LUTRA_C_COUNT; i++)
			sum.n[i] += per_cpu[c].n[i];
	*ret = sum;
	return 0;
}

size_t guard_programs(const struct guard *g, struct guard_program ret[static GUARD_PROGRAMS])
{
	struct bpf_program *p;
	size_t n = 0;

	bpf_object__for_each_program (p, g->skel->obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (n == GUARD_PROGRAMS || bpf_program__fd(p) < 0 ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len) < 0)
			continue;
		snprintf(ret[n].name, sizeof(ret[n].name), "%.31s", bpf_program__name(p));
		ret[n].runs = info.run_cnt;
		ret[n].run_ns = info.run_time_ns;
		n++;
	}
	return n;
}

int guard_poll(struct guard *g, int timeout_ms)
{
	int n, more;

	guard_refresh_seen(g);
	g->evidence_left = GUARD_EVIDENCE_TURN;
	n = ring_buffer__poll(g->rings, timeout_ms);
	if (n == -EINTR || n == -EAGAIN)
		n = 0;
	if (n < 0)
		return n;
	more = guard_drain(g);
	return more < 0 ? more : n + more;
}

int guard_drain(struct guard *g)
{
	int n;

	g->evidence_left = GUARD_EVIDENCE_TURN;
	n = ring_buffer__consume(g->rings);
	return n == -EAGAIN ? GUARD_EVIDENCE_TURN : n;
}

int guard_epoll_fd(const struct guard *g)
{
	return ring_buffer__epoll_fd(g->rings);
}
