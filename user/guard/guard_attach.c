/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaches the loaded programs in one fixed order and detaches them in the reverse order. The
 * programs that see tasks begin, execute and end come first: without them a task would be judged in
 * the role it had before its exec.
 *
 * The kernel takes seconds to detach the tracepoints of system calls, so a thread detaches them,
 * one link after the other. If a container is enrolled meanwhile, the thread stops before the next
 * link, and guard_attach() attaches again what was detached.
 */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <string.h>

#include "kern/lutra.skel.h"
#include "user/sys/thread.h"

/* Returns true for programs that the code that needs them runs or attaches itself. */
static bool is_on_demand(const struct guard *g, const struct bpf_program *p)
{
	const char *section = bpf_program__section_name(p);

	if (p == g->skel->progs.lutra_sys_enter)
		return g->at_filter != NULL;
	if (p == g->skel->progs.lutra_file_alloc_security)
		return true;
	if (p == g->skel->progs.lutra_filter_exit || p == g->skel->progs.lutra_filter_return)
		return p != g->at_filter;
	return p == g->skel->progs.lutra_filter_probe ||
	       p == g->skel->progs.lutra_filter_return_probe || strcmp(section, "iter/task") == 0 ||
	       strcmp(section, "syscall") == 0;
}

static bool follows_tasks(const struct guard *g, const struct bpf_program *p)
{
	return p == g->skel->progs.lutra_fork || p == g->skel->progs.lutra_attach ||
	       p == g->skel->progs.lutra_exec || p == g->skel->progs.lutra_exit ||
	       p == g->skel->progs.lutra_task_free;
}

static void destroy_last_link(struct guard *g)
{
	bpf_link__destroy(g->links[--g->n_links]);
}

/* ---- what is not always attached ---- */

int guard_attach_extra(struct guard *g, enum guard_extra which)
{
	struct bpf_program *const programs[GUARD_EXTRAS] = {
		[GUARD_ENTER] = g->skel->progs.lutra_sys_enter,
		[GUARD_REFUSAL] = g->skel->progs.lutra_file_alloc_security,
	};
	int r;

	if (g->extra[which] || bpf_program__fd(programs[which]) < 0)
		return 0;
	g->extra[which] = bpf_program__attach(programs[which]);
	if (!g->extra[which])
		return -errno;
	r = guard_pin_extra(g, which);
	if (r < 0)
		guard_detach_extra(g, which);
	return r;
}

void guard_detach_extra(struct guard *g, enum guard_extra which)
{
	if (g->extra[which] && g->pinned)
		bpf_link__unpin(g->extra[which]);
	bpf_link__destroy(TAKE_PTR(g->extra[which]));
}

bool guard_has_refusal(const struct guard *g)
{
	return bpf_program__fd(g->skel->progs.lutra_file_alloc_security) >= 0;
}

int guard_follow_mode(struct guard *g, uint32_t mode)
{
	return mode > LUTRA_MODE_AUDIT ? guard_attach_extra(g, GUARD_REFUSAL) : 0;
}

static void detach_extras(struct guard *g)
{
	for (enum guard_extra i = 0; i < GUARD_EXTRAS; i++)
		guard_detach_extra(g, i);
}

/* ---- in a thread ---- */

/* Owns the links until the thread is joined. */
static void *detach_links(void *ctx)
{
	struct guard *g = ctx;

	while (g->n_links > 0 && !__atomic_load_n(&g->detach_stop, __ATOMIC_SEQ_CST))
		destroy_last_link(g);
	__atomic_store_n(&g->detach_over, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void join_detacher(struct guard *g)
{
	if (!g->detaching)
		return;
	__atomic_store_n(&g->detach_stop, true, __ATOMIC_SEQ_CST);
	pthread_join(g->detacher, NULL);
	g->detaching = false;
}

void guard_detach_aside(struct guard *g)
{
	if (g->detaching) {
		if (__atomic_load_n(&g->detach_over, __ATOMIC_SEQ_CST))
			join_detacher(g);
		return;
	}
	guard_unpin_links(g);
	detach_extras(g);
	g->detach_stop = g->detach_over = false;
	g->detaching = thread_start(&g->detacher, "detach", detach_links, g) == 0;
	if (!g->detaching)
		guard_detach(g);
}

/* ---- at once ---- */

void guard_detach(struct guard *g)
{
	join_detacher(g);
	guard_unpin_links(g);
	detach_extras(g);
	while (g->n_links > 0)
		destroy_last_link(g);
}

/* *at: index in g->links of the program's first link; moved behind its last. */
static int attach_program(struct guard *g, struct bpf_program *p, size_t *at)
{
	struct bpf_link *link;

	if (p == g->skel->progs.lutra_syscall_exit)
		return syscall_events_attach(p, g->links, &g->n_links, GUARD_LINKS, at);
	if ((*at)++ < g->n_links)
		return 0;
	link = bpf_program__attach(p);
	if (!link)
		return -errno;
	g->links[g->n_links++] = link;
	return 0;
}

/* Attaches the programs that follow tasks, or all others. */
static int attach_programs(struct guard *g, bool follow, size_t *at, struct err *err)
{
	struct bpf_program *p;

	bpf_object__for_each_program (p, g->skel->obj) {
		int r;

		if (!bpf_program__autoload(p) || is_on_demand(g, p) ||
		    follows_tasks(g, p) != follow)
			continue;
		if (*at == GUARD_LINKS)
			return err_set(err, -ENOSPC, "more than %d programs to attach",
				       GUARD_LINKS);
		r = attach_program(g, p, at);
		if (r < 0)
			return err_set(err, r, "cannot attach %s: %s", bpf_program__section_name(p),
				       strerror(-r));
	}
	return 0;
}

int guard_attach(struct guard *g, struct err *err)
{
	size_t at = 0;
	int r;

	join_detacher(g);
	r = attach_programs(g, true, &at, err);
	if (r == 0)
		r = attach_programs(g, false, &at, err);
	if (r == 0) {
		r = guard_pin_links(g);
		if (r < 0)
			err_set(err, r, "cannot pin below %s: %s", g->pin_dir, strerror(-r));
	}
	if (r < 0)
		guard_detach(g);
	return r;
}
