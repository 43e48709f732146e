/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts histories. First each run is counted alone, on all threads. Then the runs are added one by
 * one, so that the result does not depend on the threads.
 */
#include "trainer/model/level_m/histories.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/model/compute/pool.h"

/* The histories of one run. */
struct counted_run {
	struct number_map map;
	uint32_t *n, *gap; /* (map.n): as in struct history_count */
	size_t n_size, gap_size;
};

/* What is attached to a task, and copied by a fork. */
struct task_history {
	uint64_t history;
	uint32_t gap;
};

struct histories_job {
	const struct tokens *tokens;
	const struct tokens_source *src;
	struct counted_run *runs;
};

static int count_history(struct counted_run *c, struct task_history *t)
{
	uint32_t i;
	int r = number_map_add(&c->map, t->history, &i);

	if (r < 0)
		return r;
	if (ARRAY_RESERVE(c->n, c->n_size, i + 1) < 0 ||
	    ARRAY_RESERVE(c->gap, c->gap_size, i + 1) < 0)
		return -ENOMEM;
	if (c->n[i] == 0) {
		c->gap[i] = t->gap;
		t->gap = 0;
	} else {
		t->gap += t->gap < UINT32_MAX;
	}
	c->n[i] += c->n[i] < UINT32_MAX;
	return 0;
}

static int count_run_histories(void *ctx, size_t piece, struct err *err)
{
	static const struct task_history none;
	const struct histories_job *j = ctx;
	size_t run = j->src->corpus->n_old + piece;
	_cleanup_(run_iter_done) struct run_iter it = {0};
	struct counted_run *c = &j->runs[run];
	struct run_event e;
	int r = number_map_init(&c->map);

	(void)err;
	if (r == 0)
		r = run_iter_init(&it, &j->src->corpus->runs[run], j->src->roles);
	if (r == 0)
		r = run_iter_attach(&it, sizeof(none), &none);
	while (r == 0 && run_iter_next(&it, &e)) {
		uint8_t token = tokens_event(j->tokens, &e);
		struct task_history *t = e.attached;

		if (token == LUTRA_PAD ||
		    (history_repeats(t->history, token) && !j->src->calls_only))
			continue;
		t->history = history_push(t->history, token);
		if (e.state->role != LUTRA_ROLE_SESSION || j->src->sessions)
			r = count_history(c, t);
	}
	return r;
}

/* Adds the histories of a run to those of all runs. */
static int add_run_histories(struct histories *h, size_t run, const struct counted_run *c)
{
	struct run_histories *ret = &h->runs[run];
	int r = 0;

	ret->list = calloc(c->map.n + 1, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < c->map.n; i++) {
		ret->list[i].n = c->n[i];
		ret->list[i].gap = c->gap[i];
		r = number_map_add(&h->map, c->map.number[i], &ret->list[i].history);
	}
	ret->n = c->map.n;
	return r;
}

/* Restores the histories of the runs of an old policy. */
static int restore_histories(struct histories *h, const struct policy_model *m)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n_histories; i++) {
		uint32_t at;

		r = number_map_add(&h->map, m->histories[i], &at);
		if (r == 0 && at != i)
			r = -EBADMSG; /* the model has this history twice */
	}
	for (size_t i = 0; r == 0 && i < m->n_runs; i++) {
		const struct policy_run_histories *from = &m->runs[i];

		h->runs[i].list = calloc(from->n + 1, sizeof(*h->runs[i].list));
		if (!h->runs[i].list)
			return -ENOMEM;
		for (size_t k = 0; k < from->n; k++)
			h->runs[i].list[k] = (struct history_count){
				from->list[k].history, from->list[k].n, from->list[k].gap};
		h->runs[i].n = from->n;
	}
	return r;
}

int histories_count(struct histories *ret, const struct tokens *tokens,
		    const struct tokens_source *src)
{
	size_t n = src->corpus->n_runs, n_old = src->corpus->n_old;
	struct counted_run *runs = calloc(n + 1, sizeof(*runs));
	struct histories_job j = {tokens, src, runs};
	int r;

	*ret = (struct histories){.n_runs = n, .start_layers = src->calls_only ? 2 : 3};
	ret->runs = calloc(n + 1, sizeof(*ret->runs));
	r = runs && ret->runs ? number_map_init(&ret->map) : -ENOMEM;
	if (r == 0 && src->old)
		r = restore_histories(ret, src->old->model);
	if (r == 0)
		r = pool_run(src->threads, count_run_histories, &j, n - n_old, NULL);
	for (size_t i = n_old; r == 0 && i < n; i++)
		r = add_run_histories(ret, i, &runs[i]);
	for (size_t i = 0; runs && i < n; i++) {
		number_map_done(&runs[i].map);
		free(runs[i].n);
		free(runs[i].gap);
	}
	free(runs);
	return r;
}

void histories_done(struct histories *h)
{
	number_map_done(&h->map);
	for (size_t i = 0; h->runs && i < h->n_runs; i++)
		free(h->runs[i].list);
	free(h->runs);
	memset(h, 0, sizeof(*h));
}
