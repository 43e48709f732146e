/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting, training and compiling, layer by layer.
 *
 *   layer 0      pairs of tokens (v, v)
 *   layer 1, 2   pairs of codes of the layer below (codes, codes)
 *
 * Arrays of the scorer have rows of 1 << PAIRS_SHIFT(layer); arrays of struct layer have rows of k.
 */
#include "trainer/model/tables/model.h"

#include <errno.h>

#include "lib/abi/syscall_traits.h"
#include "trainer/model/compute/num.h"
#include "trainer/model/compute/pool.h"

/* Counting of the new runs on all threads, a piece of work for each run. */
struct counting {
	struct model *model;
	struct lutra_policy *image;
	int layer; /* whose pairs are counted, or COUNT_SYSCALLS */
};

#define COUNT_SYSCALLS (-1)

int model_init(struct model *m, const struct corpus *corpus)
{
	memset(m, 0, sizeof(*m));
	m->corpus = corpus;
	m->ops = corpus_ops(corpus);
	m->counts = calloc(corpus->n_runs, sizeof(*m->counts));
	return m->counts ? 0 : -ENOMEM;
}

void model_done(struct model *m)
{
	for (int i = 0; i < MODEL_LAYERS; i++)
		layer_done(&m->layer[i]);
	for (size_t i = 0; m->counts && i < m->corpus->n_runs; i++)
		run_counts_done(&m->counts[i]);
	free(m->counts);
	memset(m, 0, sizeof(*m));
}

static int count_run(void *ctx, size_t piece, struct err *err)
{
	struct counting *c = ctx;
	const struct corpus *corpus = c->model->corpus;
	size_t run = corpus->n_old + piece;
	const struct run *from = &corpus->runs[run];
	struct run_counts *ret = &c->model->counts[run];

	(void)err;
	if (c->layer == COUNT_SYSCALLS)
		return run_count_syscalls(from, c->image, intern_count(corpus->names.objects), ret);
	return run_count_pairs(from, c->image, (unsigned)c->layer, !c->model->audit_sessions, ret);
}

static int count_runs(struct counting *c, unsigned threads)
{
	const struct corpus *corpus = c->model->corpus;

	return pool_run(threads, count_run, c, corpus->n_runs - corpus->n_old, NULL);
}

void model_sum_syscalls(const struct model *m, size_t without, uint64_t ret[LUTRA_ROLES][LUTRA_NR])
{
	memset(ret, 0, sizeof(m->counts->calls));
	for (size_t r = 0; r < m->corpus->n_runs; r++)
		for (int role = 0; role < LUTRA_ROLES && r != without; role++)
			for (int nr = 0; nr < LUTRA_NR; nr++)
				ret[role][nr] += m->counts[r].calls[role][nr];
}

/* Returns the code that a new task starts with in a layer's pairs: PAD, p1 or p2. */
static uint8_t start_code(const struct model *m, unsigned layer)
{
	uint8_t code = LUTRA_PAD;

	for (const struct layer *below = m->layer; below < m->layer + layer; below++)
		code = below->code[code * below->k + code];
	return code;
}

/*
 * Returns the pairs of all runs except one, for the caller to free. At layers 0 and 1 the pair that
 * a new task starts with counts once more. NULL: out of memory.
 */
static uint32_t *sum_pairs(const struct model *m, size_t without, unsigned layer)
{
	uint32_t *sum = calloc(PAIRS_SIZE(layer), sizeof(*sum));

	if (!sum)
		return NULL;
	for (size_t r = 0; r < m->corpus->n_runs; r++)
		for (size_t i = 0; i < PAIRS_SIZE(layer) && r != without; i++)
			sum[i] += m->counts[r].pairs[layer][i];
	if (layer < 2)
		sum[start_code(m, layer) << PAIRS_SHIFT(layer) | start_code(m, layer)]++;
	return sum;
}

/* Writes a layer's codes to the scorer's table, by which the next layer's pairs are counted. */
static void put_codes(struct lutra_policy *p, const struct model *m, unsigned layer)
{
	uint16_t *table = layer == 0 ? p->t0 : layer == 1 ? p->t1 : p->t2;
	const struct layer *l = &m->layer[layer];

	for (size_t a = 0; a < l->k; a++)
		for (size_t b = 0; b < l->k; b++)
			table[a << PAIRS_SHIFT(layer) | b] = l->code[a * l->k + b];
	if (layer == 0)
		p->p1 = start_code(m, 1);
	else if (layer == 1)
		p->p2 = start_code(m, 2);
}

/* Counts the pairs of c->layer in all runs and trains the layer on them. */
static int train_layer(struct counting *c, const struct layer_options *options)
{
	struct model *m = c->model;
	_cleanup_free_ uint32_t *pairs = NULL;
	unsigned l = (unsigned)c->layer;
	struct ae_dims dims = {.k = l == 0 ? m->alphabet.v : m->layer[l - 1].codes,
			       .unk = l == 0 ? LUTRA_UNK : AE_NO_UNK};
	struct pair_counts counts = {.shift = PAIRS_SHIFT(l)};
	int r = count_runs(c, options->threads);

	if (r < 0)
		return r;
	counts.count = pairs = sum_pairs(m, MODEL_NO_RUN, l);
	if (!pairs)
		return -ENOMEM;
	r = layer_train(&m->layer[l], &dims, &counts, options);
	if (r == 0)
		put_codes(c->image, m, l);
	return r;
}

