/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting, training and compiling, layer by layer.
 *
 *   layer 0      pairs of tokens (v, v)
 *   layer 1, 2   pairs of codes of the layer below (codes, codes)
 *
 * Arrays of the scorer have rows of 1 << PAIRS_SHIFT(layer); arrays of struct layer have rows of
 * kb.
 */
#include "trainer/model/tables/model.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/abi/syscall_traits.h"
#include "trainer/model/compute/num.h"

/* Counting of runs on all threads, a piece of work for each run. */
struct counting {
	const struct corpus *corpus;
	struct run_counts *counts;
	struct lutra_policy *policy;
	size_t first;	/* the run of piece 0 */
	unsigned layer; /* whose pairs are counted */
	atomic_int r;	/* the last error of a piece, or 0 */
};

void model_done(struct model *m)
{
	for (int i = 0; i < MODEL_LAYERS; i++)
		layer_done(&m->layer[i]);
	memset(m, 0, sizeof(*m));
}

static void count_run_syscalls(void *ctx, size_t piece)
{
	struct counting *c = ctx;
	size_t run = c->first + piece;
	uint32_t n_objects = intern_count(c->corpus->names.objects);

	if (run_count_syscalls(&c->corpus->runs[run], c->policy, n_objects, &c->counts[run]) < 0)
		atomic_store(&c->r, -ENOMEM);
}

static void count_run_pairs(void *ctx, size_t piece)
{
	struct counting *c = ctx;
	size_t run = c->first + piece;

	if (run_count_pairs(&c->corpus->runs[run], c->policy, c->layer, &c->counts[run]) < 0)
		atomic_store(&c->r, -ENOMEM);
}

/* Adds up the system calls of all runs except one. */
static void sum_syscalls(const struct run_counts *counts, size_t n_runs, size_t without,
			 uint64_t ret[LUTRA_ROLES][LUTRA_NR])
{
	memset(ret, 0, sizeof(counts->calls));
	for (size_t r = 0; r < n_runs; r++)
		for (int role = 0; role < LUTRA_ROLES && r != without; role++)
			for (int nr = 0; nr < LUTRA_NR; nr++)
				ret[role][nr] += counts[r].calls[role][nr];
}

/*
 * Returns the pairs of all runs except one, for the caller to free. The pair that a new task starts
 * with counts once more: (PAD, PAD) at layer 0, its code p1 twice at layer 1. NULL: out of memory.
 */
static uint32_t *sum_pairs(const struct run_counts *counts, size_t n_runs, size_t without,
			   unsigned layer, uint32_t p1)
{
	uint32_t *sum = calloc(PAIRS_SIZE(layer), sizeof(*sum));

	if (!sum)
		return NULL;
	for (size_t r = 0; r < n_runs; r++)
		for (size_t i = 0; i < PAIRS_SIZE(layer) && r != without; i++)
			sum[i] += counts[r].pairs[layer][i];
	if (layer == 0)
		sum[LUTRA_PAD << PAIRS_SHIFT(0) | LUTRA_PAD]++;
	else if (layer == 1)
		sum[p1 << PAIRS_SHIFT(1) | p1]++;
	return sum;
}

static uint16_t *image_table(struct lutra_policy *p, unsigned layer)
{
	return layer == 0 ? p->t0 : layer == 1 ? p->t1 : p->t2;
}

/* Writes a layer's codes to the scorer's table, by which the next layer's pairs are counted. */
static void put_codes(struct lutra_policy *p, const struct layer *l, unsigned layer)
{
	uint16_t *table = image_table(p, layer);

	for (size_t a = 0; a < l->ka; a++)
		for (size_t b = 0; b < l->kb; b++)
			table[a << PAIRS_SHIFT(layer) | b] = l->code[a * l->kb + b];
	if (layer == 0)
		p->p1 = l->code[LUTRA_PAD * l->kb + LUTRA_PAD];
	else if (layer == 1)
		p->p2 = l->code[p->p1 * l->kb + p->p1];
}

