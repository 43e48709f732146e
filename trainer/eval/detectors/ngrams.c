/* SPDX-License-Identifier: Apache-2.0 */
/*
 * N-grams. A gram of order n is named by its n calls; its context is the gram of order n - 1
 * without the last call, its suffix the one without the first. Both are in the table, down to order
 * 0.
 */
#include "trainer/eval/detectors/ngrams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/model/compute/num.h"

#define NGRAMS_MANY UINT32_MAX

int ngrams_init(struct ngrams *g)
{
	memset(g, 0, sizeof(*g));
	return intern_new(&g->names);
}

void ngrams_done(struct ngrams *g)
{
	intern_free(g->names);
	free(g->run);
	memset(g, 0, sizeof(*g));
}

/* Room for entry i of an array of *size; NULL: no memory, the array is as it was. */
static void *grow_entries(void *array, uint32_t i, uint32_t *size, size_t bytes)
{
	uint32_t n = *size ? *size : 1024;
	char *p = array;

	if (i < *size)
		return array;
	while (n <= i)
		n *= 2;
	p = realloc(array, n * bytes);
	if (!p)
		return NULL;
	memset(p + *size * bytes, 0, (n - *size) * bytes);
	*size = n;
	return p;
}

int ngrams_add(struct ngrams *g, const void *calls, size_t bytes, size_t run)
{
	uint32_t before = intern_count(g->names), i, *runs;
	int r = intern_add(g->names, calls, bytes, &i);

	if (r < 0)
		return r;
	if (i == before) {
		runs = grow_entries(g->run, i, &g->size, sizeof(*runs));
		if (!runs)
			return -ENOMEM;
		g->run = runs;
		g->run[i] = (uint32_t)run;
	} else if (g->run[i] != run) {
		g->run[i] = NGRAMS_MANY;
	}
	return 0;
}

bool ngrams_known(const struct ngrams *g, const void *calls, size_t bytes, size_t without)
{
	uint32_t i;

	return intern_find(g->names, calls, bytes, &i) && g->run[i] != without;
}

/* ---- Witten-Bell ---- */

struct gram {
	uint32_t context, suffix;
	uint32_t order;
};

struct witten_bell {
	struct intern *names;
	struct gram *gram;
	uint32_t gram_size, count_size;
	uint32_t *count; /* (grams, n_runs), of order 5 only */
	size_t n_runs;
};

struct witten_bell_model {
	const struct witten_bell *w;
	double *p;	    /* by gram: P(last | context) */
	double *total;	    /* by context: n(h) */
	uint32_t *distinct; /* by context: T(h) */
	double uniform;
};

int witten_bell_new(struct witten_bell **ret, size_t n_runs)
{
	_cleanup_(witten_bell_freep) struct witten_bell *w = calloc(1, sizeof(*w));
	int r = w ? intern_new(&w->names) : -ENOMEM;

	if (r < 0)
		return r;
	w->n_runs = n_runs;
	*ret = TAKE_PTR(w);
	return 0;
}

void witten_bell_free(struct witten_bell *w)
{
	if (!w)
		return;
	intern_free(w->names);
	free(w->gram);
	free(w->count);
	free(w);
}

/* The gram of that many calls, made with all that it needs. */
static int get_gram(struct witten_bell *w, const uint16_t *calls, uint32_t order, uint32_t *ret)
{
	uint32_t context = 0, suffix = 0, *count;
	struct gram *gram;
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
	gram = grow_entries(w->gram, *ret, &w->gram_size, sizeof(*gram));
	if (!gram)
		return -ENOMEM;
	w->gram = gram;
	count = grow_entries(w->count, *ret, &w->count_size, w->n_runs * sizeof(*count));
	if (!count)
		return -ENOMEM;
	w->count = count;
	w->gram[*ret] = (struct gram){context, suffix, order};
	return 0;
}

int witten_bell_add(struct witten_bell *w, const uint16_t calls[WITTEN_BELL_ORDER], size_t run)
{
	uint32_t i;
	int r = get_gram(w, calls, WITTEN_BELL_ORDER, &i);

	if (r == 0)
		w->count[i * w->n_runs + run]++;
	return r;
}

void witten_bell_model_free(struct witten_bell_model *m)
{
	if (!m)
		return;
	free(m->p);
	free(m->total);
	free(m->distinct);
	free(m);
}

/* Counts of all grams but one run's: those of order 5, and down the suffixes. */
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

static double smooth_count(const struct witten_bell_model *m, uint32_t context, double count,
			   double lower)
{
	double distinct = m->distinct[context], all = m->total[context] + distinct;

	return all > 0 ? (count + distinct * lower) / all : lower;
}

int witten_bell_model_new(struct witten_bell_model **ret, struct witten_bell *w, size_t without)
{
	_cleanup_(witten_bell_model_freep) struct witten_bell_model *m = calloc(1, sizeof(*m));
	uint32_t n = intern_count(w->names), distinct = 0;
	_cleanup_free_ double *count = calloc(n + 1, sizeof(*count));

	if (!m || !count)
		return -ENOMEM;
	m->w = w;
	m->p = calloc(n + 1, sizeof(*m->p));
	m->total = calloc(n + 1, sizeof(*m->total));
	m->distinct = calloc(n + 1, sizeof(*m->distinct));
	if (!m->p || !m->total || !m->distinct)
		return -ENOMEM;
	sum_counts(w, without, n, count);
	for (uint32_t i = 0; i < n; i++) {
		const struct gram *g = &w->gram[i];

		if (!g->order || count[i] <= 0)
			continue;
		m->total[g->context] += count[i];
		m->distinct[g->context]++;
		distinct += g->order == 1;
	}
	m->uniform = 1. / (distinct + 1);
	/* A gram comes after its suffix in the table. */
	for (uint32_t i = 0; i < n; i++) {
		const struct gram *g = &w->gram[i];

		if (g->order)
			m->p[i] = smooth_count(m, g->context, count[i],
					       g->order == 1 ? m->uniform : m->p[g->suffix]);
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
		return -num_log(m->p[i]);
	for (uint32_t order = 1; order <= WITTEN_BELL_ORDER; order++) {
		const uint16_t *from = calls + WITTEN_BELL_ORDER - order;

		if (intern_find(names, from, order * sizeof(*from), &i))
			p = m->p[i];
		else if (intern_find(names, from, (order - 1) * sizeof(*from), &i))
			p = smooth_count(m, i, 0, p);
	}
	return -num_log(p);
}
