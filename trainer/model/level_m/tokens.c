/* SPDX-License-Identifier: Apache-2.0 */
/* Counts system calls and objects by role, and gives system calls and keys their tokens. */
#include "trainer/model/level_m/tokens.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "trainer/model/compute/pool.h"

#define TOKENS_MAX (LUTRA_V_MAX - LUTRA_TOKEN0)
#define LEFT_OUT LUTRA_ROLES /* in symbol_sums.to: the symbol has no token in the role */

/* Counts of one run. Here object i of the corpus is symbol LUTRA_NR + i. */
struct symbol_counts {
	uint32_t *count; /* (LUTRA_ROLES, symbols) */
	uint8_t *seen;	 /* (objects): 1 if the run had the object */
};

struct count_job {
	const struct tokens_source *src;
	struct symbol_counts *runs; /* (n_runs) */
	uint32_t n_objects;
};

static int count_symbols(void *ctx, size_t i, struct err *err)
{
	const struct count_job *j = ctx;
	size_t run = j->src->corpus->n_old + i;
	struct symbol_counts *ret = &j->runs[run];
	_cleanup_(run_iter_done) struct run_iter it = {0};
	size_t n = LUTRA_NR + j->n_objects;
	struct run_event e;

	(void)err;
	ret->count = calloc(LUTRA_ROLES * n, sizeof(*ret->count));
	ret->seen = calloc(j->n_objects + 1, 1);
	if (!ret->count || !ret->seen ||
	    run_iter_init(&it, &j->src->corpus->runs[run], j->src->roles) < 0)
		return -ENOMEM;
	while (run_iter_next(&it, &e)) {
		uint8_t role = e.state->role;

		if (role >= LUTRA_ROLES)
			continue;
		if (!e.is_syscall &&
		    (j->src->calls_only || (role == LUTRA_ROLE_SESSION && !j->src->sessions)))
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

/* Sets which objects a run of the old policy had. */
static int restore_seen(const struct count_job *j, size_t run)
{
	const struct policy_model *m = j->src->old->model;
	uint8_t roles = (uint8_t)((1u << LUTRA_ROLES) - 1);

	if (!j->src->sessions)
		roles &= (uint8_t) ~(1u << LUTRA_ROLE_SESSION);
	j->runs[run].seen = calloc(j->n_objects + 1, 1);
	if (!j->runs[run].seen)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_seen && i < j->n_objects; i++)
		j->runs[run].seen[i] = (m->seen[i].roles[run] & roles) != 0;
	return 0;
}

/* ---- the alphabet ---- */

/* Counts of all runs, by role and symbol, where key i is symbol LUTRA_NR + i. */
struct symbol_sums {
	size_t n;	 /* symbols */
	uint64_t *count; /* (LUTRA_ROLES, n) */
	/* (LUTRA_ROLES, n): 1 + the only run that has the symbol, TOKENS_RUN_MANY, or 0: no run. */
	uint32_t *run;
	uint8_t *to; /* (LUTRA_ROLES, n): role whose token it uses, or LEFT_OUT */
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
	for (uint32_t r = (uint32_t)j->src->corpus->n_old; r < j->src->corpus->n_runs; r++) {
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

/* Orders cells by count, the rarest first. */
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

/* Returns the first role that had the symbol. It is session only if no other role had it. */
static uint8_t first_symbol_role(const struct symbol_sums *s, uint32_t symbol)
{
	uint8_t r = 0;

	while (r < LUTRA_ROLE_SESSION && !s->count[r * s->n + symbol])
		r++;
	return r;
}

/*
 * System calls of allocators and locks. mmap of a file that is executed is an object, and that has a
 * token. mprotect has a token, since code that is injected needs it.
 */
static const uint16_t without_token[] = {SYS_brk,     SYS_mmap,	 SYS_munmap,	 SYS_mremap,
					 SYS_madvise, SYS_futex, SYS_sched_yield};

bool tokens_has_none(size_t nr)
{
	for (size_t i = 0; i < sizeof(without_token) / sizeof(without_token[0]); i++)
		if (without_token[i] == nr)
			return true;
	return false;
}

/* Returns the role whose token a cell uses before cells are merged, or LEFT_OUT. */
static uint8_t own_role(const struct symbol_sums *s, uint8_t role, uint32_t symbol, bool calls_only)
{
	if (!calls_only && tokens_has_none(symbol))
		return LEFT_OUT;
	return role == LUTRA_ROLE_SESSION ? first_symbol_role(s, symbol) : role;
}

/* Merges cells, then leaves out keys, until there are at most TOKENS_MAX tokens. */
static int merge_symbols(struct symbol_sums *s, bool calls_only)
{
	_cleanup_free_ struct token_cell *cells = calloc(LUTRA_ROLES * s->n, sizeof(*cells));
	size_t n = 0, left;

	if (!cells)
		return -ENOMEM;
	for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
		for (uint32_t i = 0; i < s->n; i++) {
			size_t at = role * s->n + i;

			s->to[at] = own_role(s, role, i, calls_only);
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

/*
 * System calls of start-up that chance may put into the role steady. A service that listens at
 * several addresses may accept at the first one before it has bound the last one. It may start
 * threads at any time, when its load grows.
 */
static const uint16_t of_both[] = {SYS_bind, SYS_listen, SYS_clone, SYS_clone3};

/* Sets both tokens of a symbol that only one of the roles spawned and deeper had. */
static void share_spawned(uint8_t *const token[], size_t n)
{
	uint8_t *spawned = token[LUTRA_ROLE_SPAWNED], *deeper = token[LUTRA_ROLE_DEEPER];

	for (size_t i = 0; i < n; i++) {
		if (spawned[i] == LUTRA_UNK)
			spawned[i] = deeper[i];
		else if (deeper[i] == LUTRA_UNK)
			deeper[i] = spawned[i];
	}
}

static void share_steady(uint8_t *const token[])
{
	uint8_t *startup = token[LUTRA_ROLE_STARTUP], *steady = token[LUTRA_ROLE_STEADY];

	for (size_t i = 0; i < sizeof(of_both) / sizeof(of_both[0]); i++)
		if (steady[of_both[i]] == LUTRA_UNK)
			steady[of_both[i]] = startup[of_both[i]];
}

void tokens_share_roles(uint8_t *const token[LUTRA_ROLES])
{
	share_steady(token);
	share_spawned(token, LUTRA_NR);
}

/* Fills the rows any and session: they know all symbols that a role of the service knows. */
static void fill_any_rows(struct tokens *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t any = LUTRA_UNK;

		for (unsigned role = 0; any == LUTRA_UNK && role < LUTRA_ROLE_SESSION; role++)
			any = t->symbol[role][i];
		if (t->symbol[LUTRA_ROLE_SESSION][i] == LUTRA_UNK)
			t->symbol[LUTRA_ROLE_SESSION][i] = any;
		for (unsigned role = LUTRA_ROLE_ANY; role < LUTRA_ROLE_ROWS; role++)
			t->symbol[role][i] = any;
	}
}

/* Sets t->run. */
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
	int r = merge_symbols(s, t->calls_only);

	if (r < 0)
		return r;
	t->v = LUTRA_TOKEN0;
	for (unsigned role = 0; role < LUTRA_ROLES; role++)
		for (size_t i = 0; i < s->n; i++)
			if (s->count[role * s->n + i] && s->to[role * s->n + i] == role)
				t->symbol[role][i] = (uint8_t)t->v++;
	/*
	 * From the last role of the service down: a merge leads to a higher role, whose token is
	 * already set. Exec sessions share the tokens of them all.
	 */
	for (int role = LUTRA_ROLE_SESSION - 1; role >= 0; role--)
		share_symbols(t, s, (unsigned)role);
	share_symbols(t, s, LUTRA_ROLE_SESSION);
	note_runs(t, s);
	return 0;
}

/* Makes rows of unknown tokens. */
static int make_rows(struct tokens *t, size_t n)
{
	for (unsigned role = 0; role < LUTRA_ROLE_ROWS; role++) {
		t->symbol[role] = malloc(n);
		if (!t->symbol[role])
			return -ENOMEM;
		memset(t->symbol[role], LUTRA_UNK, n);
	}
	return 0;
}

/* ---- updates ---- */

/* Adds the keys of the old policy, which have the first numbers. */
static int restore_keys(struct tokens *t, const struct policy *old)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < old->n_keys; i++)
		r = object_keys_add(&t->keys, old->keys[i].hash, old->keys[i].name);
	return r;
}

/* Restores the tokens of the old policy. Its runs had them, so no new run has one alone. */
static void restore_tokens(struct tokens *t, const struct policy *old)
{
	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		memcpy(t->symbol[role], old->token[role], sizeof(old->token[role]));
		for (size_t i = 0; i < old->n_keys; i++)
			t->symbol[role][LUTRA_NR + i] = old->keys[i].token[role];
	}
	t->v = old->v;
	memset(t->run, 0xff, sizeof(t->run));
}

