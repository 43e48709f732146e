/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a recorded run through the scorer. */
#include "lib/replay/replay.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/replay/judgement_cache.h"
#include "lib/replay/tasks.h"
#include "lib/replay/written.h"

struct task {
	struct lutra_state state;
	struct lutra_matches matches;
	struct written_task writer;
	bool hookable; /* the current system call matched NEW_HOOKABLE */
	/* Path nodes, 0: not known. Of what the task runs, and of the execution under way. */
	uint16_t program, next_program;
};

struct replay {
	struct lutra_policy image;
	struct lutra_seen seen;
	struct judgement_cache judged;
	struct tasks tasks;
	struct written *written;
	struct task *last; /* of the last record; NULL if that was no event */
	uint32_t last_tid;
	unsigned mode;
	bool audit_sessions;
};

void replay_reset(struct replay *r)
{
	tasks_reset(&r->tasks);
	written_reset(r->written);
	r->last = NULL;
	memset(&r->seen, 0, sizeof(r->seen));
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	tasks_reset(&r->tasks);
	written_free(r->written);
	free(r);
}

/* Initialises the entry of a new task: sets its state; the rest stays zero. */
static void task_init(const void *ctx, void *entry)
{
	const struct replay *r = ctx;
	struct task *t = entry;

	lutra_state_init(&t->state, &r->image);
}

int replay_new(struct replay **ret, const struct policy *policy, unsigned mode, struct err *err)
{
	_cleanup_(replay_freep) struct replay *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return err_oom(err);
	r->mode = mode;
	r->audit_sessions = policy->audit_sessions;
	r->tasks.type = (struct tasks_type){sizeof(struct task), task_init, r};
	e = policy_to_kernel(policy, 1, &r->image, err);
	if (e < 0)
		return e;
	if (written_new(&r->written) < 0)
		return err_oom(err);
	policy_to_kernel_fall_back(policy, &r->image);
	*ret = TAKE_PTR(r);
	return 0;
}

/* Returns true if the task is of an exec session that the policy only audits. */
static bool is_audited(const struct replay *r, const struct task *t)
{
	return t->state.role == LUTRA_ROLE_SESSION && r->audit_sessions;
}

/* Returns the match with the bit of an audited exec session. */
static unsigned task_match(const struct replay *r, const struct task *t, unsigned match)
{
	return is_audited(r, t) ? match | LUTRA_MATCH_SESSION : match;
}

/* match: a rule, or-ed with LUTRA_MATCH_*. */
static uint8_t verdict_of(const struct replay *r, struct task *t, unsigned match, uint64_t now)
{
	match = task_match(r, t, match);
	return (uint8_t)lutra_decide_verdict(&t->matches, &r->image, match, r->mode, now);
}

static void add_match(struct replay_step *s, unsigned rule, unsigned kind, uint8_t verdict)
{
	if (s->n_matches < REPLAY_MATCHES)
		s->match[s->n_matches++] = (struct replay_match){.rule = (uint8_t)rule,
								 .kind = (uint8_t)kind,
								 .verdict = verdict,
								 .level = s->level,
								 .novelty = s->novelty};
	if (verdict > s->verdict)
		s->verdict = verdict;
}

static void set_score(struct replay_step *s, const struct task *t,
		      const struct lutra_token_score *score)
{
	s->token = score->token;
	memcpy(s->weight, score->m.weight, sizeof(s->weight));
	s->level = t->state.m.level;
	s->novelty = t->state.m.novelty;
}

/* Adds a match for each level that the event raised above its threshold. */
static void match_levels(struct replay *r, struct task *t, const struct lutra_m_state *before,
			 uint64_t now, struct replay_step *ret)
{
	if (lutra_level_passed(r->image.threshold, before->level, ret->level))
		add_match(ret, LUTRA_RULE_LEVEL, LUTRA_KIND_KNOWN,
			  verdict_of(r, t, LUTRA_RULE_LEVEL, now));
	if (lutra_level_passed(r->image.novelty_threshold, before->novelty, ret->novelty))
		add_match(ret, LUTRA_RULE_NOVELTY, LUTRA_KIND_KNOWN,
			  verdict_of(r, t, LUTRA_RULE_NOVELTY, now));
}