/* Counts the pairs of c->layer in all runs and trains the layer on them. */
static int train_layer(struct model *m, struct counting *c, const struct layer_options *options)
{
	struct lutra_policy *image = c->policy;
	_cleanup_free_ uint32_t *pairs = NULL;
	unsigned l = c->layer;
	uint32_t k = l == 0 ? m->alphabet.v : m->layer[l - 1].codes;
	struct ae_dims dims = {.ka = k, .kb = k, .unk = l == 0 ? LUTRA_UNK : AE_NO_UNK};
	struct pair_counts counts = {.shift = PAIRS_SHIFT(l)};
	int r;

	pool_run(options->pool, count_run_pairs, c, c->corpus->n_runs);
	if (atomic_load(&c->r) < 0)
		return c->r;
	pairs = sum_pairs(c->counts, c->corpus->n_runs, MODEL_NO_RUN, l, image->p1);
	if (!pairs)
		return -ENOMEM;
	counts.count = pairs;
	r = layer_train(&m->layer[l], &dims, &counts, options);
	if (r == 0)
		put_codes(image, &m->layer[l], l);
	return r;
}

/*
 * Counts the system calls of all runs by role. A task is steady after its first accept; if no run
 * accepts, the runs are counted again with tasks that are steady after their first wait.
 */
static int count_roles(struct model *m, struct counting *c, const struct layer_options *options,
		       uint64_t ret[LUTRA_ROLES][LUTRA_NR])
{
	bool found = options->flags & MODEL_NO_ROLES;
	uint64_t steady[LUTRA_NR / 64];

	for (int wait = 0; wait == 0 || (wait < 2 && !found); wait++) {
		m->steady_on_wait = wait;
		memset(steady, 0, sizeof(steady));
		if (!(options->flags & MODEL_NO_ROLES))
			syscall_mask(m->arch, wait ? SYSCALL_WAITS : SYSCALL_ACCEPTS, steady);
		memcpy(c->policy->steady, steady, sizeof(steady));
		memcpy(m->steady, steady, sizeof(steady));
		for (size_t i = 0; i < c->corpus->n_runs; i++)
			run_counts_done(&c->counts[i]);
		pool_run(options->pool, count_run_syscalls, c, c->corpus->n_runs);
		if (atomic_load(&c->r) < 0)
			return c->r;
		sum_syscalls(c->counts, c->corpus->n_runs, MODEL_NO_RUN, ret);
		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			for (unsigned role = 0; role < LUTRA_ROLES; role++)
				found |= ret[role][nr] && steady[nr / 64] >> (nr & 63) & 1;
	}
	return 0;
}

int model_train(struct model *ret, const struct corpus *corpus, struct run_counts *counts,
		const struct layer_options *options)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct counting c = {.corpus = corpus, .counts = counts, .policy = image};
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	struct rng g = rng_stream(options->seed, 1);
	int r;

	if (!image)
		return -ENOMEM;
	ret->arch = corpus->arch;
	ret->ops = corpus_ops(corpus);
	r = count_roles(ret, &c, options, calls);
	if (r < 0)
		return r;
	r = alphabet_build(calls, &ret->alphabet);
	if (r < 0)
		return r;
	memcpy(image->token, ret->alphabet.token, sizeof(image->token));
	for (c.layer = 0; c.layer < MODEL_LAYERS; c.layer++) {
		struct layer_options layer = *options;

		layer.seed = rng_u64(&g) + c.layer * 16;
		r = train_layer(ret, &c, &layer);
		if (r < 0)
			return r;
	}
	return 0;
}

int model_count_syscalls(const struct model *m, const struct corpus *corpus,
			 struct run_counts *counts, struct pool *pool)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct counting c = {corpus, counts, image, corpus->n_old, 0, 0};

	if (!image)
		return -ENOMEM;
	memcpy(image->steady, m->steady, sizeof(image->steady));
	pool_run(pool, count_run_syscalls, &c, corpus->n_runs - c.first);
	return atomic_load(&c.r);
}

int model_count_pairs(const struct model *m, const struct corpus *corpus, struct run_counts *counts,
		      struct pool *pool)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct counting c = {corpus, counts, image, corpus->n_old, 0, 0};

	if (!image)
		return -ENOMEM;
	memcpy(image->steady, m->steady, sizeof(image->steady));
	memcpy(image->token, m->alphabet.token, sizeof(image->token));
	for (unsigned l = 0; l < MODEL_LAYERS; l++)
		put_codes(image, &m->layer[l], l);
	for (c.layer = 0; c.layer < MODEL_LAYERS; c.layer++)
		pool_run(pool, count_run_pairs, &c, corpus->n_runs - c.first);
	return atomic_load(&c.r);
}

