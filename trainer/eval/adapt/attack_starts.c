/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the last events of each task, and draws among the moments at which one has received. */
#include "trainer/eval/adapt/attack_starts.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/eval/adapt/steady_iter.h"
#include "trainer/model/compute/num.h"

#define EVENTS_LEAST 30 /* a task that did less is not yet at work */
#define STREAM_STARTS 1 /* of the seed's random numbers */

/* The last events of a task: a ring once there are more than fit. */
struct start_task {
	struct macro_event *ring;
	size_t n, ring_size; /* n: events so far, also those that are gone */
};

struct start_reading {
	struct attack_starts *starts;
	struct macro_set *macros;
	struct start_task *tasks; /* (n): by number */
	size_t n, tasks_size;
	struct rng rng;
};

void attack_starts_done(struct attack_starts *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i].events);
	memset(s, 0, sizeof(*s));
}

static void end_start_task(void *ctx, uint32_t number)
{
	struct start_reading *s = ctx;
	struct start_task *task = &s->tasks[number];

	free(task->ring);
	memset(task, 0, sizeof(*task));
}

static void start_reading_done(struct start_reading *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->tasks[i].ring);
	free(s->tasks);
}

static int put_start_event(struct start_task *task, const struct macro_event *e)
{
	size_t at = task->n % ATTACK_STARTS_EVENTS;

	if (task->n < ATTACK_STARTS_EVENTS &&
	    ARRAY_RESERVE(task->ring, task->ring_size, task->n + 1) < 0)
		return -ENOMEM;
	task->ring[at] = *e;
	task->n++;
	return 0;
}

/* Sets what the task did last. The events must be set. */
static int set_recent(struct macro_set *macros, struct attack_start *start)
{
	size_t from = start->n, calls = 0, k;
	struct macro_draft draft = {0};
	int r = 0;

	while (from > 0 && calls < ATTACK_STARTS_RECENT)
		calls += start->events[--from].rec.type == LUTRA_RECORD_SYSCALL;
	for (k = 0; k < ATTACK_STARTS_RECENT; k++)
		start->calls[k] = start->macros[k] = MACRO_NONE;
	k = calls;
	for (size_t i = from; r == 0 && i < start->n; i++) {
		const struct macro_event *e = &start->events[i];
		size_t len = 0;
		const char *str = e->string == LUTRA_NO_STRING
					  ? NULL
					  : intern_get(macros->strings, e->string, &len);

		if (e->rec.type != LUTRA_RECORD_SYSCALL) {
			r = macro_draft_add(macros, &draft, e, str, len ? len - 1 : 0);
			continue;
		}
		if (draft.n)
			start->macros[k] = macro_draft_find(macros, &draft);
		macro_draft_begin(&draft, e);
		start->calls[--k] = e->rec.nr;
	}
	if (draft.n)
		start->macros[k] = macro_draft_find(macros, &draft);
	return r;
}

/* Copies the task's last events into a start. */
static int copy_start(struct start_reading *s, const struct start_task *task,
		      struct attack_start *ret)
{
	size_t n = task->n < ATTACK_STARTS_EVENTS ? task->n : ATTACK_STARTS_EVENTS;
	size_t oldest = task->n < ATTACK_STARTS_EVENTS ? 0 : task->n % ATTACK_STARTS_EVENTS;
	struct macro_event *events = realloc(ret->events, n * sizeof(*events));

	if (!events)
		return -ENOMEM;
	memcpy(events, task->ring + oldest, (n - oldest) * sizeof(*events));
	memcpy(events + n - oldest, task->ring, oldest * sizeof(*events));
	ret->events = events;
	ret->n = n;
	return set_recent(s->macros, ret);
}

/* A task has received: draws whether the moment is kept. Each one has the same chance in the end. */
static int offer_start(struct start_reading *s, const struct start_task *task)
{
	struct attack_starts *starts = s->starts;
	uint64_t at = rng_u64(&s->rng) % ++starts->found;

	if (starts->n < ATTACK_STARTS_MAX)
		at = starts->n++;
	return at < ATTACK_STARTS_MAX ? copy_start(s, task, &starts->list[at]) : 0;
}

static int take_start_event(void *ctx, const struct steady_event *e)
{
	struct start_reading *s = ctx;
	struct start_task *task;
	struct macro_event event;
	int r;

	if (e->task >= s->n) {
		if (ARRAY_RESERVE(s->tasks, s->tasks_size, (size_t)e->task + 1) < 0)
			return -ENOMEM;
		s->n = (size_t)e->task + 1;
	}
	task = &s->tasks[e->task];
	r = macro_event_make(s->macros, e->rec, e->str, e->str_len, &event);
	if (r == 0)
		r = put_start_event(task, &event);
	if (r < 0 || e->is_object || task->n < EVENTS_LEAST ||
	    !macro_is_receive(s->macros->arch, e->rec->nr))
		return r;
	return offer_start(s, task);
}

int attack_starts_read(struct attack_starts *ret, const struct attack_start_source *source,
		       struct macro_set *macros, struct err *err)
{
	struct rng rng = rng_stream(source->seed, STREAM_STARTS);

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < source->n; i++) {
		_cleanup_(start_reading_done) struct start_reading s = {
			.starts = ret, .macros = macros, .rng = rng};
		struct steady_iter it = {.policy = source->policy,
					 .on_event = take_start_event,
					 .on_exit = end_start_task,
					 .ctx = &s};
		int r = steady_iter_run(&it, source->files[i], err);

		if (r < 0)
			return r;
		rng = s.rng;
	}
	return 0;
}
