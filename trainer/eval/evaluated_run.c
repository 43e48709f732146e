/* SPDX-License-Identifier: Apache-2.0 */
/* A run before the panel. */
#include "trainer/eval/evaluated_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/replay/replay.h"
#include "lib/replay/tasks.h"
#include "lib/base/text.h"
#include "lib/trace/trace.h"

#define GAP_NS NSEC_PER_SEC
#define BEFORE_NS 100000000ull /* not benign any more */
#define AFTER_NS 1500000000ull /* still the attack */
#define SHOWN_NS NSEC_PER_SEC  /* of the root task before the onset */
#define BIT(rule) (1u << (rule))

/* A task, copied by fork. */
struct subject {
	uint32_t id; /* in trial.tasks */
	bool attacked;
	uint16_t call; /* the last */
	uint64_t call_ns;
	struct lutra_matches signals, float_signals;
	struct syscall_history history;
	struct float_state gated, mean;
};

/* A trial under way. */
struct eval_context {
	const struct detectors *panel;
	struct evaluated_run *t;
	const char *arch;
	struct replay *replay, *random;
	struct tasks *tasks;
	struct lutra_seen *seen; /* of the gated floats */
	uint64_t attack_calls;
};

/* What an event came to. */
struct event_result {
	uint32_t fired; /* bit per rule */
	float score[DETECTOR_NAMED];
	struct replay_step step;
};

void evaluated_run_done(struct evaluated_run *t)
{
	free(t->file);
	free(t->tasks);
	free(t->points);
	memset(t, 0, sizeof(*t));
}

static void eval_context_done(struct eval_context *s)
{
	replay_free(s->replay);
	replay_free(s->random);
	tasks_free(s->tasks);
	free(s->seen);
}

size_t evaluated_run_harm_in_time(const struct evaluated_run *t, unsigned rule, size_t *ret_in)
{
	const struct detector_result *x = &t->rule[rule];
	size_t n = 0;

	*ret_in = 0;
	for (size_t i = 0; i < t->n_harm; i++) {
		if (!t->harm[i].counts)
			continue;
		n++;
		*ret_in += x->detected && x->first_ns <= t->harm[i].ns;
	}
	return n;
}

/* ---- labels ---- */

static void add_harm(struct evaluated_run *t, const struct lutra_record *rec, const char *name)
{
	/* The kernel itself refuses the first; the others are the service's own objects. */
	static const char *const others[] = {"shadow", "own", "connect_own"};
	struct harm_label *h = &t->harm[t->n_harm];

	if (t->n_harm == HARM_LABELS_MAX)
		return;
	t->n_harm++;
	h->ns = rec->ts_ns;
	h->counts = true;
	snprintf(h->name, sizeof(h->name), "%s", name ? name : "");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		h->counts &= strcmp(h->name, others[i]) != 0;
}

static void add_label(struct evaluated_run *t, const struct lutra_record *rec, const char *str)
{
	switch (rec->aux) {
	case LUTRA_MARK_ATTACK_ONSET:
		t->labelled = true;
		t->onset_ns = rec->ts_ns;
		t->root = rec->tid;
		break;
	case LUTRA_MARK_ATTACK_END:
		t->end_ns = rec->ts_ns + AFTER_NS;
		break;
	case LUTRA_MARK_HARM:
		add_harm(t, rec, str);
		break;
	default:
		break;
	}
}

/* First pass: how long, what is labelled. */
static int read_labels(struct evaluated_run *t, const char *file, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	const struct lutra_record *rec;
	const char *str;
	size_t len;
	int r = trace_reader_new(&trace, file, err);

	if (r < 0)
		return r;
	t->end_ns = UINT64_MAX;
	while ((r = trace_reader_next(trace, &rec, &str, &len)) > 0) {
		t->start_ns = t->start_ns ? t->start_ns : rec->ts_ns;
		t->stop_ns = rec->ts_ns > t->stop_ns ? rec->ts_ns : t->stop_ns;
		if (rec->type == LUTRA_RECORD_MARK)
			add_label(t, rec, str);
	}
	if (r < 0)
		return err_set(err, r, "%s: %s", file, strerror(-r));
	if (t->labelled && t->kind == RUN_KIND_NORMAL)
		return err_set(err, -EINVAL, "%s holds a labelled attack: give it as --attack",
			       file);
	if (!t->labelled)
		t->onset_ns = t->kind == RUN_KIND_NORMAL ? UINT64_MAX : t->start_ns;
	return 0;
}

