/* SPDX-License-Identifier: Apache-2.0 */
/* Reads all traces once, decides which exec sessions repeat, and keeps the tasks to leave out. */
#include "trainer/data/left_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/data/names/intern.h"
#include "trainer/data/lineages.h"
#include "trainer/data/task_numbers.h"

#define SESSIONS_LEAST 2 /* what fewer sessions did does not repeat */

/* ---- which sessions repeat ---- */

/* How many runs and sessions did something. */
struct act_use {
	uint32_t runs, sessions;
	uint32_t last_run, last_session; /* + 1: the last that counted */
};

struct act_uses {
	struct act_use *use; /* (n): by number */
	size_t n_runs;
};

static void count_session_acts(const struct lineages *l, uint32_t run, struct act_use *use)
{
	for (size_t i = 0; i < l->n_acts; i++) {
		struct act_use *u = &use[l->acts[i].act];

		u->sessions += u->last_run != run + 1 || u->last_session != l->acts[i].session;
		u->runs += u->last_run != run + 1;
		u->last_run = run + 1;
		u->last_session = l->acts[i].session;
	}
}

static bool is_repeated(const struct act_uses *uses, uint32_t act)
{
	const struct act_use *u = &uses->use[act];

	return u->sessions >= SESSIONS_LEAST && 2 * (size_t)u->runs >= uses->n_runs;
}

/* Sets keep[session] for the sessions of a run that did nothing but what repeats. */
static void find_kept(const struct lineages *l, const struct act_uses *uses, bool *keep)
{
	for (uint32_t s = 1; s <= l->n_sessions; s++)
		keep[s] = true;
	for (size_t i = 0; i < l->n_acts; i++)
		if (!is_repeated(uses, l->acts[i].act))
			keep[l->acts[i].session] = false;
}

/* Leaves out the sessions that do not repeat, or all of them if uses is NULL. *ret_n: how many. */
static int leave_out_sessions(struct lineages *l, const struct act_uses *uses, uint32_t *ret_n)
{
	_cleanup_free_ bool *keep = calloc(l->n_sessions + 1u, sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	if (uses)
		find_kept(l, uses, keep);
	*ret_n = 0;
	for (uint32_t s = 1; s <= l->n_sessions; s++)
		*ret_n += !keep[s];
	for (size_t i = 1; i <= l->n; i++)
		if (l->list[i].session && !keep[l->list[i].session])
			l->list[i].from_ns = 0;
	return 0;
}

/* ---- reading ---- */

static int keep_tasks(const struct lineages *l, struct left_out_run *ret)
{
	size_t n = 0;

	for (size_t i = 1; i <= l->n; i++)
		n += l->list[i].from_ns != LINEAGES_NEVER;
	ret->tasks = calloc(n + 1, sizeof(*ret->tasks));
	if (!ret->tasks)
		return -ENOMEM;
	for (size_t i = 1; i <= l->n; i++)
		if (l->list[i].from_ns != LINEAGES_NEVER)
			ret->tasks[ret->n_tasks++] =
				(struct left_out_task){(uint32_t)i, l->list[i].from_ns};
	ret->lineages = l->n_unusual;
	return 0;
}

/* The lineages of all traces. */
struct reading {
	struct lineages *lineages; /* (n) */
	struct intern *acts;
	size_t n;
};

static void reading_done(struct reading *g)
{
	for (size_t i = 0; i < g->n && g->lineages; i++)
		lineages_done(&g->lineages[i]);
	free(g->lineages);
	intern_free(g->acts);
}

static int decide_runs(struct left_out *ret, struct reading *g, bool is_update)
{
	_cleanup_free_ struct act_use *use = calloc(intern_count(g->acts) + 1u, sizeof(*use));
	const struct act_uses uses = {use, g->n};
	int r = use ? 0 : -ENOMEM;

	for (size_t i = 0; i < g->n && r == 0; i++)
		count_session_acts(&g->lineages[i], (uint32_t)i, use);
	for (size_t i = 0; i < g->n && r == 0; i++) {
		r = leave_out_sessions(&g->lineages[i], is_update ? NULL : &uses,
				       &ret->runs[i].sessions);
		if (r == 0)
			r = keep_tasks(&g->lineages[i], &ret->runs[i]);
	}
	return r;
}

int left_out_find(struct left_out *ret, const char *const *path, size_t n,
		  const struct left_out_options *options, struct err *err)
{
	_cleanup_(reading_done) struct reading g = {calloc(n + 1, sizeof(*g.lineages)), NULL, n};
	int r;

	*ret = (struct left_out){.runs = calloc(n + 1, sizeof(*ret->runs))};
	if (!g.lineages || !ret->runs || intern_new(&g.acts) < 0)
		return err_oom(err);
	for (size_t i = 0; i < n; i++) {
		r = lineages_read(&g.lineages[i], path[i], g.acts, options->judge, err);
		if (r < 0)
			return r;
		ret->runs[i].path = strdup(path[i]);
		if (!ret->runs[i].path)
			return err_oom(err);
		ret->n_runs = i + 1;
	}
	return decide_runs(ret, &g, options->is_update) < 0 ? err_oom(err) : 0;
}

void left_out_done(struct left_out *l)
{
	for (size_t i = 0; i < l->n_runs; i++) {
		free(l->runs[i].path);
		free(l->runs[i].tasks);
	}
	free(l->runs);
	memset(l, 0, sizeof(*l));
}

const struct left_out_run *left_out_of(const struct left_out *l, const char *path)
{
	for (size_t i = 0; i < l->n_runs; i++)
		if (strcmp(l->runs[i].path, path) == 0)
			return &l->runs[i];
	return NULL;
}

/* ---- the filter ---- */

struct left_out_filter {
	const struct left_out_run *run;
	struct task_numbers tasks;
};

int left_out_filter_new(struct left_out_filter **ret, const struct left_out_run *run)
{
	struct left_out_filter *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->run = run;
	task_numbers_init(&f->tasks);
	*ret = f;
	return 0;
}

void left_out_filter_free(struct left_out_filter *f)
{
	if (f)
		tasks_reset(&f->tasks.tasks);
	free(f);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t number = *(const uint32_t *)a;
	const struct left_out_task *task = b;

	return number < task->number ? -1 : number > task->number;
}

int left_out_filter_step(struct left_out_filter *f, const struct lutra_record *rec)
{
	const struct left_out_task *task;
	struct numbered_record at;
	int r = task_numbers_step(&f->tasks, rec, &at);

	if (r < 0 || !at.task || !f->run->n_tasks)
		return r;
	task = bsearch(&at.task->number, f->run->tasks, f->run->n_tasks, sizeof(*f->run->tasks),
		       compare_numbers);
	return task && rec->ts_ns >= task->from_ns;
}