void model_add_first_process(struct model *m)
{
	for (size_t i = 0; i < m->corpus->n_runs; i++)
		if (m->first_process < m->counts[i].first_process)
			m->first_process = m->counts[i].first_process;
}

/*
 * Counts the system calls of all runs by role. A task is steady after its first accept; if no run
 * accepts, the runs are counted again with tasks that are steady after their first wait.
 */
static int count_roles(struct counting *c, const struct layer_options *options,
		       uint64_t ret[LUTRA_ROLES][LUTRA_NR])
{
	struct model *m = c->model;
	bool found = options->flags & MODEL_NO_ROLES;
	int r;

	for (int wait = 0; wait == 0 || (wait < 2 && !found); wait++) {
		m->steady_on_wait = wait;
		if (!(options->flags & MODEL_NO_ROLES))
			syscall_mask(m->corpus->arch, wait ? SYSCALL_WAITS : SYSCALL_ACCEPTS,
				     m->steady);
		memcpy(c->image->steady, m->steady, sizeof(m->steady));
		for (size_t i = 0; i < m->corpus->n_runs; i++)
			run_counts_done(&m->counts[i]);
		r = count_runs(c, options->threads);
		if (r < 0)
			return r;
		model_sum_syscalls(m, MODEL_NO_RUN, ret);
		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			for (unsigned role = 0; role < LUTRA_ROLE_SESSION; role++)
				found |= ret[role][nr] && m->steady[nr / 64] >> (nr & 63) & 1;
	}
	model_add_first_process(m);
	return 0;
}

int model_train(struct model *m, const struct layer_options *options)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct counting c = {m, image, COUNT_SYSCALLS};
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	struct rng g = rng_stream(options->seed, 1);
	int r = image ? count_roles(&c, options, calls) : -ENOMEM;

	if (r == 0)
		r = alphabet_build(calls, &m->alphabet);
	if (r < 0)
		return r;
	memcpy(image->token, m->alphabet.token, sizeof(m->alphabet.token));
	for (c.layer = 0; r == 0 && c.layer < MODEL_LAYERS; c.layer++) {
		struct layer_options layer = *options;

		layer.seed = rng_u64(&g) + (uint64_t)c.layer * 16;
		r = train_layer(&c, &layer);
	}
	return r;
}

int model_count_runs(struct model *m, bool pairs, unsigned threads)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct counting c = {m, image, COUNT_SYSCALLS};
	int r = 0;

	if (!image)
		return -ENOMEM;
	memcpy(image->steady, m->steady, sizeof(image->steady));
	if (!pairs)
		return count_runs(&c, threads);
	memcpy(image->token, m->alphabet.token, sizeof(m->alphabet.token));
	for (unsigned l = 0; l < MODEL_LAYERS; l++)
		put_codes(image, m, l);
	for (c.layer = 0; r == 0 && c.layer < MODEL_LAYERS; c.layer++)
		r = count_runs(&c, threads);
	return r;
}

int model_policy(const struct model *m, size_t without, struct policy *p)
{
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	uint16_t **tables[MODEL_LAYERS] = {&p->t0, &p->t1, &p->t2};

	if (m->corpus->arch) {
		free(p->arch);
		p->arch = strdup(m->corpus->arch);
		if (!p->arch)
			return -ENOMEM;
	}
	p->v = m->alphabet.v;
	p->steady_on_wait = m->steady_on_wait;
	p->first_process = m->first_process;
	p->ops = m->ops;
	memcpy(p->hash_key, m->hash_key, sizeof(p->hash_key));
	memcpy(p->steady, m->steady, sizeof(p->steady));
	model_sum_syscalls(m, without, calls);
	for (int role = 0; role < LUTRA_ROLES; role++)
		for (int nr = 0; nr < LUTRA_NR; nr++)
			p->token[role][nr] =
				calls[role][nr] ? m->alphabet.token[role][nr] : LUTRA_UNK;
	alphabet_share_roles(p->token);
	p->p1 = start_code(m, 1);
	p->p2 = start_code(m, 2);
	for (unsigned l = 0; l < MODEL_LAYERS; l++) {
		_cleanup_free_ uint32_t *pairs = sum_pairs(m, without, l);
		struct pair_counts sum = {.count = pairs, .shift = PAIRS_SHIFT(l)};
		size_t stride = l == 0 ? p->v : LUTRA_K;
		uint16_t *table = *tables[l] = calloc(stride * stride, sizeof(*table));

		if (!pairs || !table || layer_table(&m->layer[l], &sum, stride, table) < 0)
			return -ENOMEM;
	}
	return 0;
}

int model_weights(const struct model *m, size_t without, bool gate, float *ret[MODEL_LAYERS])
{
	for (unsigned l = 0; l < MODEL_LAYERS; l++) {
		_cleanup_free_ uint32_t *pairs = sum_pairs(m, without, l);
		struct pair_counts sum = {.count = pairs, .shift = PAIRS_SHIFT(l)};

		ret[l] = calloc(PAIRS_SIZE(l), sizeof(*ret[l]));
		if (!pairs || !ret[l] || layer_weights(&m->layer[l], &sum, gate, ret[l]) < 0)
			return -ENOMEM;
	}
	return 0;
}

int model_successors(const struct model *m, struct policy *p)
{
	_cleanup_free_ uint32_t *pairs = sum_pairs(m, MODEL_NO_RUN, 0);

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
