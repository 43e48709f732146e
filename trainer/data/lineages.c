/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a trace once. Marks name thread ids, so they are resolved when all tasks are known. */
#include "trainer/data/lineages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/cleanup.h"
#include "lib/replay/replay.h"
#include "lib/trace/trace.h"
#include "lutra/object_token.h"
#include "trainer/data/run.h"
#include "trainer/data/task_numbers.h"

#define EPISODE_GAP_NS NSEC_PER_SEC /* as in the kernel */

/*
 * The kernel writes the record of an event before it judges the event, and a mark has the time of the
 * judgement. So what is recorded up to this time before a mark's first unusual event counts as unusual.
 */
#define MARK_EARLY_NS 500000

/* From this time on, a thread id means this task. */
struct named_task {
	uint32_t tid;
	uint32_t number;
	uint64_t since_ns;
};

struct unusual_event {
	uint32_t tid;	 /* of a mark */
	uint32_t number; /* of a task that was judged; 0: tid says which */
	uint64_t at_ns, onset_ns;
	uint64_t early_ns; /* what is left out begins so long before the onset */
};

struct reading {
	struct lineages *ret;
	struct intern *acts;
	struct task_numbers tasks;
	struct replay *judge; /* or NULL */
	struct named_task *named;
	size_t n_named, named_size;
	struct unusual_event *events;
	size_t n_events, events_size;
};

static void reading_free(struct reading *g)
{
	if (!g)
		return;
	tasks_reset(&g->tasks.tasks);
	replay_free(g->judge);
	free(g->named);
	free(g->events);
	free(g);
}
DEFINE_FREEP(struct reading, reading_free);

static int add_named_task(struct reading *g, uint32_t tid, uint32_t number, uint64_t ts_ns)
{
	if (ARRAY_RESERVE(g->named, g->named_size, g->n_named + 1) < 0)
		return -ENOMEM;
	g->named[g->n_named++] = (struct named_task){tid, number, ts_ns};
	return 0;
}

/* Adds a task that begins, with the next number. */
static int add_lineage(struct reading *g, const struct lineage *l, uint32_t tid)
{
	struct lineages *ret = g->ret;

	if (ret->n + 2 > UINT32_MAX)
		return -E2BIG;
	if (ARRAY_RESERVE(ret->list, ret->size, ret->n + 2) < 0)
		return -ENOMEM;
	ret->list[++ret->n] = *l;
	return add_named_task(g, tid, (uint32_t)ret->n, l->born_ns);
}

static int add_unusual_event(struct reading *g, const struct unusual_event *e)
{
	if (ARRAY_RESERVE(g->events, g->events_size, g->n_events + 1) < 0)
		return -ENOMEM;
	g->events[g->n_events++] = *e;
	return 0;
}

/* Notes an act of an exec session. key: (len) bytes that tell acts apart. */
static int note_session_act(struct reading *g, uint32_t session, const void *key, size_t len)
{
	struct lineages *ret = g->ret;
	uint32_t act;
	int r = intern_add(g->acts, key, len, &act);

	if (r < 0)
		return r;
	if (ARRAY_RESERVE(ret->acts, ret->acts_size, ret->n_acts + 1) < 0)
		return -ENOMEM;
	ret->acts[ret->n_acts++] = (struct session_act){session, act};
	return 0;
}

/* Notes the object that a task of an exec session uses. */
static int note_session_object(struct reading *g, uint32_t session, const struct lutra_record *rec,
			       const char *str, size_t len)
{
	char key[LUTRA_STRING_MAX + 8] = "";
	struct lutra_object o;
	size_t n = 4;

	lutra_object_unpack(rec, &o);
	key[0] = (char)o.op;
	key[1] = (char)(o.flags & LUTRA_OBJ_WRITE);
	if (o.flags & LUTRA_OBJ_PATH && str && len > 1 && len <= LUTRA_STRING_MAX && str[0] == '/')
		return note_session_act(g, session, key, n + run_fold_path(str, len, key + n));
	key[2] = (char)o.family;
	key[3] = (char)o.addr_class;
	memcpy(key + n, &o.port, sizeof(o.port));
	n += sizeof(o.port);
	memcpy(key + n, &o.mode, sizeof(o.mode));
	return note_session_act(g, session, key, n + sizeof(o.mode));
}

static int add_tasks(struct reading *g, const struct lutra_record *rec,
		     const struct numbered_record *at)
{
	struct lineage l = {.born_ns = rec->ts_ns, .from_ns = LINEAGES_NEVER};
	bool begins_session = at->begins && rec->type == LUTRA_RECORD_ARM && rec->aux == 1;
	int r = 0;

	if (begins_session) {
		at->task->session = ++g->ret->n_sessions;
		r = note_session_act(g, at->task->session, "", 0);
	}
	if (r == 0 && at->begins) {
		l.session = at->task->session;
		r = add_lineage(g, &l, rec->tid);
	}
	if (r == 0 && at->child) {
		l.parent = at->task->number;
		l.session = at->task->session;
		r = add_lineage(g, &l, (uint32_t)rec->arg);
	}
	/* A thread that executes a program gets the id of its leader. */
	if (r == 0 && rec->type == LUTRA_RECORD_EXEC && rec->arg && (uint32_t)rec->arg != rec->tid)
		r = add_named_task(g, rec->tid, at->task->number, rec->ts_ns);
	return r;
}

