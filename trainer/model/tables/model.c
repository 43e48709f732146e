/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts system calls and objects of runs by role, trains level M, and makes the arrays of a
 * policy.
 *
 * Arrays of the scorer have rows of 1 << M_SHIFT(layer), arrays of a policy have rows of v or
 * LUTRA_K.
 */
#include "trainer/model/tables/model.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/syscall_traits.h"
#include "trainer/model/compute/pool.h"

int model_init(struct model *m, const struct corpus *corpus)
{
	memset(m, 0, sizeof(*m));
	m->corpus = corpus;
	m->ops = corpus_ops(corpus);
	m->few_runs = corpus->n_runs < M_WEIGHTS_RUNS;
	m->counts = calloc(corpus->n_runs, sizeof(*m->counts));
	m->roles = calloc(1, sizeof(*m->roles));
	return m->counts && m->roles ? 0 : -ENOMEM;
}

void model_done(struct model *m)
{
	m_codes_done(&m->codes);
	m_corpus_done(&m->level);
	for (size_t i = 0; m->counts && i < m->corpus->n_runs; i++)
		run_counts_done(&m->counts[i]);
	free(m->counts);
	free(m->roles);
	memset(m, 0, sizeof(*m));
}

/* ---- counting ---- */

static int count_run(void *ctx, size_t piece, struct err *err)
{
	struct model *m = ctx;
	const struct corpus *corpus = m->corpus;
	size_t run = corpus->n_old + piece;

	(void)err;
	return run_count_syscalls(&corpus->runs[run], m->roles, intern_count(corpus->names.objects),
				  &m->counts[run]);
}

int model_count_runs(struct model *m, unsigned threads)
{
	memcpy(m->roles->steady, m->steady, sizeof(m->steady));
	return pool_run(threads, count_run, m, m->corpus->n_runs - m->corpus->n_old, NULL);
}

