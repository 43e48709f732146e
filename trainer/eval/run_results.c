/* SPDX-License-Identifier: Apache-2.0 */
/* Counts judged events: benign ones as false alarms, those of the attack as detection. */
#include "trainer/eval/run_results.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/base/array.h"
#include "lib/base/text.h"

#define GAP_NS 1000000000ull   /* alarms further apart are two episodes */
#define SHOWN_NS 1000000000ull /* of the root task before the onset, in the timeline */
#define BIT(detector) (1u << (detector))

void run_results_done(struct run_results *r)
{
	free(r->tasks);
	free(r->points);
	memset(r, 0, sizeof(*r));
}

static int add_evaluated_task(struct run_results *r, bool attack, uint32_t *ret_id)
{
	if (ARRAY_RESERVE(r->tasks, r->tasks_size, r->n_tasks + 1) < 0)
		return -ENOMEM;
	r->tasks[r->n_tasks].attack = attack;
	*ret_id = (uint32_t)r->n_tasks++;
	return 0;
}

double run_curve_margin(unsigned i)
{
	return RUN_CURVE_MIN * exp2((double)i / RUN_CURVE_STEPS);
}

/* Counts false alarms at all thresholds of the curves. */
static void count_curves(struct run_results *r, const struct event_result *e)
{
	uint64_t now = e->rec->ts_ns;

	for (unsigned k = 0; k < DETECTOR_PANEL; k++) {
		struct run_curve *c = &r->curve[k];
		double level = e->score[DETECTOR_TOKENS + k];

		if (level <= RUN_CURVE_MIN)
			continue;
		for (unsigned i = 0; i < RUN_CURVE_POINTS && level > run_curve_margin(i); i++) {
			c->false_alarms[i] +=
				!c->last_false_ns[i] || now - c->last_false_ns[i] > GAP_NS;
			c->last_false_ns[i] = now;
		}
	}
}

static void count_false_alarms(struct run_results *r, const struct event_result *e)
{
	uint64_t now = e->rec->ts_ns;

	r->benign_calls += !e->step.is_object;
	count_curves(r, e);
	for (unsigned i = 0; i < DETECTOR_COUNT; i++) {
		struct detector_result *x = &r->detector[i];

		if (!(e->fired & BIT(i)))
			continue;
		x->false_alarms += !x->last_false_ns || now - x->last_false_ns > GAP_NS;
		x->last_false_ns = now;
	}
	/* Refused because level M matched before, not by the deny set. */
	r->refused_after_alert += e->step.is_object && e->step.verdict == LUTRA_VERDICT_DENY &&
				  !(e->fired & BIT(DETECTOR_DENY));
}

/* What a hook sees counts at the time of the system call that it happens in. */
static void count_detection(struct run_results *r, const struct run_labels *labels,
			    const struct eval_task *task, const struct event_result *e)
{
	bool in_syscall = e->step.is_object && task->nr == e->rec->nr;
	uint64_t at = in_syscall ? task->syscall_ns : e->rec->ts_ns;

	r->attack_calls += !e->step.is_object;
	for (unsigned i = 0; i < DETECTOR_COUNT; i++) {
		struct detector_result *x = &r->detector[i];

		if (x->detected || !(e->fired & BIT(i)))
			continue;
		x->detected = true;
		x->first_ns = at > labels->onset_ns ? at : labels->onset_ns;
		x->first_calls = r->attack_calls;
	}
}

static void describe_event(const struct event_result *e, const char *arch,
			   char ret[static TIMELINE_TEXT])
{
	char call[32], path[TIMELINE_TEXT - 48] = "";

	if (e->str)
		text_clean(e->str, e->str_len, path, sizeof(path));
	if (e->step.is_object)
		snprintf(ret, TIMELINE_TEXT, "%s %s (%s)", op_name(e->step.object.op), path,
			 rule_name(e->step.judgement.rule));
	else
		snprintf(ret, TIMELINE_TEXT, "%s (%s)",
			 syscall_name(arch, e->rec->nr, call, sizeof(call)),
			 role_name(e->step.role));
}

/* Adds a point to the timeline if a detector fired or the level is above 0. */
static int add_timeline_point(struct run_results *r, const struct run_labels *labels,
			      const struct event_result *e, const char *arch)
{
	struct timeline_point *p;

	if (r->n_points == TIMELINE_POINTS_MAX || (!e->fired && e->step.level == 0 && r->n_points))
		return 0;
	if (ARRAY_RESERVE(r->points, r->points_size, r->n_points + 1) < 0)
		return -ENOMEM;
	p = &r->points[r->n_points++];
	p->ms = ((double)e->rec->ts_ns - (double)labels->onset_ns) / 1e6;
	p->level = (float)e->step.level;
	p->tid = e->rec->tid;
	p->fired = e->fired & (BIT(DETECTOR_POLICY) - 1);
	if (p->fired || e->step.weight[0] || e->step.weight[1] || e->step.weight[2])
		describe_event(e, arch, p->text);
	return 0;
}

/* Adds the event to its task's scores: rules and sets are counted, levels have their maximum. */
static void count_score(struct evaluated_task *task, const struct event_result *e)
{
	task->calls += !e->step.is_object;
	for (unsigned i = 0; i < DETECTOR_COUNT; i++) {
		bool counted = i == DETECTOR_T || i == DETECTOR_TH ||
			       (i >= DETECTOR_OBJECTS && i < DETECTOR_POLICY);
		/* A mean over few system calls is not judged, but a short task has no other. */
		bool early = i == DETECTOR_RECONSTRUCTION && task->calls <= RECONSTRUCTION_MEAN;

		if (counted)
			task->score[i] += e->score[i];
		else if ((early && !e->step.is_object) || e->score[i] > task->score[i])
			task->score[i] = e->score[i];
	}
}

int run_results_add(struct run_results *results, const struct run_labels *labels,
		    struct eval_task *task, const struct event_result *e, const char *timeline_arch)
{
	uint64_t now = e->rec->ts_ns;
	bool benign = run_labels_is_benign(labels, now);
	bool attack = task->attacked && now <= labels->end_ns;
	bool is_root = labels->root == LABELS_ALL_TASKS || e->rec->tid == labels->root;
	bool before = is_root && now < labels->onset_ns && labels->onset_ns - now <= SHOWN_NS;
	int r = 0;

	if (timeline_arch && (attack || before))
		r = add_timeline_point(results, labels, e, timeline_arch);
	if (r < 0 || (!benign && !attack))
		return r;
	if (task->id == UINT32_MAX) {
		r = add_evaluated_task(results, attack, &task->id);
		if (r < 0)
			return r;
	}
	count_score(&results->tasks[task->id], e);
	if (attack)
		count_detection(results, labels, task, e);
	else
		count_false_alarms(results, e);
	return 0;
}