/* Returns true if a symbol has a token in some role. */
static bool has_token(const struct tokens *t, size_t i)
{
	for (unsigned role = 0; role < LUTRA_ROLES; role++)
		if (t->symbol[role][i] >= LUTRA_TOKEN0)
			return true;
	return false;
}

/*
 * Gives a cell of a new run a token, unless it has one. Policies of an older lutra may have tokens
 * for the system calls that have none now, and go on so. Returns 0, or -E2BIG if there is none left.
 */
static int extend_tokens(struct tokens *t, const struct symbol_sums *s, unsigned role, size_t i)
{
	uint32_t run = s->run[role * s->n + i];
	uint8_t any = LUTRA_UNK;

	for (unsigned r = 0; role == LUTRA_ROLE_SESSION && any == LUTRA_UNK && r < role; r++)
		any = t->symbol[r][i];
	if (!s->count[role * s->n + i] || t->symbol[role][i] != LUTRA_UNK)
		return 0;
	if (tokens_has_none(i) && !has_token(t, i)) {
		t->symbol[role][i] = LUTRA_PAD;
		return 0;
	}
	t->symbol[role][i] = any;
	if (any != LUTRA_UNK)
		return 0;
	if (t->v == LUTRA_V_MAX)
		return -E2BIG;
	t->run[t->v] = run == TOKENS_RUN_MANY ? run : run - 1;
	t->symbol[role][i] = (uint8_t)t->v++;
	return 0;
}