/* ---- tasks ---- */

static int new_id(struct evaluated_run *t, bool attack, uint32_t *ret)
{
	if (t->n_tasks == t->tasks_size) {
		size_t size = t->tasks_size ? t->tasks_size * 2 : 64;
		struct evaluated_task *tasks = realloc(t->tasks, size * sizeof(*tasks));

		if (!tasks)
			return -ENOMEM;
		t->tasks = tasks;
		t->tasks_size = size;
	}
	memset(&t->tasks[t->n_tasks], 0, sizeof(*t->tasks));
	t->tasks[t->n_tasks].attack = attack;
	*ret = (uint32_t)t->n_tasks++;
	return 0;
}

static void subject_init(const void *ctx, void *entry)
{
	const struct eval_context *s = ctx;
	struct subject *x = entry;

	x->id = UINT32_MAX;
	x->attacked = !s->t->labelled && s->t->kind != RUN_KIND_NORMAL;
	if (!s->panel->gated)
		return;
	float_levels_init(s->panel->gated, &x->gated);
	float_levels_init(s->panel->mean, &x->mean);
}

/* ---- judging ---- */

static void fire(struct event_result *f, unsigned rule)
{
	f->fired |= BIT(rule);
	if (rule < DETECTOR_NAMED && f->score[rule] < 1)
		f->score[rule] = 1;
}

/* A group of the policy fired: what does that make of the sets? */
static void fire_group(const struct eval_context *s, struct event_result *f, unsigned group)
{
	uint8_t action = s->panel->policy->action[group];

	if (action >= LUTRA_ACTION_DENY)
		fire(f, DETECTOR_DENY);
	if (action >= LUTRA_ACTION_ALERT)
		fire(f, DETECTOR_ALERT);
	if (action >= LUTRA_ACTION_ALERT && group != LUTRA_RULE_LEVEL_A)
		fire(f, DETECTOR_FLOAT_ALERT);
}

static void kill_by(const struct eval_context *s, struct lutra_matches *signals,
		    struct event_result *f, unsigned group, uint64_t now, unsigned rule)
{
	if (lutra_decide_verdict(signals, s->panel->image, group, LUTRA_MODE_KILL, now) ==
	    LUTRA_VERDICT_KILL)
		fire(f, rule);
}

/* A group fired for the kill rule, with A as it is and with A in floating point. */
static void kill_both(const struct eval_context *s, struct subject *x, struct event_result *f,
		      unsigned group, uint64_t now)
{
	kill_by(s, &x->signals, f, group, now, DETECTOR_KILL);
	kill_by(s, &x->float_signals, f, group, now, DETECTOR_FLOAT_KILL);
}

static void judge_floats(const struct eval_context *s, struct subject *x, uint32_t nr, uint64_t now,
			 struct event_result *f)
{
	bool before = float_levels_is_alarm(s->panel->gated, &x->gated);

	float_levels_score(s->panel->mean, &x->mean, NULL, nr);
	f->score[DETECTOR_RECONSTRUCTION] = (float)x->mean.level;
	if (float_levels_is_alarm(s->panel->mean, &x->mean))
		f->fired |= BIT(DETECTOR_RECONSTRUCTION);
	float_levels_score(s->panel->gated, &x->gated, s->seen, nr);
	if (!float_levels_is_alarm(s->panel->gated, &x->gated))
		return;
	fire(f, DETECTOR_FLOAT_A);
	if (s->panel->policy->action[LUTRA_RULE_LEVEL_A] >= LUTRA_ACTION_ALERT)
		fire(f, DETECTOR_FLOAT_ALERT);
	if (!before)
		kill_by(s, &x->float_signals, f, LUTRA_RULE_LEVEL_A, now, DETECTOR_FLOAT_KILL);
}

static void judge_baselines(const struct eval_context *s, struct subject *x, uint32_t nr,
			    struct event_result *f)
{
	const struct baselines *b = s->panel->baselines;
	struct baseline_levels levels;