/* Returns one layer's table in rows of stride, for the caller to free. NULL: out of memory. */
static uint16_t *make_table(const struct layer *l, const struct pair_counts *counts, size_t stride)
{
	_cleanup_free_ uint16_t *packed = calloc((size_t)l->ka * l->kb, sizeof(*packed));
	_cleanup_free_ uint16_t *table = calloc(stride * stride, sizeof(*table));

	if (!packed || !table || layer_table(l, counts, packed) < 0)
		return NULL;
	for (size_t a = 0; a < l->ka; a++)
		memcpy(table + a * stride, packed + a * l->kb, l->kb * sizeof(*table));
	return TAKE_PTR(table);
}

int model_policy(const struct model *m, const struct run_counts *counts, size_t n_runs,
		 size_t without, struct policy *p)
{
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	uint16_t **tables[MODEL_LAYERS] = {&p->t0, &p->t1, &p->t2};

	if (m->arch) {
		free(p->arch);
		p->arch = strdup(m->arch);
		if (!p->arch)
			return -ENOMEM;
	}
	p->v = m->alphabet.v;
	p->steady_on_wait = m->steady_on_wait;
	p->ops = m->ops;
	memcpy(p->hash_key, m->hash_key, sizeof(p->hash_key));
	memcpy(p->steady, m->steady, sizeof(p->steady));
	sum_syscalls(counts, n_runs, without, calls);
	for (int role = 0; role < LUTRA_ROLES; role++)
		for (int nr = 0; nr < LUTRA_NR; nr++)
			p->token[role][nr] =
				calls[role][nr] ? m->alphabet.token[role][nr] : LUTRA_UNK;
	p->p1 = m->layer[0].code[LUTRA_PAD * m->layer[0].kb + LUTRA_PAD];
	p->p2 = m->layer[1].code[p->p1 * m->layer[1].kb + p->p1];
	for (unsigned l = 0; l < MODEL_LAYERS; l++) {
		_cleanup_free_ uint32_t *pairs = sum_pairs(counts, n_runs, without, l, p->p1);
		struct pair_counts sum = {.count = pairs, .shift = PAIRS_SHIFT(l)};

		if (!pairs)
			return -ENOMEM;
		*tables[l] = make_table(&m->layer[l], &sum, l == 0 ? p->v : LUTRA_K);
		if (!*tables[l])
			return -ENOMEM;
	}
	return 0;
}

/* Returns in (ka, kb) with rows as the scorer's tables have them. NULL: out of memory. */
static float *expand_rows(const struct layer *l, unsigned layer, const float *in)
{
	float *ret = calloc(PAIRS_SIZE(layer), sizeof(*ret));

	for (size_t a = 0; ret && a < l->ka; a++)
		memcpy(ret + (a << PAIRS_SHIFT(layer)), in + a * l->kb, l->kb * sizeof(*in));
	return ret;
}

int model_weights(const struct model *m, const struct model_weighing *w, float *ret[MODEL_LAYERS])
{
	uint8_t p1 = m->layer[0].code[LUTRA_PAD * m->layer[0].kb + LUTRA_PAD];

	for (unsigned i = 0; i < MODEL_LAYERS; i++) {
		const struct layer *l = &m->layer[i];
		_cleanup_free_ uint32_t *pairs = sum_pairs(w->counts, w->n_runs, w->without, i, p1);
		_cleanup_free_ float *packed = calloc((size_t)l->ka * l->kb, sizeof(*packed));
		struct pair_counts sum = {.count = pairs, .shift = PAIRS_SHIFT(i)};

		if (!pairs || !packed || layer_weights(l, &sum, w->gate, packed) < 0)
			return -ENOMEM;
		ret[i] = expand_rows(l, i, packed);
		if (!ret[i])
			return -ENOMEM;
	}
	return 0;
}

int model_successors(const struct run_counts *counts, size_t n_runs, struct policy *p)
{
	_cleanup_free_ uint32_t *pairs = sum_pairs(counts, n_runs, MODEL_NO_RUN, 0, 0);

	p->successors = calloc(p->v, POLICY_SUCCESSORS);
	if (!pairs || !p->successors)
		return -ENOMEM;
	for (uint32_t a = 0; a < p->v; a++) {
		uint32_t *row = pairs + ((size_t)a << PAIRS_SHIFT(0));

		for (int i = 0; i < POLICY_SUCCESSORS; i++) {
			uint32_t best = LUTRA_TOKEN0;

			for (uint32_t b = LUTRA_TOKEN0; b < p->v; b++)
				best = row[b] > row[best] ? b : best;
			if (best >= p->v || !row[best])
				break;
			p->successors[a * POLICY_SUCCESSORS + i] = (uint8_t)best;
			row[best] = 0;
		}
	}
	return 0;
}
