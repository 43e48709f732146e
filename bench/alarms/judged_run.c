/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a run in modes audit and deny side by side, and counts what is new. */
#include "bench/alarms/judged_run.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/array.h"
#include "lib/replay/tasks.h"
#include "lib/trace/trace.h"

#define GAP_NS 1000000000ull /* operations further apart are two episodes */

/* A task of the run, copied by fork. */
struct judge_task {
	bool exec_session;   /* it joined the running container, or its parent did */
	uint16_t before, nr; /* its last two system calls */
};

/* An event, and what a mode made of it. */
struct judged_event {
	const struct lutra_record *rec;
	const char *str; /* str_len bytes, or NULL */
	size_t str_len;
	const struct judge_task *task;
	struct replay_step step;
};

/* A run under way. */
struct judging {
	struct judged_run *run;
	struct replay *audit, *deny;
	struct tasks tasks; /* struct judge_task */
	const char *arch;
	bool started; /* a task was armed */
	bool has_aux; /* the recording says what aux of a system call and of an arming says */
};

static void judging_done(struct judging *j)
{
	replay_free(j->audit);
	replay_free(j->deny);
	tasks_reset(&j->tasks);
}

static void init_judge_task(const void *ctx, void *entry)
{
	struct judge_task *t = entry;

	(void)ctx;
	t->before = t->nr = LUTRA_NR_NONE;
}

void judged_run_done(struct judged_run *run)
{
	intern_free(run->names);
	free(run->things);
}

/* Counts an operation of a thing. is_new: the thing's first of this outcome. */
static void count_outcome(struct outcome_counts *c, uint64_t now, bool is_new)
{
	bool is_next = !c->last_ns || now - c->last_ns > GAP_NS;

	c->operations++;
	c->things += is_new;
	c->episodes += is_next;
	if (is_next)
		c->is_new = false;
	c->new_episodes += is_new && !c->is_new;
	c->is_new |= is_new;
	c->last_ns = now;
}

/* Adds a thing to those that alarmed in a window, unless it is one or there is no room. */
static void add_window_thing(struct window *w, uint32_t thing, bool refused, bool own)
{
	size_t i = 0;

	while (i < w->n_things && w->things[i].thing != thing)
		i++;
	if (i == WINDOW_THINGS_MAX)
		return;
	if (i == w->n_things)
		w->things[w->n_things++] = (struct window_thing){.thing = thing};
	w->things[i].refused |= refused;
	w->things[i].own_refused |= refused && own;
}

static void count_in_window(struct window *w, unsigned rule, uint32_t thing, bool refused, bool own)
{
	w->rule[rule].alerted += !refused;
	w->rule[rule].refused += refused;
	w->rule[rule].own_refused += refused && own;
	add_window_thing(w, thing, refused, own);
}

/*
 * Counts an operation in the windows of its time or, if an earlier event caused it, in that window.
 */
static void count_in_windows(struct judged_run *run, unsigned rule, uint32_t thing, uint64_t now,
			     enum outcome outcome, bool own)
{
	bool refused = outcome == OUTCOME_REFUSED;
	struct run_thing *t = &run->things[thing];

	if (refused && t->cause) {
		count_in_window(&run->windows[t->cause - 1], rule, thing, refused, own);
		return;
	}
	for (size_t i = 0; i < run->n_windows; i++) {
		struct window *w = &run->windows[i];

		if (now < w->begin_ns || now > w->end_ns)
			continue;
		count_in_window(w, rule, thing, refused, own);
		if (t->refused == 1 && refused && w->lasts && !t->cause)
			t->cause = i + 1;
	}
}

/* Finds the thing of a match, and adds it if it is new. Returns 0, -ENOMEM or -E2BIG. */
static int find_thing(struct judging *j, const struct judged_event *e, unsigned rule,
		      struct run_thing **ret)
{
	char name[THING_TEXT + 64], text[THING_TEXT];
	struct judged_run *run = j->run;
	uint32_t i;
	int n, r;

	if (e->step.is_object)
		thing_object_text(&e->step.object, j->arch, e->str, e->str_len, text);
	else
		thing_syscall_text(rule, j->arch, e->task->before, e->task->nr, text);
	n = snprintf(name, sizeof(name), "%s\t%s\t%s", rule_name(rule), role_name(e->step.role),
		     text);
	r = intern_add(run->names, name, (size_t)n, &i);
	if (r == 0)
		r = ARRAY_RESERVE(run->things, run->things_size, i + 1);
	if (r < 0)
		return r;
	*ret = &run->things[i];
	if (!(*ret)->first_ns)
		(*ret)->first_ns = e->rec->ts_ns;
	return 0;
}