	baselines_score(b, &x->history, nr, &levels);
	for (unsigned i = DETECTOR_NOVEL_CALL; i <= DETECTOR_WITTEN_BELL5; i++) {
		f->score[i] = (float)levels.level[i];
		if (levels.level[i] > b->threshold[i])
			f->fired |= BIT(i);
	}
}

static void judge_call(struct eval_context *s, struct subject *x, const struct lutra_record *rec,
		       struct event_result *f)
{
	const struct lutra_policy *image = s->panel->image;
	const struct replay_step *step = &f->step;

	f->score[DETECTOR_A] = (float)step->a;
	f->score[DETECTOR_B] = (float)step->b;
	if (step->token == LUTRA_UNK) {
		unsigned group = lutra_is_hookable(image, rec->nr) ? LUTRA_RULE_NEW_HOOKABLE
								   : LUTRA_RULE_NEW_SYSCALL;

		fire(f, DETECTOR_T);
		if (group == LUTRA_RULE_NEW_HOOKABLE)
			fire(f, DETECTOR_TH);
		fire_group(s, f, group);
		kill_both(s, x, f, group, rec->ts_ns);
	}
	if (step->a > image->threshold_a) {
		f->fired |= BIT(DETECTOR_A);
		fire_group(s, f, LUTRA_RULE_LEVEL_A);
	}
	if (step->b > image->threshold_b) {
		f->fired |= BIT(DETECTOR_B);
		fire_group(s, f, LUTRA_RULE_LEVEL_B);
	}
	for (unsigned i = 0; i < step->n_signals; i++) {
		if (step->signal[i].group == LUTRA_RULE_LEVEL_A)
			kill_by(s, &x->signals, f, LUTRA_RULE_LEVEL_A, rec->ts_ns, DETECTOR_KILL);
		else if (step->signal[i].group == LUTRA_RULE_LEVEL_B)
			kill_both(s, x, f, LUTRA_RULE_LEVEL_B, rec->ts_ns);
	}
	if (s->panel->gated)
		judge_floats(s, x, rec->nr, rec->ts_ns, f);
	if (s->panel->baselines)
		judge_baselines(s, x, rec->nr, f);
}

static void judge_object(struct eval_context *s, struct subject *x, const struct lutra_record *rec,
			 struct event_result *f)
{
	const struct lutra_judgement *j = &f->step.judgement;

	if (j->kind == LUTRA_KIND_KNOWN)
		return;
	fire(f, DETECTOR_OBJECTS);
	fire_group(s, f, j->rule);
	kill_both(s, x, f, j->rule, rec->ts_ns);
}

static int judge_random(struct eval_context *s, const struct lutra_record *rec, const char *str,
			size_t len, struct event_result *f)
{
	const struct policy *p = s->panel->random;
	struct replay_step step;
	int r = replay_next(s->random, rec, str, len, &step);

	if (r <= 0 || step.is_object)
		return r;
	f->score[DETECTOR_RANDOM_CODES] = (float)step.a;
	if (step.a > p->threshold_a || step.b > p->threshold_b)
		f->fired |= BIT(DETECTOR_RANDOM_CODES);
	return r;
}

/* ---- counting ---- */

static void count_false(struct evaluated_run *t, const struct event_result *f, uint64_t now)
{
	for (unsigned i = 0; i < DETECTOR_COUNT; i++) {
		struct detector_result *x = &t->rule[i];

		if (!(f->fired & BIT(i)))
			continue;
		x->false_alarms += !x->last_false_ns || now - x->last_false_ns > GAP_NS;
		x->last_false_ns = now;
	}
	/* Refused by what A or B did before, not by the deny set. */
	t->refused_after_alert += f->step.is_object && f->step.verdict == LUTRA_VERDICT_DENY &&
				  !(f->fired & BIT(DETECTOR_DENY));
}

static void count_detected(struct eval_context *s, const struct event_result *f, uint64_t at)
{
	struct evaluated_run *t = s->t;

	for (unsigned i = 0; i < DETECTOR_COUNT; i++) {
		struct detector_result *x = &t->rule[i];

		if (x->detected || !(f->fired & BIT(i)))
			continue;
		x->detected = true;
		x->first_ns = at > t->onset_ns ? at : t->onset_ns;
		x->first_calls = s->attack_calls;
	}
}

