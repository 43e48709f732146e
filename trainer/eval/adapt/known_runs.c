/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the sequences of macro events of all steady tasks. */
#include "trainer/eval/adapt/known_runs.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/eval/adapt/steady_iter.h"

/* A task of the run that is read. */
struct known_task {
	struct macro_draft draft;
	uint32_t *macros; /* (n) */
	size_t n, macros_size;
};

struct known_reading {
	struct known_runs *known;
	struct known_task **tasks; /* (n): by number */
	size_t n, tasks_size;
};

static void known_reading_done(struct known_reading *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->tasks[i]->macros);
		free(k->tasks[i]);
	}
	free(k->tasks);
}

void known_runs_done(struct known_runs *k)
{
	macro_set_done(&k->macros);
	free(k->sequence);
	free(k->tasks);
	memset(k, 0, sizeof(*k));
}

/* Finds a task, which may be the next new one. */
static int find_known_task(struct known_reading *k, uint32_t number, struct known_task **ret)
{
	if (number == k->n) {
		struct known_task *task = calloc(1, sizeof(*task));

		if (!task ||
		    array_reserve_bytes(&k->tasks, &k->tasks_size, k->n + 1, sizeof(void *)) < 0) {
			free(task);
			return -ENOMEM;
		}
		k->tasks[k->n++] = task;
	}
	*ret = k->tasks[number];
	return 0;
}

/* Ends the macro event under way. */
static int end_known_macro(struct known_runs *known, struct known_task *task)
{
	uint32_t number;
	int r = macro_draft_end(&known->macros, &task->draft, &number);

	if (r < 0 || number == MACRO_NONE)
		return r;
	if (ARRAY_RESERVE(task->macros, task->macros_size, task->n + 1) < 0)
		return -ENOMEM;
	task->macros[task->n++] = number;
	return 0;
}

static int take_known_event(void *ctx, const struct steady_event *e)
{
	struct known_reading *k = ctx;
	struct macro_set *m = &k->known->macros;
	struct known_task *task;
	struct macro_event event;
	int r = find_known_task(k, e->task, &task);

	if (r == 0)
		r = macro_event_make(m, e->rec, e->str, e->str_len, &event);
	if (r < 0)
		return r;
	if (e->is_object)
		return macro_draft_add(m, &task->draft, &event, e->str, e->str_len);
	r = end_known_macro(k->known, task);
	macro_draft_begin(&task->draft, &event);
	return r;
}

int known_runs_append(struct known_runs *known, const uint32_t *macros, size_t n)
{
	if (ARRAY_RESERVE(known->sequence, known->sequence_size, known->n + n + 1) < 0 ||
	    ARRAY_RESERVE(known->tasks, known->tasks_size, known->n_tasks + 1) < 0)
		return -ENOMEM;
	known->tasks[known->n_tasks++] = known->n;
	memcpy(known->sequence + known->n, macros, n * sizeof(*macros));
	known->n += n;
	known->sequence[known->n++] = MACRO_NONE;
	return 0;
}

/* Appends the tasks of a run that was read. */
static int append_tasks(struct known_reading *k)
{
	struct known_runs *known = k->known;

	for (size_t i = 0; i < k->n; i++) {
		struct known_task *task = k->tasks[i];
		int r = end_known_macro(known, task);

		if (r < 0)
			return r;
		if (task->n < KNOWN_RUNS_SHORT)
			continue;
		r = known_runs_append(known, task->macros, task->n);
		if (r < 0)
			return r;
	}
	return 0;
}

int known_runs_read(struct known_runs *ret, const struct policy *policy, const char *const *files,
		    size_t n, struct err *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	if (macro_set_init(&ret->macros, policy->arch) < 0)
		return err_oom(err);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(known_reading_done) struct known_reading k = {.known = ret};
		struct steady_iter it = {.policy = policy, .on_event = take_known_event, .ctx = &k};

		r = steady_iter_run(&it, files[i], err);
		if (r < 0)
			return r;
		r = append_tasks(&k);
		if (r < 0)
			return err_set(err, r, "%s: %s", files[i], strerror(-r));
	}
	return 0;
}