/* Counts an operation that one mode alerted or refused. */
static void count_match(struct judging *j, const struct judged_event *e, unsigned rule,
			struct run_thing *thing, enum outcome outcome)
{
	bool own = !e->task->exec_session;
	bool is_level = thing_is_of_level(rule);
	uint64_t *n = outcome == OUTCOME_ALERTED ? &thing->alerted : &thing->refused;

	count_outcome(&j->run->outcome[outcome], e->rec->ts_ns, *n == 0);
	(*n)++;
	if (outcome == OUTCOME_REFUSED) {
		thing->own_refused += own;
		thing->after_level |= e->step.is_object && is_level;
	}
	count_in_windows(j->run, rule, (uint32_t)(thing - j->run->things), e->rec->ts_ns, outcome,
			 own);
}

/* Counts the matches of an event in one mode. An alert that is not reported again is none. */
static int count_matches(struct judging *j, const struct judged_event *e, enum outcome outcome)
{
	unsigned least = outcome == OUTCOME_ALERTED ? LUTRA_VERDICT_ALERT : LUTRA_VERDICT_DENY;

	for (unsigned i = 0; i < e->step.n_matches; i++) {
		const struct replay_match *m = &e->step.match[i];
		struct run_thing *thing;
		int r = find_thing(j, e, m->rule, &thing);

		if (r < 0)
			return r;
		thing->matched += outcome == OUTCOME_ALERTED;
		if (m->verdict >= least && !m->repeated)
			count_match(j, e, m->rule, thing, outcome);
	}
	return 0;
}

/*
 * A task is armed. A recording says in aux whether it is of an exec session; in an older one it is
 * if a task of the container was armed before. rec->nr: the task ran already when it was enrolled.
 */
static void arm_task(struct judging *j, const struct lutra_record *rec, struct judge_task *t)
{
	t->exec_session = j->has_aux ? rec->aux == 1 : j->started && !rec->nr;
	j->started = true;
}

static int judge_record(struct judging *j, const struct lutra_record *rec, const char *str,
			size_t len)
{
	struct judged_event e = {.rec = rec, .str = str, .str_len = len};
	struct judge_task *t;
	void *entry;
	int r;

	if (rec->type == LUTRA_RECORD_MARK)
		return 0;
	r = tasks_step(&j->tasks, rec, &entry);
	if (r < 0)
		return r;
	t = entry;
	if (rec->type == LUTRA_RECORD_ARM)
		arm_task(j, rec, t);
	if (rec->type == LUTRA_RECORD_SYSCALL) {
		t->before = t->nr;
		t->nr = rec->nr;
		j->has_aux |= rec->aux != 0;
	}
	j->run->syscalls += rec->type == LUTRA_RECORD_SYSCALL;
	j->run->objects += rec->type == LUTRA_RECORD_OBJECT;
	e.task = t;
	r = replay_next(j->audit, rec, str, len, &e.step);
	if (r > 0)
		r = count_matches(j, &e, OUTCOME_ALERTED);
	if (r < 0)
		return r;
	r = replay_next(j->deny, rec, str, len, &e.step);
	return r > 0 ? count_matches(j, &e, OUTCOME_REFUSED) : r;
}

static int judge_trace(struct judging *j, struct trace_reader *trace)
{
	struct judged_run *run = j->run;
	struct trace_block b;
	int r;

	while ((r = trace_reader_block(trace, &b)) > 0) {
		for (size_t i = 0; i < b.n; i++) {
			const struct lutra_record *rec = &b.rec[i];
			const char *str;
			size_t len;

			run->start_ns = run->start_ns ? run->start_ns : rec->ts_ns;
			run->stop_ns = rec->ts_ns > run->stop_ns ? rec->ts_ns : run->stop_ns;
			str = trace_block_string(&b, i, &len);
			r = judge_record(j, rec, str, len);
			if (r < 0)
				return r;
		}
	}
	return r;
}

int judged_run_replay(struct judged_run *ret, const struct policy *policy, const char *file,
		      struct err *err)
{
	_cleanup_(judging_done) struct judging j = {.run = ret};
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	int r = trace_reader_new(&trace, file, err);

	j.tasks.type = (struct tasks_type){sizeof(struct judge_task), init_judge_task, NULL};
	if (r == 0 && intern_new(&ret->names) < 0)
		r = err_oom(err);
	if (r == 0)
		r = replay_new(&j.audit, policy, LUTRA_MODE_AUDIT, err);
	if (r == 0)
		r = replay_new(&j.deny, policy, LUTRA_MODE_DENY, err);
	if (r < 0)
		return r;
	j.arch = trace_reader_meta(trace)->arch;
	if (strcmp(j.arch, policy->arch) != 0)
		return err_set(err, -ENOEXEC, "%s was recorded on %s, the policy is for %s", file,
			       j.arch, policy->arch);
	r = judge_trace(&j, trace);
	return r < 0 ? err_set(err, r, "%s: %s", file, strerror(-r)) : 0;
}