/* Orders cells by what gets a token first: the most frequent. */
static int compare_frequent(const void *a, const void *b)
{
	return compare_counts(b, a);
}

/* Gives the keys that new runs had tokens, while there are any. */
static int extend_keys(struct tokens *t, const struct symbol_sums *s)
{
	_cleanup_free_ struct token_cell *cells = calloc(LUTRA_ROLES * s->n, sizeof(*cells));
	size_t n = 0;

	if (!cells)
		return -ENOMEM;
	for (uint8_t role = 0; role < LUTRA_ROLES; role++)
		for (uint32_t i = LUTRA_NR; i < s->n; i++)
			if (s->count[role * s->n + i])
				cells[n++] =
					(struct token_cell){s->count[role * s->n + i], i, role};
	qsort(cells, n, sizeof(*cells), compare_frequent);
	for (size_t i = 0; i < n; i++)
		if (extend_tokens(t, s, cells[i].role, cells[i].symbol) < 0)
			t->symbol[cells[i].role][cells[i].symbol] = LUTRA_PAD;
	return 0;
}

/*
 * Returns the token of the rarest system call that the old runs made in a role; UNK: they made
 * none.
 */
static uint8_t rarest_syscall_token(const struct policy *old, unsigned role)
{
	const uint64_t *calls = old->model->calls[role];
	size_t rarest = LUTRA_NR;

	for (size_t nr = 0; nr < LUTRA_NR; nr++)
		if (calls[nr] && old->token[role][nr] >= LUTRA_TOKEN0 &&
		    (rarest == LUTRA_NR || calls[nr] < calls[rarest]))
			rarest = nr;
	return rarest < LUTRA_NR ? old->token[role][rarest] : LUTRA_UNK;
}