static void step_call(struct replay *r, struct task *t, const struct lutra_record *rec,
		      struct replay_step *ret)
{
	const struct lutra_policy *p = &r->image;
	struct tasks_process *process = tasks_process(t);
	const struct lutra_m_state before = t->state.m;
	struct lutra_token_score score;
	uint8_t verdict;

	if (t->writer.is_session)
		written_syscall(&t->writer, rec);
	lutra_role_follow(&t->state, p, process->steady);
	ret->role = t->state.role;
	lutra_score_syscall(&t->state, p, rec->nr, is_audited(r, t) ? NULL : lutra_m_claim_counters,
			    &r->seen.m, &score);
	set_score(ret, t, &score);
	t->hookable = ret->token == LUTRA_UNK && lutra_is_hookable(p, rec->nr);
	if (ret->token == LUTRA_UNK) {
		unsigned rule = t->hookable ? LUTRA_RULE_NEW_HOOKABLE : LUTRA_RULE_NEW_SYSCALL;

		verdict = verdict_of(r, t, rule, rec->ts_ns);
		/* NEW_SYSCALL is reported if a weight counts, or each time if the verdict acts. */
		if (t->hookable || ret->weight[0] || verdict >= LUTRA_VERDICT_DENY)
			add_match(ret, rule, LUTRA_KIND_KNOWN, verdict);
	}
	match_levels(r, t, &before, rec->ts_ns, ret);
	process->steady |= (uint8_t)lutra_role_steady(&t->state, p, rec->nr);
}

/*
 * Marks the alert that was just added as repeated, or remembers it. Key 0: it is always reported.
 * tool: lutra_is_session_tool(). If another tool alerted before, this one is only logged.
 */
static void report_once(struct replay *r, uint64_t key, bool tool, uint64_t now,
			struct replay_step *s)
{
	struct replay_match *m = &s->match[s->n_matches - 1];
	struct lutra_reported *t = &r->seen.reported[lutra_reported_place(&r->seen, key)];

	if (!key || m->verdict != LUTRA_VERDICT_ALERT)
		return;
	m->repeated = t->key == key;
	t->key = key;
	t->last_ns = now;
	if (!m->repeated && tool && r->seen.session_tools)
		m->verdict = s->verdict = LUTRA_VERDICT_ALLOW;
	r->seen.session_tools |= tool;
}

/* Scores the key of an object by levels M and N, as a hook does after it has judged the object. */
static void step_key(struct replay *r, struct task *t, const struct lutra_record *rec, uint8_t key,
		     struct replay_step *ret)
{
	const struct lutra_m_state before = t->state.m;
	struct lutra_token_score score;

	/* Objects of io_uring workers have no place in the order of the task's system calls. */
	if (key == LUTRA_KEY_NONE || rec->nr == LUTRA_NR_NONE ||
	    !lutra_score_object(&t->state, &r->image, key,
				is_audited(r, t) ? NULL : lutra_m_claim_counters, &r->seen.m,
				&score))
		return;
	set_score(ret, t, &score);
	match_levels(r, t, &before, rec->ts_ns, ret);
}

static void step_object(struct replay *r, struct task *t, const struct lutra_record *rec,
			const char *str, size_t str_len, struct replay_step *ret)
{
	const struct lutra_judgement *j = &ret->judgement;
	const struct cached_judgement *what;
	struct lutra_record seen = *rec;

	seen.arg = written_object(r->written, &t->writer, rec, str, str_len);
	what = judgement_cache_get(
		&r->judged, &r->image, &seen, str, str_len,
		&(struct judgement_task){.role = t->state.role, .program = t->program});
	if (what->object.op == LUTRA_OP_EXEC)
		t->next_program = what->judgement.class.hit ? what->judgement.class.node : 0;
	ret->is_object = true;
	ret->role = t->state.role;
	ret->level = t->state.m.level;
	ret->novelty = t->state.m.novelty;
	ret->object = what->object;
	ret->judgement = what->judgement;
	/* The system call matched already. Work of an io_uring worker belongs to no system call. */
	if (ret->object.op == LUTRA_OP_HOOK && t->hookable && rec->nr != LUTRA_NR_NONE)
		return;
	if (j->kind != LUTRA_KIND_KNOWN) {
		unsigned match = task_match(r, t, lutra_object_match(&ret->object, j));

		add_match(ret, j->rule, j->kind, verdict_of(r, t, match, rec->ts_ns));
		report_once(r, what->reported_key, lutra_is_session_tool(&ret->object, match),
			    rec->ts_ns, ret);
	}
	step_key(r, t, rec, what->key, ret);
	if (r->mode == LUTRA_MODE_DENY && ret->verdict < LUTRA_VERDICT_DENY &&
	    rec->ts_ns < t->matches.alert_until_ns && lutra_is_in_alert_window(&ret->object))
		add_match(ret, t->matches.alert_rule, LUTRA_KIND_KNOWN, LUTRA_VERDICT_DENY);
}