/* Returns true if the policy alerts about the event, also if it did so before. */
static bool is_alerted(const struct replay_step *s)
{
	for (unsigned i = 0; i < s->n_matches; i++)
		if (s->match[i].verdict >= LUTRA_VERDICT_ALERT)
			return true;
	return false;
}

static bool is_unusual(const struct replay_step *s)
{
	return s->n_matches || s->weight[0] || s->weight[1] || s->weight[2] ||
	       (s->is_object && s->judgement.kind != LUTRA_KIND_KNOWN);
}

/* Has the policy judge an event, and follows the episode of its lineage. */
static int judge_event(struct reading *g, const struct lutra_record *rec, const char *str,
		       size_t len, struct numbered_task *task)
{
	struct replay_step step;
	int r = replay_next(g->judge, rec, str, len, &step);

	if (r <= 0 || !task || !is_unusual(&step))
		return r < 0 ? r : 0;
	if (!task->episode_ns || rec->ts_ns - task->episode_last_ns > EPISODE_GAP_NS)
		task->episode_ns = rec->ts_ns;
	task->episode_last_ns = rec->ts_ns;
	if (!is_alerted(&step))
		return 0;
	return add_unusual_event(g, &(struct unusual_event){.number = task->number,
							    .at_ns = rec->ts_ns,
							    .onset_ns = task->episode_ns});
}

static int read_record(struct reading *g, const struct lutra_record *rec, const char *str,
		       size_t len)
{
	struct numbered_record at;
	int r = task_numbers_step(&g->tasks, rec, &at);

	if (r == 0 && rec->type == LUTRA_RECORD_MARK && rec->aux == LUTRA_MARK_UNUSUAL)
		return add_unusual_event(g, &(struct unusual_event){.tid = rec->tid,
								    .at_ns = rec->ts_ns,
								    .onset_ns = rec->arg,
								    .early_ns = MARK_EARLY_NS});
	if (r == 0 && at.task)
		r = add_tasks(g, rec, &at);
	if (r == 0 && at.task && at.task->session && rec->type == LUTRA_RECORD_OBJECT)
		r = note_session_object(g, at.task->session, rec, str, len);
	if (r == 0 && g->judge)
		r = judge_event(g, rec, str, len, at.task);
	return r;
}

/* ---- when all tasks are known ---- */

static int compare_named_tasks(const void *a, const void *b)
{
	const struct named_task *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->since_ns != y->since_ns)
		return x->since_ns < y->since_ns ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Returns the number of the task that had a thread id at a time; 0: the trace has none. */
static uint32_t find_task(const struct reading *g, uint32_t tid, uint64_t at_ns)
{
	const struct named_task wanted = {tid, UINT32_MAX, at_ns};
	size_t low = 0, high = g->n_named;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_named_tasks(&g->named[mid], &wanted) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low && g->named[low - 1].tid == tid ? g->named[low - 1].number : 0;
}

/* Makes the task of the lineage that lived at the first unusual event unusual from then on. */
static void add_unusual(struct reading *g, const struct unusual_event *e)
{
	struct lineage *list = g->ret->list;
	uint32_t i = e->number ? e->number : find_task(g, e->tid, e->at_ns);
	uint64_t from_ns = e->onset_ns > e->early_ns ? e->onset_ns - e->early_ns : 0;

	if (!i)
		return;
	while (list[i].parent && list[i].born_ns > e->onset_ns)
		i = list[i].parent;
	g->ret->n_unusual += list[i].from_ns == LINEAGES_NEVER;
	if (from_ns < list[i].from_ns)
		list[i].from_ns = from_ns;
}

/* A child has a greater number than its parent, so one pass reaches all descendants. */
static void pass_to_children(struct lineages *l)
{
	for (size_t i = 1; i <= l->n; i++) {
		const struct lineage *parent = &l->list[l->list[i].parent];

		if (l->list[i].parent && parent->from_ns <= l->list[i].born_ns &&
		    l->list[i].from_ns > l->list[i].born_ns)
			l->list[i].from_ns = l->list[i].born_ns;
	}
}

int lineages_read(struct lineages *ret, const char *path, struct intern *acts,
		  const struct policy *judge, struct err *err)
{
	_cleanup_(reading_freep) struct reading *g = calloc(1, sizeof(*g));
	_cleanup_(trace_reader_freep) struct trace_reader *reader = NULL;
	const struct lutra_record *rec;
	const char *str;
	size_t len;
	int r;

	if (!g)
		return err_oom(err);
	*g = (struct reading){.ret = ret, .acts = acts};
	task_numbers_init(&g->tasks);
	r = trace_reader_new(&reader, path, err);
	if (r == 0 && judge)
		r = replay_new(&g->judge, judge, LUTRA_MODE_AUDIT, err);
	if (r < 0)
		return r;
	while ((r = trace_reader_next(reader, &rec, &str, &len)) > 0) {
		r = read_record(g, rec, str, len);
		if (r < 0)
			break;
	}
	if (r < 0)
		return err_set(err, r, "cannot read %s: %s", path, strerror(-r));
	if (g->n_named)
		qsort(g->named, g->n_named, sizeof(*g->named), compare_named_tasks);
	for (size_t i = 0; i < g->n_events; i++)
		add_unusual(g, &g->events[i]);
	pass_to_children(ret);
	return 0;
}

void lineages_done(struct lineages *l)
{
	free(l->list);
	free(l->acts);
	memset(l, 0, sizeof(*l));
}
