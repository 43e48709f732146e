/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the graph in one pass over the known runs, then the distances from the steps backwards. */
#include "trainer/eval/adapt/gram_graph.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/model/compute/num.h"

#define STREAM_PLACES 16 /* of the seed's random numbers, and one more for each order and kind */
#define SYSCALLS_MAX (UINT16_MAX + 1)

void gram_graph_done(struct gram_graph *g)
{
	free(g->symbols);
	free(g->macros);
	intern_free(g->contexts);
	free(g->edges);
	free(g->first);
	free(g->slots);
	free(g->context);
	for (unsigned i = 0; i < MACRO_STEPS; i++)
		free(g->distance[i]);
	memset(g, 0, sizeof(*g));
}

uint32_t gram_graph_symbol(const struct gram_graph *g, uint32_t macro)
{
	return g->by_macro ? macro : g->known->macros.list[macro].nr;
}

static int set_symbols(struct gram_graph *g)
{
	const struct macro_set *m = &g->known->macros;

	g->n_symbols = g->by_macro ? m->n : SYSCALLS_MAX;
	g->symbols = calloc(g->n_symbols + 1, sizeof(*g->symbols));
	g->macros = calloc(m->n + 1, sizeof(*g->macros));
	if (!g->symbols || !g->macros)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n; i++) {
		struct gram_symbol *s = &g->symbols[gram_graph_symbol(g, i)];

		s->steps |= m->list[i].steps;
		s->filler = m->list[i].filler;
		s->n++;
	}
	for (size_t i = 0; i < g->n_symbols; i++)
		g->symbols[i + 1].first = g->symbols[i].first + g->symbols[i].n;
	for (size_t i = 0; i < g->n_symbols; i++)
		g->symbols[i].n = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		struct gram_symbol *s = &g->symbols[gram_graph_symbol(g, i)];

		g->macros[s->first + s->n++] = i;
	}
	return 0;
}

/* ---- edges ---- */

static size_t find_edge_slot(const struct gram_graph *g, uint32_t from, uint32_t symbol)
{
	uint64_t h = ((uint64_t)from << 32 | symbol) * 0x9e3779b97f4a7c15ull;
	size_t i = (h >> 32) & (g->n_slots - 1);

	while (g->slots[i] && (g->edges[g->slots[i] - 1].from != from ||
			       g->edges[g->slots[i] - 1].symbol != symbol))
		i = (i + 1) & (g->n_slots - 1);
	return i;
}

uint32_t gram_graph_next(const struct gram_graph *g, uint32_t context, uint32_t symbol)
{
	uint32_t edge = g->slots[find_edge_slot(g, context, symbol)];

	return edge ? g->edges[edge - 1].to : GRAM_NONE;
}

/* Makes the hash table anew, with n_slots places. */
static int set_slots(struct gram_graph *g, size_t n_slots)
{
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(g->slots);
	g->slots = slots;
	g->n_slots = n_slots;
	for (size_t i = 0; i < g->n_edges; i++)
		g->slots[find_edge_slot(g, g->edges[i].from, g->edges[i].symbol)] = (uint32_t)i + 1;
	return 0;
}

/* Finds the context of n - 1 symbols, oldest first, and adds it if it is new. */
static int add_context(struct gram_graph *g, const uint32_t *symbols, uint32_t *ret)
{
	int r = intern_add(g->contexts, symbols, (g->order - 1) * sizeof(*symbols), ret);

	if (r < 0)
		return r;
	g->n_contexts = intern_count(g->contexts);
	return ARRAY_RESERVE(g->context, g->context_size, g->n_contexts);
}

/* Adds an n-gram, oldest symbol first, that leads away from a context. *ret: the next context. */
static int add_edge(struct gram_graph *g, uint32_t from, const uint32_t *gram, uint32_t *ret)
{
	size_t slot = find_edge_slot(g, from, gram[g->order - 1]);
	int r;

	if (g->slots[slot]) {
		*ret = g->edges[g->slots[slot] - 1].to;
		return 0;
	}
	r = add_context(g, gram + 1, ret);
	if (r < 0)
		return r;
	if (ARRAY_RESERVE(g->edges, g->edges_size, g->n_edges + 1) < 0)
		return -ENOMEM;
	g->edges[g->n_edges++] = (struct gram_edge){from, gram[g->order - 1], *ret};
	g->slots[slot] = (uint32_t)g->n_edges;
	return g->n_edges * 2 > g->n_slots ? set_slots(g, g->n_slots * 2) : 0;
}

/* Draws whether a place at which the context is followed is kept: all have the same chance. */
static void offer_place(struct gram_context *c, struct rng *rng, size_t place)
{
	uint64_t at = c->seen < GRAM_PLACES ? c->seen : rng_u64(rng) % (c->seen + 1);

	c->seen++;
	if (at < GRAM_PLACES)
		c->place[at] = (uint32_t)place;
}