/*
 * Gives a new system call a token that another call has, since no token is left and a policy must
 * know the call. The token is that of the same call in another role. If no other role made the
 * call, it is that of the rarest call of the role, or of the next role that made calls. To level M
 * the two calls are then the same. Returns 0, or -E2BIG if no call has a token.
 */
static int share_token(struct tokens *t, const struct symbol_sums *s, const struct policy *old,
		       unsigned role, size_t nr)
{
	uint32_t run = s->run[role * s->n + nr];
	uint8_t token = LUTRA_UNK;

	for (unsigned r = 0; token == LUTRA_UNK && r < LUTRA_ROLES; r++)
		token = t->symbol[r][nr];
	for (unsigned r = 0; token == LUTRA_UNK && r < LUTRA_ROLES; r++)
		token = rarest_syscall_token(old, (role + r) % LUTRA_ROLES);
	if (token == LUTRA_UNK)
		return -E2BIG;
	t->symbol[role][nr] = token;
	if (t->run[token] + 1 != run)
		t->run[token] = TOKENS_RUN_MANY;
	return 0;
}

static int update_tokens(struct tokens *t, const struct symbol_sums *s, const struct policy *old)
{
	int r = 0;

	restore_tokens(t, old);
	for (unsigned role = 0; r == 0 && role < LUTRA_ROLES; role++) {
		for (size_t i = 0; r == 0 && i < LUTRA_NR; i++) {
			r = extend_tokens(t, s, role, i);
			if (r == -E2BIG)
				r = share_token(t, s, old, role, i);
		}
	}
	return r < 0 ? r : extend_keys(t, s);
}

static void free_counts(struct symbol_counts *runs, size_t n)
{
	for (size_t i = 0; runs && i < n; i++) {
		free(runs[i].count);
		free(runs[i].seen);
	}
	free(runs);
}

/* Counts what each run had, and learns the keys. */
static int count_runs_symbols(struct tokens *ret, struct count_job *j)
{
	const struct corpus *c = j->src->corpus;
	_cleanup_free_ const uint8_t **seen = calloc(c->n_runs + 1, sizeof(*seen));
	int r = seen ? pool_run(j->src->threads, count_symbols, j, c->n_runs - c->n_old, NULL)
		     : -ENOMEM;

	for (size_t i = 0; r == 0 && i < c->n_old; i++)
		r = restore_seen(j, i);
	for (size_t i = 0; r == 0 && i < c->n_runs; i++)
		seen[i] = j->runs[i].seen;
	if (r == 0)
		r = object_keys_init(&ret->keys, (const uint64_t *)j->src->roles->hash_key,
				     j->src->roles->ops);
	if (r == 0 && j->src->old)
		r = restore_keys(ret, j->src->old);
	if (r == 0)
		r = object_keys_learn(&ret->keys, c, seen, &ret->key_of);
	ret->n_keys = object_keys_count(&ret->keys);
	return r;
}

int tokens_build(struct tokens *ret, const struct tokens_source *src)
{
	size_t n = src->corpus->n_runs;
	_cleanup_(symbol_sums_done) struct symbol_sums sums = {0};
	struct count_job j = {src, calloc(n + 1, sizeof(*j.runs)),
			      intern_count(src->corpus->names.objects)};
	int r = j.runs ? 0 : -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	ret->calls_only = src->calls_only;
	if (r == 0)
		r = count_runs_symbols(ret, &j);
	if (r == 0)
		r = sum_symbols(&sums, ret, &j);
	if (r == 0)
		r = make_rows(ret, sums.n);
	if (r == 0)
		r = src->old ? update_tokens(ret, &sums, src->old) : assign_tokens(ret, &sums);
	if (r == 0) {
		share_steady(ret->symbol);
		share_spawned(ret->symbol, sums.n);
		fill_any_rows(ret, sums.n);
	}
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
