/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching what is loaded, always in the same order, and detaching it from the end. What sees
 * tasks begin, execute and end is first: without it, what a task executes is judged in the role
 * that it was executed in. To detach the tracepoints of calls takes the kernel seconds: a thread
 * does that aside, one link after the other. Where something is enrolled meanwhile it stops at the
 * next one, what it has not come to stays, and what follows that is attached again.
 */
#include "user/guard/guard_impl.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "kern/lutra.skel.h"
#include "user/guard/call_events.h"
#include "user/sys/thread.h"

/* Programs that are run, or attached for a moment, by the code that needs them. */
static bool is_on_demand(const struct bpf_program *p)
{
	const char *section = bpf_program__section_name(p);

	return strcmp(section, "iter/task") == 0 || strcmp(section, "syscall") == 0;
}

static bool follows_tasks(const struct guard *g, const struct bpf_program *p)
{
	return p == g->skel->progs.lutra_fork || p == g->skel->progs.lutra_attach ||
	       p == g->skel->progs.lutra_exec || p == g->skel->progs.lutra_exit;
}

static void destroy_last(struct guard *g)
{
	bpf_link__destroy(g->links[--g->n_links]);
}

/* ---- aside ---- */

/* The links are this thread's until it is joined. */
static void *detach(void *ctx)
{
	struct guard *g = ctx;

	while (g->n_links > 0 && !__atomic_load_n(&g->detach_stop, __ATOMIC_SEQ_CST))
		destroy_last(g);
	__atomic_store_n(&g->detach_over, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void detach_join(struct guard *g)
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
			detach_join(g);
		return;
	}
	guard_unpin_links(g);
	g->detach_stop = g->detach_over = false;
	g->detaching = thread_start(&g->detacher, "detach", detach, g) == 0;
	if (!g->detaching)
		guard_detach(g);
}

/* ---- at once ---- */

void guard_detach(struct guard *g)
{
	detach_join(g);
	guard_unpin_links(g);
	while (g->n_links > 0)
		destroy_last(g);
}

/* at: place of the program's link, or of its first, in g->links; moved on behind its last. */
static int attach_one(struct guard *g, struct bpf_program *p, size_t *at)
{
	struct bpf_link *link;

	if (p == g->skel->progs.lutra_call_exit)
		return call_events_attach(p, g->links, &g->n_links, GUARD_LINKS, at);
	if ((*at)++ < g->n_links)
		return 0;
	link = bpf_program__attach(p);
	if (!link)
		return -errno;
	g->links[g->n_links++] = link;
	return 0;
}

/* Those that follow tasks, or the others. */
static int attach_all(struct guard *g, bool follow, size_t *at, struct err *err)
{
	struct bpf_program *p;

	bpf_object__for_each_program (p, g->skel->obj) {
		int r;

		if (!bpf_program__autoload(p) || is_on_demand(p) || *at == GUARD_LINKS ||
		    follows_tasks(g, p) != follow)
			continue;
		r = attach_one(g, p, at);
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

	detach_join(g);
	r = attach_all(g, true, &at, err);
	if (r == 0)
		r = attach_all(g, false, &at, err);
	if (r == 0) {
		r = guard_pin_links(g);
		if (r < 0)
			err_set(err, r, "cannot pin below %s: %s", g->pin_dir, strerror(-r));
	}
	if (r < 0)
		guard_detach(g);
	return r;
}