void model_sum_syscalls(const struct model *m, size_t without, uint64_t ret[LUTRA_ROLES][LUTRA_NR])
{
	memset(ret, 0, sizeof(m->counts->calls));
	for (size_t r = 0; r < m->corpus->n_runs; r++)
		for (int role = 0; role < LUTRA_ROLES && r != without; role++)
			for (int nr = 0; nr < LUTRA_NR; nr++)
				ret[role][nr] += m->counts[r].calls[role][nr];
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
static int count_roles(struct model *m, unsigned threads)
{
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	bool found = false;

	for (int wait = 0; wait < 2 && !found; wait++) {
		int r;

		m->steady_on_wait = wait;
		syscall_mask(m->corpus->arch, wait ? SYSCALL_WAITS : SYSCALL_ACCEPTS, m->steady);
		for (size_t i = 0; i < m->corpus->n_runs; i++)
			run_counts_done(&m->counts[i]);
		r = model_count_runs(m, threads);
		if (r < 0)
			return r;
		model_sum_syscalls(m, MODEL_NO_RUN, calls);
		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			for (unsigned role = 0; role < LUTRA_ROLE_SESSION; role++)
				found |= calls[role][nr] && m->steady[nr / 64] >> (nr & 63) & 1;
	}
	model_add_first_process(m);
	return 0;
}

/* ---- training ---- */

int model_read_level(struct model *m, const struct policy *old, unsigned threads)
{
	memcpy(m->roles->steady, m->steady, sizeof(m->steady));
	memcpy(m->roles->hash_key, m->hash_key, sizeof(m->hash_key));
	m->roles->ops = m->ops;
	m->source = (struct tokens_source){m->corpus, m->roles, !m->audit_sessions,
					   threads,   old,	false};
	return m_corpus_init(&m->level, &m->source);
}

int model_train_codes(struct model *m, const struct layer_options *options)
{
	return m_codes_train(&m->codes, &m->level.histories, m->level.tokens.v, MODEL_NO_RUN,
			     options);
}

int model_train(struct model *m, const struct layer_options *options)
{
	int r = count_roles(m, options->threads);

	if (r == 0)
		r = model_read_level(m, NULL, options->threads);
	return r < 0 ? r : model_train_codes(m, options);
}

int model_tables(const struct model *m, size_t without, struct lutra_m_tables *ret)
{
	return m_weights_tables(ret, &m->codes, &m->level.histories, without);
}

/* ---- the arrays of a policy ---- */

/* Copies the tables into new arrays of the policy. */
static int copy_level_tables(const struct lutra_m_tables *tables, struct policy *p)
{
	size_t n = (size_t)LUTRA_K * LUTRA_K;

	p->t0 = calloc((size_t)p->v * p->v, sizeof(*p->t0));
	p->t1 = calloc(n, sizeof(*p->t1));
	p->t2 = calloc(n, sizeof(*p->t2));
	if (!p->t0 || !p->t1 || !p->t2)
		return -ENOMEM;
	for (size_t a = 0; a < p->v; a++)
		memcpy(p->t0 + a * p->v, tables->t0 + (a << M_SHIFT(0)), p->v * sizeof(*p->t0));
	memcpy(p->t1, tables->t1, n * sizeof(*p->t1));
	memcpy(p->t2, tables->t2, n * sizeof(*p->t2));
	p->p1 = tables->p1;
	p->p2 = tables->p2;
	p->level_shift = tables->shift;
	p->level_counts = tables->counts;
	p->novelty_shift = tables->novelty_shift;
	p->novelty_counts = tables->novelty_counts;
	return 0;
}

/* Sets the tokens of the system calls that runs made. */
static void set_tokens(const struct model *m, size_t without, struct policy *p)
{
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	uint8_t *rows[LUTRA_ROLES];

	model_sum_syscalls(m, without, calls);
	for (int role = 0; role < LUTRA_ROLES; role++) {
		rows[role] = p->token[role];
		for (int nr = 0; nr < LUTRA_NR; nr++)
			p->token[role][nr] =
				calls[role][nr] ? m->level.tokens.symbol[role][nr] : LUTRA_UNK;
	}
	tokens_share_roles(rows);
}

int model_policy(const struct model *m, size_t without, struct policy *p)
{
	_cleanup_free_ struct lutra_m_tables *tables = calloc(1, sizeof(*tables));

	if (!tables)
		return -ENOMEM;
	if (m->corpus->arch) {
		free(p->arch);
		p->arch = strdup(m->corpus->arch);
		if (!p->arch)
			return -ENOMEM;
	}
	p->v = m->level.tokens.v;
	p->steady_on_wait = m->steady_on_wait;
	p->first_process = m->first_process;
	p->ops = m->ops;
	memcpy(p->hash_key, m->hash_key, sizeof(p->hash_key));
	memcpy(p->steady, m->steady, sizeof(p->steady));
	set_tokens(m, without, p);
	if (model_tables(m, without, tables) < 0)
		return -ENOMEM;
	return copy_level_tables(tables, p);
}

static int compare_keys(const void *a, const void *b)
{
	const struct policy_key *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Adds either the keys that have a token or those that have none, while there is room. */
static void add_keys(const struct tokens *t, bool with_token, struct policy *p)
{
	for (uint32_t i = 0; i < t->n_keys && p->n_keys < POLICY_OBJECT_KEYS_MAX; i++) {
		struct policy_key *k = &p->keys[p->n_keys];

		k->hash = t->keys.hashes.number[i];
		for (unsigned role = 0; role < LUTRA_ROLES; role++)
			k->token[role] = t->symbol[role][LUTRA_NR + i];
		memset(k->name, 0, sizeof(k->name));
		memcpy(k->name, object_keys_text(&t->keys, i),
		       strlen(object_keys_text(&t->keys, i)));
		p->n_keys += policy_key_has_token(k) == with_token;
	}
}

int model_keys(const struct model *m, struct policy *p)
{
	p->keys = calloc(POLICY_OBJECT_KEYS_MAX + 1, sizeof(*p->keys));
	if (!p->keys)
		return -ENOMEM;
	add_keys(&m->level.tokens, true, p);
	add_keys(&m->level.tokens, false, p);
	qsort(p->keys, p->n_keys, sizeof(*p->keys), compare_keys);
	return 0;
}

int model_successors(const struct model *m, struct policy *p)
{
	_cleanup_(m_pairs_done) struct m_pairs pairs = {0};
	int r = m_pairs_count(&pairs, &m->level.histories, &m->codes, 0, MODEL_NO_RUN);

	p->successors = calloc(p->v, POLICY_SUCCESSORS);
	if (r < 0 || !p->successors)
		return -ENOMEM;
	for (uint32_t a = 0; a < p->v; a++) {
		uint32_t *row = pairs.count + ((size_t)a << M_SHIFT(0));

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