static void name_event(const struct eval_context *s, const struct lutra_record *rec,
		       const char *str, size_t len, const struct event_result *f,
		       char ret[static TIMELINE_TEXT])
{
	char call[32], path[TIMELINE_TEXT - 48] = "";

	if (str)
		text_clean(str, len, path, sizeof(path));
	if (f->step.is_object)
		snprintf(ret, TIMELINE_TEXT, "%s %s (%s)", op_name(f->step.object.op), path,
			 group_name(f->step.judgement.rule));
	else
		snprintf(ret, TIMELINE_TEXT, "%s (%s)",
			 nr_name(s->arch, rec->nr, call, sizeof(call)), role_name(f->step.role));
}

static int add_point(const struct eval_context *s, const struct lutra_record *rec, const char *str,
		     size_t len, const struct event_result *f)
{
	struct evaluated_run *t = s->t;
	struct timeline_point *p;

	if (t->n_points == TIMELINE_POINTS_MAX ||
	    (!f->fired && f->step.a == 0 && f->step.b == 0 && t->n_points))
		return 0;
	if (t->n_points == t->points_size) {
		size_t size = t->points_size ? t->points_size * 2 : 64;
		struct timeline_point *points = realloc(t->points, size * sizeof(*points));

		if (!points)
			return -ENOMEM;
		t->points = points;
		t->points_size = size;
	}
	p = &t->points[t->n_points++];
	memset(p, 0, sizeof(*p));
	p->ms = ((double)rec->ts_ns - (double)t->onset_ns) / 1e6;
	p->a = (float)f->step.a;
	p->b = (float)f->step.b;
	p->tid = rec->tid;
	p->fired = f->fired & (BIT(DETECTOR_POLICY) - 1);
	if (p->fired || f->step.weight[0] || f->step.weight[1] || f->step.weight[2])
		name_event(s, rec, str, len, f, p->text);
	return 0;
}

static void count_score(struct evaluated_task *task, const struct event_result *f)
{
	task->calls += !f->step.is_object;
	for (unsigned i = 0; i < DETECTOR_NAMED; i++) {
		bool counted = i == DETECTOR_T || i == DETECTOR_TH ||
			       (i >= DETECTOR_OBJECTS && i < DETECTOR_POLICY);
		/* A mean of few calls is not judged, but the last of them is all there is. */
		bool early = i == DETECTOR_RECONSTRUCTION && task->calls <= FLOAT_LEVELS_MEAN;

		if (counted)
			task->score[i] += f->score[i];
		else if (early || f->score[i] > task->score[i])
			task->score[i] = f->score[i];
	}
}

static int count(struct eval_context *s, struct subject *x, const struct lutra_record *rec,
		 const char *str, size_t len, const struct event_result *f)
{
	struct evaluated_run *t = s->t;
	uint64_t at = f->step.is_object && x->call == rec->nr ? x->call_ns : rec->ts_ns;
	bool benign = rec->ts_ns < t->onset_ns &&
		      (t->onset_ns == UINT64_MAX || rec->ts_ns + BEFORE_NS < t->onset_ns);
	bool attack = x->attacked && rec->ts_ns <= t->end_ns;
	bool before = rec->tid == t->root && rec->ts_ns < t->onset_ns &&
		      t->onset_ns - rec->ts_ns <= SHOWN_NS;
	int r = 0;

	if (s->panel->timeline && (attack || before))
		r = add_point(s, rec, str, len, f);
	if (r < 0 || (!benign && !attack))
		return r;
	if (x->id == UINT32_MAX) {
		r = new_id(t, attack, &x->id);
		if (r < 0)
			return r;
	}
	count_score(&t->tasks[x->id], f);
	if (!attack) {
		t->benign_calls += !f->step.is_object;
		count_false(t, f, rec->ts_ns);
		return 0;
	}
	s->attack_calls += !f->step.is_object;
	count_detected(s, f, at);
	return 0;
}

