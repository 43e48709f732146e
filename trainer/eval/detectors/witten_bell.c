/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Witten-Bell smoothing.
 *
 * A gram of order n is named by its n calls. Its context is the gram of order n - 1 without the
 * last call, its suffix the gram without the first. Both are in the table, down to order 0.
 */
#include "trainer/eval/detectors/witten_bell.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/model/compute/num.h"

/* What the model has for each gram. */
struct gram_share {
	double p;	   /* P(last call | context) */
	double total;	   /* n(h), the gram being a context */
	uint32_t distinct; /* T(h) */
};

struct witten_bell_model {
	const struct witten_bell *w;
	struct gram_share *gram;
	double uniform; /* P of a call without context */
};

int witten_bell_init(struct witten_bell *w, size_t n_runs)
{
	*w = (struct witten_bell){.n_runs = n_runs};
	return intern_new(&w->names);
}

void witten_bell_done(struct witten_bell *w)
{
	intern_free(w->names);
	free(w->gram);
	free(w->count);
	memset(w, 0, sizeof(*w));
}

/* Finds the gram of `order` calls, or adds it after its context and its suffix. */
static int get_gram(struct witten_bell *w, const uint16_t *calls, uint32_t order, uint32_t *ret)
{
	uint32_t context = 0, suffix = 0;
	int r = 0;

	if (intern_find(w->names, calls, order * sizeof(*calls), ret))
		return 0;
	if (order) {
		r = get_gram(w, calls, order - 1, &context);
		if (r == 0)
			r = get_gram(w, calls + 1, order - 1, &suffix);
	}
	if (r == 0)
		r = intern_add(w->names, calls, order * sizeof(*calls), ret);
	if (r < 0)
		return r;
	if (ARRAY_RESERVE(w->gram, w->gram_size, *ret + 1) < 0 ||
	    ARRAY_RESERVE(w->count, w->count_size, (*ret + 1) * w->n_runs) < 0)
		return -ENOMEM;
	w->gram[*ret] = (struct gram){context, suffix, order};
	return 0;
}

int witten_bell_add(struct witten_bell *w, const uint16_t calls[WITTEN_BELL_ORDER], size_t run,
		    uint32_t n)
{
	uint32_t i;
	int r = get_gram(w, calls, WITTEN_BELL_ORDER, &i);

	if (r == 0)
		w->count[i * w->n_runs + run] += n;
	return r;
}

void witten_bell_model_free(struct witten_bell_model *m)
{
	if (!m)
		return;
	free(m->gram);
	free(m);
}

/* Adds up the counts of all runs except one: each gram's own, and for all its suffixes. */
static void sum_counts(const struct witten_bell *w, size_t without, uint32_t n, double *ret)
{
	for (uint32_t i = 0; i < n; i++) {
		double sum = 0;

		for (size_t r = 0; r < w->n_runs && w->gram[i].order == WITTEN_BELL_ORDER; r++)
			sum += r == without ? 0 : w->count[i * w->n_runs + r];
		for (uint32_t g = i; sum > 0 && w->gram[g].order > 0; g = w->gram[g].suffix)
			ret[g] += sum;
	}
}

/* Returns (count + T(h) lower) / (n(h) + T(h)), or lower for a context that was never seen. */
static double smooth_count(const struct witten_bell_model *m, uint32_t context, double count,
			   double lower)
{
	double distinct = m->gram[context].distinct, all = m->gram[context].total + distinct;

	return all > 0 ? (count + distinct * lower) / all : lower;
}

int witten_bell_model_new(struct witten_bell_model **ret, const struct witten_bell *w,
			  size_t without)
{
	_cleanup_(witten_bell_model_freep) struct witten_bell_model *m = calloc(1, sizeof(*m));
	uint32_t n = intern_count(w->names), distinct = 0;
	_cleanup_free_ double *count = calloc(n + 1, sizeof(*count));

	if (!m || !count)
		return -ENOMEM;
	m->w = w;
	m->gram = calloc(n + 1, sizeof(*m->gram));
	if (!m->gram)
		return -ENOMEM;
	sum_counts(w, without, n, count);
	for (uint32_t i = 0; i < n; i++) {
		const struct gram *g = &w->gram[i];

		if (!g->order || count[i] <= 0)
			continue;
		m->gram[g->context].total += count[i];
		m->gram[g->context].distinct++;
		distinct += g->order == 1;
	}
	m->uniform = 1. / (distinct + 1);
	/* A gram has a higher number than its suffix, so P of the suffix is ready. */
	for (uint32_t i = 0; i < n; i++) {
		const struct gram *g = &w->gram[i];

		if (g->order)
			m->gram[i].p =
				smooth_count(m, g->context, count[i],
					     g->order == 1 ? m->uniform : m->gram[g->suffix].p);
	}
	*ret = TAKE_PTR(m);
	return 0;
}

double witten_bell_surprise(const struct witten_bell_model *m,
			    const uint16_t calls[WITTEN_BELL_ORDER])
{
	const struct intern *names = m->w->names;
	double p = m->uniform;
	uint32_t i;

	if (intern_find(names, calls, WITTEN_BELL_ORDER * sizeof(*calls), &i))
		return -num_log(m->gram[i].p);
	/* The gram is new: back off from the longest suffix that is known. */
	for (uint32_t order = 1; order <= WITTEN_BELL_ORDER; order++) {
		const uint16_t *from = calls + WITTEN_BELL_ORDER - order;

		if (intern_find(names, from, order * sizeof(*from), &i))
			p = m->gram[i].p;
		else if (intern_find(names, from, (order - 1) * sizeof(*from), &i))
			p = smooth_count(m, i, 0, p);
	}
	return -num_log(p);
}
