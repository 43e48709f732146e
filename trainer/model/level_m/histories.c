/* SPDX-License-Identifier: Apache-2.0 */
/* Counts histories: each run by itself, on all threads; then all together, in their order. */
#include "trainer/model/level_m/histories.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/model/compute/pool.h"

/* The histories of one run. */
struct counted_run {
	struct number_map map;
	uint32_t *n; /* (map.n) */
	size_t size;
};

struct histories_job {
	const struct tokens *tokens;
	const struct tokens_source *src;
	struct counted_run *runs;
};

static int count_history(struct counted_run *c, uint64_t history)
{
	uint32_t i;
	int r = number_map_add(&c->map, history, &i);

	if (r < 0)
		return r;
	if (ARRAY_RESERVE(c->n, c->size, i + 1) < 0)
		return -ENOMEM;
	c->n[i] += c->n[i] < UINT32_MAX;
	return 0;
}

static int count_run_histories(void *ctx, size_t run, struct err *err)
{
	static const uint64_t none;
	const struct histories_job *j = ctx;
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
		uint64_t *history = e.attached;

		if (token == LUTRA_PAD || history_repeats(*history, token))
			continue;
		*history = history_push(*history, token);
		if (e.state->role != LUTRA_ROLE_SESSION || j->src->sessions)
			r = count_history(c, *history);
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
		r = number_map_add(&h->map, c->map.number[i], &ret->list[i].history);
	}
	ret->n = c->map.n;
	return r;
}

int histories_count(struct histories *ret, const struct tokens *tokens,
		    const struct tokens_source *src)
{
	size_t n = src->corpus->n_runs;
	struct counted_run *runs = calloc(n + 1, sizeof(*runs));
	struct histories_job j = {tokens, src, runs};
	int r;

	*ret = (struct histories){.n_runs = n};
	ret->runs = calloc(n + 1, sizeof(*ret->runs));
	r = runs && ret->runs ? number_map_init(&ret->map) : -ENOMEM;
	if (r == 0)
		r = pool_run(src->threads, count_run_histories, &j, n, NULL);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_run_histories(ret, i, &runs[i]);
	for (size_t i = 0; runs && i < n; i++) {
		number_map_done(&runs[i].map);
		free(runs[i].n);
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
