/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the graph of known n-grams from step to step, by the distances that it has. */
#include "trainer/eval/adapt/splice.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/model/compute/pool.h"

#define FILLERS_MAX 400 /* between two steps: an attack that needs more is given up */
#define COPIES_MAX 8	/* pieces of training that dilute one group */
#define STEPS_MAX 4

static const struct {
	const char *name;
	unsigned repeats, n_steps;
	enum macro_step steps[STEPS_MAX]; /* a group: (n_steps) */
} goals[SPLICE_GOALS] = {
	[SPLICE_EXFIL] = {"exfil", 3, 4, {MACRO_OPEN_VALUE, MACRO_READ, MACRO_SEND, MACRO_CLOSE}},
	[SPLICE_MASS] = {"mass", 40, 4, {MACRO_OPEN_DATA, MACRO_READ, MACRO_SEND, MACRO_CLOSE}},
	[SPLICE_OVERWRITE] = {"overwrite", 10, 3, {MACRO_CHANGE, MACRO_WRITE, MACRO_CLOSE}},
	[SPLICE_RESIDENT] = {"resident", 30, 3, {MACRO_WAIT, MACRO_RECEIVE, MACRO_SEND}},
};

static const struct {
	const char *name;
	unsigned order;
	bool by_macro;
} orders[SPLICE_ORDERS] = {{"1", 1, false}, {"2", 2, false}, {"3", 3, false}, {"4", 4, false},
			   {"6", 6, false}, {"m2", 2, true}, {"m4", 4, true}};

static const unsigned dilutions[SPLICE_DILUTIONS] = {0, 1, 3, 10};

const char *splice_goal_name(unsigned goal)
{
	return goals[goal].name;
}

const char *splice_order_name(unsigned order)
{
	return orders[order].name;
}

unsigned splice_dilution_calls(unsigned dilution)
{
	return dilutions[dilution];
}

/* ---- graphs ---- */

struct source_job {
	struct splice_source *source;
	uint64_t seed;
};

static int build_graph(void *ctx, size_t i, struct err *err)
{
	struct source_job *j = ctx;
	int r = gram_graph_init(&j->source->graphs[i], j->source->known, orders[i].order,
				orders[i].by_macro, j->seed);

	return r < 0 ? err_set(err, r, "the known runs do not fit: %s", strerror(-r)) : 0;
}

int splice_source_init(struct splice_source *s, const struct known_runs *known, uint64_t seed,
		       unsigned threads, struct err *err)
{
	struct source_job j = {s, seed};

	memset(s, 0, sizeof(*s));
	s->known = known;
	return pool_run(threads, build_graph, &j, SPLICE_ORDERS, err);
}

void splice_source_done(struct splice_source *s)
{
	for (unsigned i = 0; i < SPLICE_ORDERS; i++)
		gram_graph_done(&s->graphs[i]);
	memset(s, 0, sizeof(*s));
}

/* ---- attacks ---- */

/* An attack under construction. */
struct splice_walk {
	const struct gram_graph *graph;
	uint32_t context;
	struct rng *rng;
	struct splice *splice;
};

void splice_done(struct splice *s)
{
	free(s->items);
	memset(s, 0, sizeof(*s));
}

static int append_macro(struct splice_walk *w, uint32_t macro, bool payload)
{
	struct splice *s = w->splice;

	if (ARRAY_RESERVE(s->items, s->items_size, s->n + 1) < 0)
		return -ENOMEM;
	s->items[s->n++] = (struct splice_item){macro, payload};
	return 0;
}

/*
 * Draws a macro event of a symbol. step: one that does it; MACRO_STEPS: any. There is one: a symbol has
 * the steps of its macro events.
 */
static uint32_t draw_macro(const struct splice_walk *w, uint32_t symbol, unsigned step)
{
	const struct gram_graph *g = w->graph;
	const struct gram_symbol *s = &g->symbols[symbol];
	uint32_t found = MACRO_NONE;
	uint64_t n = 0;

	if (step == MACRO_STEPS)
		return g->macros[s->first + rng_u64(w->rng) % s->n];
	for (uint32_t i = s->first; i < s->first + s->n; i++) {
		bool does = g->known->macros.list[g->macros[i]].steps >> step & 1;

		if (does && rng_u64(w->rng) % ++n == 0)
			found = g->macros[i];
	}
	return found;
}

/* Returns true if the edge is on a shortest way to the step; left: the distance at its begin. */
static bool is_on_way(const struct gram_graph *g, const struct gram_edge *e, unsigned step,
		      uint32_t left)
{
	const struct gram_symbol *s = &g->symbols[e->symbol];

	if (left == 0)
		return s->steps >> step & 1;
	return s->filler && g->distance[step][e->to] == left - 1;
}

