/* SPDX-License-Identifier: Apache-2.0 */
/* Counts calls and objects by role, and gives them tokens. */
#include "trainer/model/level_m/tokens.h"

#include <errno.h>
#include <string.h>

#include "trainer/model/compute/pool.h"

#define TOKENS_MAX (LUTRA_V_MAX - LUTRA_TOKEN0)
#define LEFT_OUT LUTRA_ROLES /* of `to`: the symbol has no token in the role */

/* What one run counts: (LUTRA_ROLES, symbols), where object i is symbol LUTRA_NR + i. */
struct symbol_counts {
	uint32_t *count;
	uint8_t *seen; /* (objects) */
};

struct count_job {
	const struct tokens_source *src;
	struct symbol_counts *runs; /* (n_runs) */
	uint32_t n_objects;
};

static int count_symbols(void *ctx, size_t i, struct err *err)
{
	const struct count_job *j = ctx;
	struct symbol_counts *ret = &j->runs[i];
	_cleanup_(run_iter_done) struct run_iter it = {0};
	size_t n = LUTRA_NR + j->n_objects;
	struct run_event e;

	(void)err;
	ret->count = calloc(LUTRA_ROLES * n, sizeof(*ret->count));
	ret->seen = calloc(j->n_objects + 1, 1);
	if (!ret->count || !ret->seen ||
	    run_iter_init(&it, &j->src->corpus->runs[i], j->src->roles) < 0)
		return -ENOMEM;
	while (run_iter_next(&it, &e)) {
		uint8_t role = e.state->role;

		if (role >= LUTRA_ROLES || (role == LUTRA_ROLE_SESSION && !j->src->sessions))
			continue;
		if (!e.is_syscall) {
			ret->count[role * n + LUTRA_NR + e.object]++;
			ret->seen[e.object] = 1;
		} else if (e.nr < LUTRA_NR) {
			ret->count[role * n + e.nr]++;
		}
	}
	return 0;
}

/* ---- the alphabet ---- */

/* Counts of all runs, by role and symbol, where key i is symbol LUTRA_NR + i. */
struct symbol_sums {
	size_t n;	 /* symbols */
	uint64_t *count; /* (LUTRA_ROLES, n) */
	uint32_t
		*run; /* (LUTRA_ROLES, n): run + 1 that has it alone, or TOKENS_RUN_MANY; 0: none */
	uint8_t *to;  /* (LUTRA_ROLES, n): role whose token it uses, or LEFT_OUT */
};

static void symbol_sums_done(struct symbol_sums *s)
{
	free(s->count);
	free(s->run);
	free(s->to);
}

static int sum_symbols(struct symbol_sums *s, const struct tokens *t, const struct count_job *j)
{
	size_t n_from = LUTRA_NR + j->n_objects;

	s->n = LUTRA_NR + t->n_keys;
	s->count = calloc(LUTRA_ROLES * s->n, sizeof(*s->count));
	s->run = calloc(LUTRA_ROLES * s->n, sizeof(*s->run));
	s->to = calloc(LUTRA_ROLES * s->n, 1);
	if (!s->count || !s->run || !s->to)
		return -ENOMEM;
	for (uint32_t r = 0; r < j->src->corpus->n_runs; r++) {
		for (size_t i = 0; i < LUTRA_ROLES * n_from; i++) {
			size_t from = i % n_from, to = from, at;

			if (from >= LUTRA_NR && t->key_of[from - LUTRA_NR] >= t->n_keys)
				continue;
			if (from >= LUTRA_NR)
				to = LUTRA_NR + t->key_of[from - LUTRA_NR];
			at = i / n_from * s->n + to;
			if (!j->runs[r].count[i])
				continue;
			s->count[at] += j->runs[r].count[i];
			if (s->run[at] && s->run[at] != r + 1)
				s->run[at] = TOKENS_RUN_MANY;
			else
				s->run[at] = r + 1;
		}
	}
	return 0;
}

/* A (role, symbol) that was seen. */
struct token_cell {
	uint64_t count;
	uint32_t symbol;
	uint8_t role;
};

/* Orders cells by role, then the rarest first. */
static int compare_token_cells(const void *a, const void *b)
{
	const struct token_cell *x = a, *y = b;

	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

/* Orders cells by what is left out first: the rarest. */
static int compare_counts(const void *a, const void *b)
{
	const struct token_cell *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return compare_token_cells(a, b);
}

/* Returns the next higher role of the service that had the symbol, or role itself. */
static uint8_t next_symbol_role(const struct symbol_sums *s, uint8_t role, uint32_t symbol)
{
	for (unsigned r = role + 1u; r < LUTRA_ROLE_SESSION; r++)
		if (s->count[r * s->n + symbol])
			return (uint8_t)r;
	return role;
}

/* Returns the first role that had the symbol: a session's own token is for what it alone did. */
static uint8_t first_symbol_role(const struct symbol_sums *s, uint32_t symbol)
{
	uint8_t r = 0;

	while (r < LUTRA_ROLE_SESSION && !s->count[r * s->n + symbol])
		r++;
	return r;
}

/* Merges cells, then leaves keys out, until at most TOKENS_MAX tokens are left. */
static int merge_symbols(struct symbol_sums *s)
{
	_cleanup_free_ struct token_cell *cells = calloc(LUTRA_ROLES * s->n, sizeof(*cells));
	size_t n = 0, left;

	if (!cells)
		return -ENOMEM;
	for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
		for (uint32_t i = 0; i < s->n; i++) {
			size_t at = role * s->n + i;

			s->to[at] = role == LUTRA_ROLE_SESSION ? first_symbol_role(s, i) : role;
			if (s->count[at] && s->to[at] == role)
				cells[n++] = (struct token_cell){s->count[at], i, role};
		}
	}
	qsort(cells, n, sizeof(*cells), compare_token_cells);
	left = n;
	for (size_t i = 0; i < n && left > TOKENS_MAX; i++) {
		uint8_t role = next_symbol_role(s, cells[i].role, cells[i].symbol);

		left -= role != cells[i].role;
		s->to[cells[i].role * s->n + cells[i].symbol] = role;
	}
	if (left > TOKENS_MAX)
		qsort(cells, n, sizeof(*cells), compare_counts);
	for (size_t i = 0; i < n && left > TOKENS_MAX; i++) {
		uint8_t *to = &s->to[cells[i].role * s->n + cells[i].symbol];

		if (cells[i].symbol < LUTRA_NR || *to != cells[i].role)
			continue;
		*to = LEFT_OUT;
		left--;
	}
	return left > TOKENS_MAX ? -E2BIG : 0;
}

