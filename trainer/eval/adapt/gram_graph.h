/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All n-grams that the known runs have, as a graph. A node is a context: the last n - 1 symbols. An edge
 * is an n-gram: it leads from the context of its first n - 1 symbols to that of its last n - 1. So every
 * n-gram on a path is known.
 *
 * Symbols are system calls, or macro events.
 */
#ifndef LUTRA_TRAINER_EVAL_ADAPT_GRAM_GRAPH_H
#define LUTRA_TRAINER_EVAL_ADAPT_GRAM_GRAPH_H

#include "trainer/eval/adapt/known_runs.h"

#define GRAM_ORDER_MAX 6
#define GRAM_PLACES 16 /* kept of each context */
#define GRAM_NONE UINT32_MAX

struct gram_edge {
	uint32_t from, symbol, to;
};

/* What a symbol can do: system calls can do what one of their macro events can. */
struct gram_symbol {
	uint16_t steps; /* bit per enum macro_step */
	bool filler;
	uint32_t first, n; /* its macro events in gram_graph.macros */
};

struct gram_graph {
	const struct known_runs *known;
	unsigned order; /* n */
	bool by_macro;	/* symbols are macro events */
	struct gram_symbol *symbols;
	size_t n_symbols;
	uint32_t *macros; /* all macro events, ordered by symbol */
	struct intern *contexts;
	uint32_t n_contexts;
	struct gram_edge *edges; /* (n_edges): ordered by from once the graph is complete */
	size_t n_edges, edges_size;
	uint32_t *first; /* (n_contexts + 1): where a context's edges begin */
	uint32_t *slots; /* (n_slots): hash table of edges + 1; 0: free */
	size_t n_slots;
	/* Of each context: how often it was followed, and some of the places in known->sequence. */
	struct gram_context {
		uint64_t seen;
		uint32_t place[GRAM_PLACES]; /* of the symbol that follows */
	} * context;
	size_t context_size;
	/* By step and context: fewest symbols before one that does the step, or GRAM_NONE. */
	uint32_t *distance[MACRO_STEPS];
};

/*
 * Makes the graph. seed decides which places are kept. known must outlive it. The caller calls
 * gram_graph_done(), also after a failure. Returns 0, -ENOMEM or -E2BIG.
 */
int gram_graph_init(struct gram_graph *g, const struct known_runs *known, unsigned order,
		    bool by_macro, uint64_t seed);
void gram_graph_done(struct gram_graph *g);

/* Returns the symbol of a macro event. */
uint32_t gram_graph_symbol(const struct gram_graph *g, uint32_t macro);

/*
 * Returns the context of the last symbols, or GRAM_NONE if no n-gram begins so. recent: the last symbol
 * first.
 */
uint32_t gram_graph_find(const struct gram_graph *g, const uint32_t *recent);

/* Returns where a symbol leads from a context, or GRAM_NONE if the n-gram is not known. */
uint32_t gram_graph_next(const struct gram_graph *g, uint32_t context, uint32_t symbol);

#endif