/* Draws one of the edges that are on a shortest way. */
static const struct gram_edge *draw_edge(const struct splice_walk *w, unsigned step, uint32_t left)
{
	const struct gram_graph *g = w->graph;
	const struct gram_edge *found = NULL;
	uint64_t n = 0;

	for (uint32_t i = g->first[w->context]; i < g->first[w->context + 1]; i++)
		if (is_on_way(g, &g->edges[i], step, left) && rng_u64(w->rng) % ++n == 0)
			found = &g->edges[i];
	return found;
}

/*
 * Appends the fewest fillers, and an event that does the step. Returns 1; 0 if there is no way or it is
 * too long; or -ENOMEM.
 */
static int append_step(struct splice_walk *w, unsigned step, bool payload)
{
	uint32_t left = w->graph->distance[step][w->context];

	if (left >= FILLERS_MAX)
		return 0;
	for (;; left--) {
		const struct gram_edge *e = draw_edge(w, step, left);
		uint32_t macro = draw_macro(w, e->symbol, left ? MACRO_STEPS : step);

		if (append_macro(w, macro, payload && left == 0) < 0)
			return -ENOMEM;
		w->context = e->to;
		if (left == 0)
			return 1;
	}
}

/* Returns any place in the known sequence: first a task is drawn, then a place in it. */
static size_t draw_any_place(const struct splice_walk *w)
{
	const struct known_runs *k = w->graph->known;
	size_t task = rng_u64(w->rng) % k->n_tasks;
	size_t end = task + 1 < k->n_tasks ? k->tasks[task + 1] : k->n;

	return k->tasks[task] + rng_u64(w->rng) % (end - 1 - k->tasks[task]);
}

/* Returns a place in the known sequence at which the context is followed, or SIZE_MAX. */
static size_t draw_place(const struct splice_walk *w)
{
	const struct gram_context *c = &w->graph->context[w->context];
	size_t kept = c->seen < GRAM_PLACES ? c->seen : GRAM_PLACES;

	if (w->graph->order == 1)
		return draw_any_place(w);
	return kept ? c->place[rng_u64(w->rng) % kept] : SIZE_MAX;
}

/* Appends up to `need` macro events as they follow in training. Sets how many. */
static int append_copy(struct splice_walk *w, size_t place, size_t need, size_t *ret)
{
	const struct known_runs *k = w->graph->known;

	for (*ret = 0; *ret < need; ++*ret) {
		uint32_t macro = k->sequence[place + *ret];

		if (macro == MACRO_NONE || !k->macros.list[macro].filler)
			return 0;
		if (append_macro(w, macro, false) < 0)
			return -ENOMEM;
		w->context =
			gram_graph_next(w->graph, w->context, gram_graph_symbol(w->graph, macro));
	}
	return 0;
}

/* Dilutes a group by copies of training. They may be fewer than asked for. */
static int append_dilution(struct splice_walk *w, size_t need)
{
	for (unsigned i = 0; need && i < COPIES_MAX; i++) {
		size_t place = draw_place(w), copied;

		if (place == SIZE_MAX)
			return 0;
		if (append_copy(w, place, need, &copied) < 0)
			return -ENOMEM;
		need -= copied;
	}
	return 0;
}

/* Appends one group of a goal's steps, and what dilutes it. Returns as append_step(). */
static int append_group(struct splice_walk *w, const struct splice_plan *plan)
{
	size_t from = w->splice->n;

	for (unsigned i = 0; i < goals[plan->goal].n_steps; i++) {
		int r = append_step(w, goals[plan->goal].steps[i], true);

		if (r <= 0)
			return r;
	}
	if (append_dilution(w, dilutions[plan->dilution] * (w->splice->n - from)) < 0)
		return -ENOMEM;
	return 1;
}

int splice_make(const struct splice_source *src, const struct splice_plan *plan,
		const struct attack_start *start, struct rng *rng, struct splice *ret)
{
	const struct gram_graph *g = &src->graphs[plan->order];
	struct splice_walk w = {g, GRAM_NONE, rng, ret};
	int r = 1;

	w.context = gram_graph_find(g, g->by_macro ? start->macros : start->calls);
	if (w.context == GRAM_NONE)
		return 0;
	if (plan->goal == SPLICE_RESIDENT)
		r = append_step(&w, MACRO_CONNECT, true); /* 0: the service connects to no one */
	for (unsigned i = 0; r >= 0 && i < goals[plan->goal].repeats; i++) {
		r = append_group(&w, plan);
		if (r <= 0)
			return r;
	}
	/* At last the task waits for what comes next, as the service would. */
	return r < 0 || append_step(&w, MACRO_WAIT, false) < 0 ? -ENOMEM : 1;
}
