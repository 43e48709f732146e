/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings that the kernel side writes: evidence, records, and tasks without a filter. All are read on the thread that
 * calls guard_drain(). A message whose sizes do not agree is dropped.
 */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kern/lutra.skel.h"

/*
 * Reads the path of the program that a task runs, as its container sees it. Returns its length; 0: it
 * is not known, since the task is gone or the file has no name there.
 */
static size_t read_program(uint32_t tid, char buf[LUTRA_STRING_MAX])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%u/exe", tid);
	n = readlink(link, buf, LUTRA_STRING_MAX);
	return n > 0 && n < LUTRA_STRING_MAX && *buf == '/' ? (size_t)n : 0;
}

/*
 * What a task executes while it is not yet guarded is no object. The record of its beginning gets the
 * program's path here, from which training knows the container's first program.
 */
static int on_record(void *ctx, void *data, size_t size)
{
	struct guard *g = ctx;
	const struct lutra_ring_record *r = data;
	char program[LUTRA_STRING_MAX];
	size_t n = 0;

	if (size < sizeof(*r) || r->str_len > size - sizeof(*r) || !g->handler.record)
		return 0;
	if (r->rec.type == LUTRA_RECORD_ARM && !r->rec.aux)
		n = read_program(r->rec.tid, program);
	if (n)
		g->handler.record(g->handler.ctx, r->slot, &r->rec, program, n);
	else
		g->handler.record(g->handler.ctx, r->slot, &r->rec, r->str, r->str_len);
	return 0;
}

static int on_evidence(void *ctx, void *data, size_t size)
{
	struct guard *g = ctx;
	const struct lutra_evidence *ev = data;

	if (size >= sizeof(*ev) && (uint64_t)ev->str_len + ev->starter_len <= size - sizeof(*ev) &&
	    g->handler.evidence)
		g->handler.evidence(g->handler.ctx, ev, ev->str, ev->str_len);
	/* A container that floods the ring must not keep the reader from its other work. */
	return --g->evidence_left ? 0 : -EAGAIN;
}

static int on_unfiltered(void *ctx, void *data, size_t size)
{
	struct guard *g = ctx;
	const struct lutra_unfiltered *note = data;

	if (size >= sizeof(*note) && note->instance == g->instance)
		g->unfiltered = true;
	return 0;
}

int guard_open_rings(struct guard *g, struct err *err)
{
	g->rings = ring_buffer__new(bpf_map__fd(g->skel->maps.evidence), on_evidence, g, NULL);
	if (!g->rings)
		return err_set(err, -errno, "cannot map the evidence ring: %s", strerror(errno));
	if (ring_buffer__add(g->rings, bpf_map__fd(g->skel->maps.records), on_record, g) < 0)
		return err_set(err, -errno, "cannot map the records ring: %s", strerror(errno));
	if (ring_buffer__add(g->rings, bpf_map__fd(g->skel->maps.unfiltered), on_unfiltered, g) < 0)
		return err_set(err, -errno, "cannot map the ring of tasks without a filter: %s",
			       strerror(errno));
	return 0;
}

int guard_drain(struct guard *g)
{
	int n;

	g->evidence_left = GUARD_EVIDENCE_TURN;
	n = ring_buffer__consume(g->rings);
	guard_heed_notes(g);
	return n == -EAGAIN ? GUARD_EVIDENCE_TURN : n;
}

int guard_epoll_fd(const struct guard *g)
{
	return ring_buffer__epoll_fd(g->rings);
}