/* Sets the tokens of a role to those of the roles that its cells were merged with. */
static void share_symbols(struct tokens *t, const struct symbol_sums *s, unsigned role)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t at = role * s->n + i;

		if (!s->count[at])
			continue;
		t->symbol[role][i] = s->to[at] == LEFT_OUT ? LUTRA_PAD : t->symbol[s->to[at]][i];
	}
}

/* Gives a symbol that only one of the roles spawned and deeper had its token in both. */
static void share_spawned(struct tokens *t, size_t n)
{
	uint8_t *spawned = t->symbol[LUTRA_ROLE_SPAWNED], *deeper = t->symbol[LUTRA_ROLE_DEEPER];

	for (size_t i = 0; i < n; i++) {
		if (spawned[i] == LUTRA_UNK)
			spawned[i] = deeper[i];
		else if (deeper[i] == LUTRA_UNK)
			deeper[i] = spawned[i];
	}
}

/* Any role knows what a role of the service knows. */
static void fill_any_rows(struct tokens *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t any = LUTRA_UNK;

		for (unsigned role = 0; any == LUTRA_UNK && role < LUTRA_ROLE_SESSION; role++)
			any = t->symbol[role][i];
		for (unsigned role = LUTRA_ROLE_ANY; role < LUTRA_ROLE_ROWS; role++)
			t->symbol[role][i] = any;
	}
}

/* Notes which run had each token alone. */
static void note_runs(struct tokens *t, const struct symbol_sums *s)
{
	memset(t->run, 0xff, sizeof(t->run));
	for (uint32_t token = LUTRA_TOKEN0; token < t->v; token++)
		t->run[token] = 0;
	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		for (size_t i = 0; i < s->n; i++) {
			uint32_t run = s->run[role * s->n + i], *of = &t->run[t->symbol[role][i]];

			if (run && t->symbol[role][i] >= LUTRA_TOKEN0)
				*of = !*of || *of == run ? run : TOKENS_RUN_MANY;
		}
	}
	for (uint32_t token = LUTRA_TOKEN0; token < t->v; token++)
		if (t->run[token] != TOKENS_RUN_MANY)
			t->run[token]--;
}

static int assign_tokens(struct tokens *t, struct symbol_sums *s)
{
	int r = merge_symbols(s);

	if (r < 0)
		return r;
	for (unsigned role = 0; role < LUTRA_ROLE_ROWS; role++) {
		t->symbol[role] = malloc(s->n);
		if (!t->symbol[role])
			return -ENOMEM;
		memset(t->symbol[role], LUTRA_UNK, s->n);
	}
	t->v = LUTRA_TOKEN0;
	for (unsigned role = 0; role < LUTRA_ROLES; role++)
		for (size_t i = 0; i < s->n; i++)
			if (s->count[role * s->n + i] && s->to[role * s->n + i] == role)
				t->symbol[role][i] = (uint8_t)t->v++;
	/* As alphabet_build(): a merge leads to a higher role, whose token is already set. */
	for (int role = LUTRA_ROLE_SESSION - 1; role >= 0; role--)
		share_symbols(t, s, (unsigned)role);
	share_symbols(t, s, LUTRA_ROLE_SESSION);
	note_runs(t, s);
	share_spawned(t, s->n);
	fill_any_rows(t, s->n);
	return 0;
}

static void free_counts(struct symbol_counts *runs, size_t n)
{
	for (size_t i = 0; runs && i < n; i++) {
		free(runs[i].count);
		free(runs[i].seen);
	}
	free(runs);
}

int tokens_build(struct tokens *ret, const struct tokens_source *src)
{
	size_t n = src->corpus->n_runs;
	_cleanup_(symbol_sums_done) struct symbol_sums sums = {0};
	_cleanup_free_ const uint8_t **seen = calloc(n + 1, sizeof(*seen));
	struct count_job j = {src, calloc(n + 1, sizeof(*j.runs)),
			      intern_count(src->corpus->names.objects)};
	int r = j.runs && seen ? 0 : -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		r = pool_run(src->threads, count_symbols, &j, n, NULL);
	for (size_t i = 0; r == 0 && i < n; i++)
		seen[i] = j.runs[i].seen;
	if (r == 0)
		r = object_keys_learn(&ret->keys, src->corpus, seen, &ret->key_of);
	if (r == 0) {
		ret->n_keys = object_keys_count(&ret->keys);
		r = sum_symbols(&sums, ret, &j);
	}
	if (r == 0)
		r = assign_tokens(ret, &sums);
	free_counts(j.runs, n);
	return r;
}

void tokens_done(struct tokens *t)
{
	object_keys_done(&t->keys);
	free(t->key_of);
	for (unsigned role = 0; role < LUTRA_ROLE_ROWS; role++)
		free(t->symbol[role]);
	memset(t, 0, sizeof(*t));
}
