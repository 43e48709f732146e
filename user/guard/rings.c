/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two rings that the kernel side writes: evidence and records. Both are read on the thread that
 * calls guard_drain(). A message whose sizes do not agree is dropped.
 */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <string.h>

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
	/* A container that floods the ring must not keep the reader from its other work. */
	return --g->evidence_left ? 0 : -EAGAIN;
}

int guard_open_rings(struct guard *g, struct err *err)
{
	g->rings = ring_buffer__new(bpf_map__fd(g->skel->maps.evidence), on_evidence, g, NULL);
	if (!g->rings)
		return err_set(err, -errno, "cannot map the evidence ring: %s", strerror(errno));
	if (ring_buffer__add(g->rings, bpf_map__fd(g->skel->maps.records), on_record, g) < 0)
		return err_set(err, -errno, "cannot map the records ring: %s", strerror(errno));
	return 0;
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