/* Returns the node of the program that a task runs when it is armed; 0: not known. */
static uint16_t armed_program(const struct replay *r, const struct task *t, const char *str,
			      size_t str_len)
{
	struct lutra_class class = {};
	struct lutra_path path;
	char fold[LUTRA_NAME];

	if (!str || !str_len)
		return 0;
	path_text_parse(str, str_len, &path);
	lutra_classify_path(&r->image, &path, 0,
			    t->state.role == LUTRA_ROLE_SESSION ? LUTRA_CHILD_SESSION : 0, fold,
			    &class);
	return class.hit ? class.node : 0;
}

/* A task has executed the program that it was about to execute. */
static void task_run_next(struct replay *r, struct task *t)
{
	lutra_state_exec(&t->state, &r->image, tasks_process(t)->again);
	t->program = t->next_program;
	t->next_program = 0;
}

/* Applies a record to the tasks, and finds its task. Returns what tasks_step() returns. */
static int step_task(struct replay *r, const struct lutra_record *rec, const char *str,
		     size_t str_len, struct task **ret)
{
	struct task *child;
	void *entry;
	int e;

	r->last = NULL;
	e = tasks_step(&r->tasks, rec, &entry);
	if (e < 0)
		return e;
	tasks_step_object(&r->tasks, rec, str, str_len);
	child = rec->type == LUTRA_RECORD_FORK ? tasks_find(&r->tasks, (uint32_t)rec->arg) : NULL;
	if (child)
		child->hookable = false;
	if (child && !rec->nr)
		lutra_state_fork(&child->state);
	if (rec->type == LUTRA_RECORD_ARM) {
		struct task *t = entry;

		lutra_state_begin(&t->state, &r->image, rec->nr, rec->arg, rec->aux);
		t->writer.is_session = t->state.role == LUTRA_ROLE_SESSION;
		t->program = armed_program(r, t, str, str_len);
	}
	if (rec->type == LUTRA_RECORD_EXEC)
		task_run_next(r, entry);
	if (rec->type == LUTRA_RECORD_SYSCALL || rec->type == LUTRA_RECORD_OBJECT) {
		r->last = entry;
		r->last_tid = rec->tid;
	}
	*ret = entry;
	return 0;
}

int replay_next(struct replay *r, const struct lutra_record *rec, const char *str, size_t str_len,
		struct replay_step *ret)
{
	struct task *task = r->last;

	if (rec->type == LUTRA_RECORD_MARK || rec->type == LUTRA_RECORD_IPC ||
	    (rec->type == LUTRA_RECORD_SYSCALL && rec->nr == LUTRA_NR_RESTART))
		return 0;
	if (rec->type != LUTRA_RECORD_SYSCALL || rec->tid != r->last_tid || !task) {
		int e = step_task(r, rec, str, str_len, &task);

		if (e < 0 ||
		    (rec->type != LUTRA_RECORD_SYSCALL && rec->type != LUTRA_RECORD_OBJECT))
			return e;
	}
	memset(ret, 0, offsetof(struct replay_step, object));
	if (rec->type == LUTRA_RECORD_SYSCALL)
		step_call(r, task, rec, ret);
	else
		step_object(r, task, rec, str, str_len, ret);
	return 1;
}