static int event(struct eval_context *s, struct subject *x, const struct lutra_record *rec,
		 const char *str, size_t len)
{
	struct event_result f;
	int r;

	f.fired = 0;
	memset(f.score, 0, sizeof(f.score));
	r = replay_next(s->replay, rec, str, len, &f.step);
	if (r > 0 && s->random)
		r = judge_random(s, rec, str, len, &f);
	if (r <= 0)
		return r;
	if (f.step.is_object) {
		judge_object(s, x, rec, &f);
	} else {
		x->call = rec->nr;
		x->call_ns = rec->ts_ns;
		judge_call(s, x, rec, &f);
	}
	return count(s, x, rec, str, len, &f);
}

/* What is no event moves tasks, in every reader. */
static int record(struct eval_context *s, const struct lutra_record *rec, const char *str,
		  size_t len)
{
	struct replay_step none;
	struct subject *child;
	void *entry;
	int r;

	if (rec->type == LUTRA_RECORD_MARK && rec->aux != LUTRA_MARK_ATTACK_ONSET)
		return 0;
	r = tasks_step(s->tasks, rec, &entry);
	if (r < 0)
		return r;
	if (rec->type == LUTRA_RECORD_MARK) {
		((struct subject *)entry)->attacked = true;
		((struct subject *)entry)->id = UINT32_MAX;
		return 0;
	}
	if (rec->type == LUTRA_RECORD_SYSCALL || rec->type == LUTRA_RECORD_OBJECT)
		return event(s, entry, rec, str, len);
	if (rec->type == LUTRA_RECORD_FORK) {
		child = tasks_find(s->tasks, (uint32_t)rec->arg);
		if (child && child != entry)
			child->id = UINT32_MAX;
	} else if (rec->type == LUTRA_RECORD_EXEC) {
		lutra_state_exec(&((struct subject *)entry)->gated.state);
	}
	r = replay_next(s->replay, rec, str, len, &none);
	return r < 0 || !s->random ? r : replay_next(s->random, rec, str, len, &none);
}

static int eval_context_init(struct eval_context *s, struct err *err)
{
	const struct detectors *p = s->panel;
	struct tasks_type type = {sizeof(struct subject), subject_init, s};
	int r = replay_new(&s->replay, p->policy, LUTRA_MODE_DENY, err);

	if (r == 0 && p->random)
		r = replay_new(&s->random, p->random, LUTRA_MODE_AUDIT, err);
	if (r < 0)
		return r;
	s->seen = calloc(1, sizeof(*s->seen));
	if (!s->seen || tasks_new(&s->tasks, &type) < 0)
		return err_oom(err);
	return 0;
}

static void measure(struct evaluated_run *t)
{
	uint64_t until = t->stop_ns;

	if (t->kind != RUN_KIND_NORMAL)
		until = t->onset_ns > BEFORE_NS ? t->onset_ns - BEFORE_NS : 0;
	t->benign_hours = until > t->start_ns ? (double)(until - t->start_ns) / 3.6e12 : 0;
}

int evaluated_run_judge(struct evaluated_run *ret, const struct detectors *panel, const char *file,
			enum run_kind kind, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	_cleanup_(eval_context_done) struct eval_context s = {.panel = panel, .t = ret};
	const char *slash = strrchr(file, '/'), *str;
	const struct lutra_record *rec;
	size_t len;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	ret->file = strdup(slash ? slash + 1 : file);
	if (!ret->file)
		return err_oom(err);
	r = read_labels(ret, file, err);
	if (r == 0)
		r = eval_context_init(&s, err);
	if (r == 0)
		r = trace_reader_new(&trace, file, err);
	if (r < 0)
		return r;
	s.arch = trace_reader_meta(trace)->arch;
	if (strcmp(s.arch, panel->policy->arch) != 0)
		return err_set(err, -ENOEXEC, "%s was recorded on %s, the policy is for %s", file,
			       s.arch, panel->policy->arch);
	while ((r = trace_reader_next(trace, &rec, &str, &len)) > 0) {
		r = record(&s, rec, str, len);
		if (r < 0)
			break;
	}
	measure(ret);
	return r < 0 ? err_set(err, r, "%s: %s", file, strerror(-r)) : 0;
}