static int add_grams(struct gram_graph *g, struct rng *rng)
{
	uint32_t last[GRAM_ORDER_MAX] = {0}, context = GRAM_NONE;
	unsigned have = 0;

	for (size_t i = 0; i < g->known->n; i++) {
		uint32_t macro = g->known->sequence[i];
		int r = 0;

		if (macro == MACRO_NONE) { /* the next task begins */
			have = 0;
			context = GRAM_NONE;
			continue;
		}
		if (have == g->order)
			memmove(last, last + 1, --have * sizeof(last[0]));
		last[have++] = gram_graph_symbol(g, macro);
		if (have < g->order)
			continue;
		if (context == GRAM_NONE)
			r = add_context(g, last, &context);
		if (r < 0)
			return r;
		offer_place(&g->context[context], rng, i);
		r = add_edge(g, context, last, &context);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Orders the edges by the context that they leave. */
static int sort_edges(struct gram_graph *g)
{
	struct gram_edge *sorted = calloc(g->n_edges + 1, sizeof(*sorted));
	_cleanup_free_ uint32_t *at = calloc(g->n_contexts + 1, sizeof(*at));

	g->first = calloc(g->n_contexts + 1, sizeof(*g->first));
	if (!sorted || !at || !g->first) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < g->n_edges; i++)
		g->first[g->edges[i].from + 1]++;
	for (uint32_t i = 0; i < g->n_contexts; i++)
		at[i + 1] = g->first[i + 1] += g->first[i];
	for (size_t i = 0; i < g->n_edges; i++)
		sorted[at[g->edges[i].from]++] = g->edges[i];
	free(g->edges);
	g->edges = sorted;
	return set_slots(g, g->n_slots);
}

/* ---- distances ---- */

/* The edges by the context that they lead to. */
struct gram_back {
	uint32_t *first; /* (n_contexts + 1) */
	uint32_t *edge;
	uint32_t *queue;
};

static void gram_back_done(struct gram_back *b)
{
	free(b->first);
	free(b->edge);
	free(b->queue);
}

static int gram_back_init(struct gram_back *b, const struct gram_graph *g)
{
	_cleanup_free_ uint32_t *at = calloc(g->n_contexts + 1, sizeof(*at));

	b->first = calloc(g->n_contexts + 1, sizeof(*b->first));
	b->edge = calloc(g->n_edges + 1, sizeof(*b->edge));
	b->queue = calloc(g->n_contexts + 1, sizeof(*b->queue));
	if (!at || !b->first || !b->edge || !b->queue)
		return -ENOMEM;
	for (size_t i = 0; i < g->n_edges; i++)
		b->first[g->edges[i].to + 1]++;
	for (uint32_t i = 0; i < g->n_contexts; i++)
		at[i + 1] = b->first[i + 1] += b->first[i];
	for (size_t i = 0; i < g->n_edges; i++)
		b->edge[at[g->edges[i].to]++] = (uint32_t)i;
	return 0;
}

/* Sets how far each context is from a step: a breadth-first search, backwards from the step. */
static int set_distance(struct gram_graph *g, const struct gram_back *b, unsigned step)
{
	uint32_t *distance = calloc(g->n_contexts + 1, sizeof(*distance));
	size_t head = 0, tail = 0;

	g->distance[step] = distance;
	if (!distance)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n_contexts; i++)
		distance[i] = GRAM_NONE;
	for (size_t i = 0; i < g->n_edges; i++) {
		const struct gram_edge *e = &g->edges[i];

		if (!(g->symbols[e->symbol].steps >> step & 1) || distance[e->from] == 0)
			continue;
		distance[e->from] = 0;
		b->queue[tail++] = e->from;
	}
	while (head < tail) {
		uint32_t to = b->queue[head++];

		for (uint32_t k = b->first[to]; k < b->first[to + 1]; k++) {
			const struct gram_edge *e = &g->edges[b->edge[k]];

			if (!g->symbols[e->symbol].filler || distance[e->from] != GRAM_NONE)
				continue;
			distance[e->from] = distance[to] + 1;
			b->queue[tail++] = e->from;
		}
	}
	return 0;
}

int gram_graph_init(struct gram_graph *g, const struct known_runs *known, unsigned order,
		    bool by_macro, uint64_t seed)
{
	struct rng rng = rng_stream(seed, STREAM_PLACES + order * 2u + by_macro);
	_cleanup_(gram_back_done) struct gram_back back = {0};
	int r;

	memset(g, 0, sizeof(*g));
	g->known = known;
	g->order = order;
	g->by_macro = by_macro;
	r = intern_new(&g->contexts);
	if (r == 0)
		r = set_symbols(g);
	if (r == 0)
		r = set_slots(g, 1024);
	if (r == 0)
		r = add_grams(g, &rng);
	if (r == 0)
		r = sort_edges(g);
	if (r == 0)
		r = gram_back_init(&back, g);
	for (unsigned i = 0; r == 0 && i < MACRO_STEPS; i++)
		r = set_distance(g, &back, i);
	return r;
}

uint32_t gram_graph_find(const struct gram_graph *g, const uint32_t *recent)
{
	uint32_t symbols[GRAM_ORDER_MAX], context;
	size_t n = g->order - 1;

	for (size_t i = 0; i < n; i++)
		symbols[n - 1 - i] = recent[i];
	if (!intern_find(g->contexts, symbols, n * sizeof(symbols[0]), &context) ||
	    g->first[context] == g->first[context + 1])
		return GRAM_NONE;
	return context;
}
