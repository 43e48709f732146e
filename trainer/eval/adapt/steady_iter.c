/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a trace, replays it for the roles, and numbers the tasks. */
#include "trainer/eval/adapt/steady_iter.h"

#include <errno.h>
#include <string.h>

#include "lib/replay/replay.h"
#include "lib/replay/tasks.h"
#include "lib/trace/trace.h"

/* A task: copied by fork, so a child's is cleared. */
struct steady_task {
	uint32_t number; /* + 1; 0: it has none yet */
};

struct steady_run {
	const struct steady_iter *it;
	struct replay *replay;
	struct tasks tasks; /* struct steady_task */
	uint32_t n_tasks;
};

static void steady_run_done(struct steady_run *s)
{
	replay_free(s->replay);
	tasks_reset(&s->tasks);
}

/* Applies a record to the tasks. *ret: the entry of its task, or NULL after an exit. */
static int step_steady_tasks(struct steady_run *s, const struct lutra_record *rec,
			     struct steady_task **ret)
{
	struct steady_task *child, *ended = NULL;
	void *entry;
	int r;

	if (rec->type == LUTRA_RECORD_EXIT || rec->type == LUTRA_RECORD_ARM)
		ended = tasks_find(&s->tasks, rec->tid);
	if (ended && ended->number && s->it->on_exit)
		s->it->on_exit(s->it->ctx, ended->number - 1);
	r = tasks_step(&s->tasks, rec, &entry);
	*ret = entry;
	if (r < 0 || rec->type != LUTRA_RECORD_FORK || (uint32_t)rec->arg == rec->tid)
		return r;
	child = tasks_find(&s->tasks, (uint32_t)rec->arg);
	if (child)
		child->number = 0;
	return 0;
}

static int pass_record(struct steady_run *s, const struct lutra_record *rec, const char *str,
		       size_t len)
{
	struct steady_event e = {.rec = rec, .str = str, .str_len = len};
	struct steady_task *task;
	struct replay_step step;
	int r;

	if (rec->type == LUTRA_RECORD_MARK && rec->aux == LUTRA_MARK_ATTACK_ONSET)
		return -EINVAL;
	if (rec->type == LUTRA_RECORD_MARK || rec->type == LUTRA_RECORD_IPC)
		return 0;
	r = step_steady_tasks(s, rec, &task);
	if (r < 0)
		return r;
	r = replay_next(s->replay, rec, str, len, &step);
	if (r <= 0 || step.role != LUTRA_ROLE_STEADY)
		return r;
	if (!task->number)
		task->number = ++s->n_tasks;
	e.task = task->number - 1;
	e.is_object = step.is_object;
	return s->it->on_event(s->it->ctx, &e);
}

static int pass_trace(struct steady_run *s, struct trace_reader *trace, const char *file,
		      struct err *err)
{
	const struct lutra_record *rec;
	const char *str;
	size_t len;
	int r;

	if (strcmp(trace_reader_meta(trace)->arch, s->it->policy->arch) != 0)
		return err_set(err, -ENOEXEC, "%s was recorded on %s, the policy is for %s", file,
			       trace_reader_meta(trace)->arch, s->it->policy->arch);
	while ((r = trace_reader_next(trace, &rec, &str, &len)) > 0) {
		r = pass_record(s, rec, str, len);
		if (r < 0)
			break;
	}
	if (r == -EINVAL)
		return err_set(err, r, "%s has a labelled attack: give benign runs to --adapt",
			       file);
	return r < 0 ? err_set(err, r, "%s: %s", file, strerror(-r)) : 0;
}

int steady_iter_run(const struct steady_iter *it, const char *file, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	_cleanup_(steady_run_done) struct steady_run s = {.it = it};
	int r = trace_reader_new(&trace, file, err);

	s.tasks.type = (struct tasks_type){.size = sizeof(struct steady_task)};
	if (r == 0)
		r = replay_new(&s.replay, it->policy, LUTRA_MODE_AUDIT, err);
	return r < 0 ? r : pass_trace(&s, trace, file, err);
}
