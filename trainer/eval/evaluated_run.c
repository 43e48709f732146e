/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a run twice: for its labels, then event by event for the detectors. */
#include "trainer/eval/evaluated_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/replay/tasks.h"
#include "lib/trace/trace.h"

/* A run that is being judged. */
struct eval_context {
	struct evaluated_run *run;
	struct event_judge judge;
	struct tasks tasks; /* struct eval_task */
	const char *arch;
	bool timeline;
	bool all_attacked; /* the attack has begun, and is one of all tasks */
};

void evaluated_run_done(struct evaluated_run *run)
{
	free(run->file);
	run_results_done(&run->results);
	memset(run, 0, sizeof(*run));
}

size_t evaluated_run_harm_in_time(const struct evaluated_run *run, unsigned detector,
				  size_t *ret_in_time)
{
	const struct detector_result *x = &run->results.detector[detector];
	size_t n = 0;

	*ret_in_time = 0;
	for (size_t i = 0; i < run->labels.n_harm; i++) {
		if (!run->labels.harm[i].counts)
			continue;
		n++;
		*ret_in_time += x->detected && x->first_ns <= run->labels.harm[i].ns;
	}
	return n;
}

double evaluated_run_delay_ms(const struct evaluated_run *run, unsigned detector)
{
	return (double)(run->results.detector[detector].first_ns - run->labels.onset_ns) / 1e6;
}

static void init_eval_task(const void *ctx, void *entry)
{
	const struct eval_context *c = ctx;
	const struct run_labels *labels = &c->run->labels;
	struct eval_task *t = entry;

	t->attacked = !labels->labelled && labels->kind != RUN_KIND_NORMAL;
	event_judge_init_task(&c->judge, t);
}

static void eval_context_done(struct eval_context *c)
{
	event_judge_done(&c->judge);
	tasks_reset(&c->tasks);
}

/* The task's attack begins: it has scores of its own. */
static void begin_attack(struct eval_task *t)
{
	t->attacked = true;
	t->id = UINT32_MAX;
}

/* Judges a record that is an event. All other records move the tasks of every detector on. */
static int judge_record(struct eval_context *c, const struct lutra_record *rec, const char *str,
			size_t str_len)
{
	struct event_result e = {.rec = rec, .str = str, .str_len = str_len};
	struct eval_task *t, *child;
	void *entry;
	int r;

	if (rec->type == LUTRA_RECORD_IPC ||
	    (rec->type == LUTRA_RECORD_MARK && rec->aux != LUTRA_MARK_ATTACK_ONSET))
		return 0;
	if (rec->type == LUTRA_RECORD_MARK && rec->tid == LABELS_ALL_TASKS) {
		c->all_attacked = true;
		return 0;
	}
	r = tasks_step(&c->tasks, rec, &entry);
	if (r < 0)
		return r;
	tasks_step_object(&c->tasks, rec, str, str_len);
	t = entry;
	if (c->all_attacked && rec->type != LUTRA_RECORD_EXIT && !t->attacked)
		begin_attack(t);
	switch (rec->type) {
	case LUTRA_RECORD_MARK:
		begin_attack(t);
		return 0;
	case LUTRA_RECORD_FORK: /* the child is a copy, but has scores of its own */
		child = tasks_find(&c->tasks, (uint32_t)rec->arg);
		if (child && child != t)
			child->id = UINT32_MAX;
		break;
	default:
		break;
	}
	r = event_judge_record(&c->judge, t, &e);
	if (r <= 0)
		return r;
	return run_results_add(&c->run->results, &c->run->labels, t, &e,
			       c->timeline ? c->arch : NULL);
}

int evaluated_run_judge_block(struct evaluated_run *ret, const struct detectors *detectors,
			      const struct trace_block *block, struct err *err)
{
	_cleanup_(eval_context_done) struct eval_context c = {.run = ret,
							      .arch = detectors->policy->arch};
	int r = event_judge_init(&c.judge, detectors, err);

	if (r < 0)
		return r;
	c.tasks.type = (struct tasks_type){sizeof(struct eval_task), init_eval_task, &c};
	for (size_t i = 0; r >= 0 && i < block->n; i++) {
		size_t len;
		const char *str = trace_block_string(block, i, &len);

		r = judge_record(&c, &block->rec[i], str, len);
	}
	return r < 0 ? err_set(err, r, "a run in memory: %s", strerror(-r)) : 0;
}

int evaluated_run_judge(struct evaluated_run *ret, const struct detectors *detectors,
			const char *file, enum run_kind kind, bool timeline, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	_cleanup_(eval_context_done) struct eval_context c = {.run = ret, .timeline = timeline};
	const char *slash = strrchr(file, '/'), *str;
	const struct lutra_record *rec;
	size_t str_len;
	int r;

	c.tasks.type = (struct tasks_type){sizeof(struct eval_task), init_eval_task, &c};
	memset(ret, 0, sizeof(*ret));
	ret->file = strdup(slash ? slash + 1 : file);
	if (!ret->file)
		return err_oom(err);
	r = run_labels_read(&ret->labels, file, kind, err);
	if (r == 0)
		r = event_judge_init(&c.judge, detectors, err);
	if (r == 0)
		r = trace_reader_new(&trace, file, err);
	if (r < 0)
		return r;
	c.arch = trace_reader_meta(trace)->arch;
	if (strcmp(c.arch, detectors->policy->arch) != 0)
		return err_set(err, -ENOEXEC, "%s was recorded on %s, the policy is for %s", file,
			       c.arch, detectors->policy->arch);
	while ((r = trace_reader_next(trace, &rec, &str, &str_len)) > 0) {
		r = judge_record(&c, rec, str, str_len);
		if (r < 0)
			break;
	}
	return r < 0 ? err_set(err, r, "%s: %s", file, strerror(-r)) : 0;
}
