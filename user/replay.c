/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded run through the scorer. */
#include "user/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/path.h"

#define BUCKETS 8192

struct task {
	struct task *next;
	uint32_t tid;
	struct lutra_state state;
	struct lutra_signals signals;
};

struct replay {
	struct lutra_policy *image;
	struct lutra_seen *seen;
	unsigned mode;
	uint32_t n_tasks;
	struct task *bucket[BUCKETS];
};

void replay_reset(struct replay *r)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (r->bucket[i]) {
			struct task *t = r->bucket[i];

			r->bucket[i] = t->next;
			free(t);
		}
	}
	r->n_tasks = 0;
	memset(r->seen, 0, sizeof(*r->seen));
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	if (r->seen)
		replay_reset(r);
	free(r->image);
	free(r->seen);
	free(r);
}

int replay_new(struct replay **ret, const struct policy *policy, unsigned mode, struct err *err)
{
	_cleanup_(replay_freep) struct replay *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return err_set(err, -ENOMEM, "out of memory");
	r->mode = mode;
	r->image = calloc(1, sizeof(*r->image));
	r->seen = calloc(1, sizeof(*r->seen));
	if (!r->image || !r->seen)
		return err_set(err, -ENOMEM, "out of memory");
	e = policy_image(policy, 1, r->image, err);
	if (e < 0)
		return e;
	*ret = TAKE_PTR(r);
	return 0;
}

/* ---- tasks ---- */

static struct task **task_at(struct replay *r, uint32_t tid)
{
	struct task **t = &r->bucket[tid * 2654435761u >> 19];

	while (*t && (*t)->tid != tid)
		t = &(*t)->next;
	return t;
}

/* The task's entry, made if there is none, in the state of one never seen. */
static int task_get(struct replay *r, uint32_t tid, struct task **ret)
{
	struct task **at = task_at(r, tid);

	if (!*at) {
		if (r->n_tasks >= REPLAY_TASKS_MAX)
			return -ENOSPC;
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return -ENOMEM;
		r->n_tasks++;
		(*at)->tid = tid;
		lutra_state_init(&(*at)->state, r->image);
	}
	*ret = *at;
	return 0;
}

/* Take a task's entry out, NULL where there is none. */
static struct task *task_take(struct replay *r, uint32_t tid)
{
	struct task **at = task_at(r, tid), *t = *at;

	if (!t)
		return NULL;
	*at = t->next;
	t->next = NULL;
	r->n_tasks--;
	return t;
}

static int task_fork(struct replay *r, const struct lutra_record *rec)
{
	struct task *parent, *child;
	uint32_t tid = (uint32_t)rec->arg;
	struct task *next;
	int e;

	e = task_get(r, rec->tid, &parent);
	if (e == 0)
		e = task_get(r, tid, &child);
	if (e < 0 || parent == child)
		return e;
	next = child->next;
	*child = *parent;
	child->next = next;
	child->tid = tid;
	return 0;
}

/* A thread that executes a program takes its leader's tid, and keeps its state. */
static int task_exec(struct replay *r, const struct lutra_record *rec)
{
	uint32_t old = (uint32_t)rec->arg;
	struct task *t, *moved = old == rec->tid ? NULL : task_take(r, old);
	int e;

	if (moved) {
		free(task_take(r, rec->tid));
		moved->tid = rec->tid;
		*task_at(r, rec->tid) = moved;
		r->n_tasks++;
	}
	e = task_get(r, rec->tid, &t);
	if (e == 0)
		lutra_state_exec(&t->state);
	return e;
}

/* ---- events ---- */

static uint8_t verdict_of(const struct replay *r, struct task *t, unsigned group, uint64_t now)
{
	return (uint8_t)lutra_verdict(&t->signals, r->image, group, r->mode, now);
}

static void add_signal(struct replay_step *s, unsigned group, unsigned kind, uint8_t verdict)
{
	if (s->n_signals < REPLAY_SIGNALS)
		s->signal[s->n_signals++] = (struct replay_signal){
			.group = (uint8_t)group, .kind = (uint8_t)kind, .verdict = verdict};
	if (verdict > s->verdict)
		s->verdict = verdict;
}

static void step_call(struct replay *r, struct task *t, const struct lutra_record *rec,
		      struct replay_step *ret)
{
	const struct lutra_policy *p = r->image;
	int32_t a = t->state.a, b = t->state.b;
	struct lutra_pairs x;
	uint8_t verdict;

	ret->role = t->state.role;
	ret->token = lutra_token(p, t->state.role, rec->nr);
	lutra_pairs(&t->state, p, ret->token, &x);
	if (!lutra_pairs_known(&x))
		lutra_claim(r->seen, &x, ret->weight);
	lutra_level(&t->state, &x, ret->weight, ret->token);
	ret->a = t->state.a;
	ret->b = t->state.b;
	if (ret->token == LUTRA_UNK) {
		unsigned group = lutra_is_th(p, rec->nr) ? LUTRA_G_TH : LUTRA_G_T;

		verdict = verdict_of(r, t, group, rec->ts_ns);
		/* Said once a container, unless something is done about it. */
		if (ret->weight[0] || verdict >= LUTRA_VERDICT_DENY)
			add_signal(ret, group, LUTRA_KIND_KNOWN, verdict);
	}
	if (a <= p->th_a && ret->a > p->th_a)
		add_signal(ret, LUTRA_G_A, LUTRA_KIND_KNOWN,
			   verdict_of(r, t, LUTRA_G_A, rec->ts_ns));
	if (b <= p->th_b && ret->b > p->th_b)
		add_signal(ret, LUTRA_G_B, LUTRA_KIND_KNOWN,
			   verdict_of(r, t, LUTRA_G_B, rec->ts_ns));
	lutra_steady(&t->state, p, rec->nr);
}

static void step_object(struct replay *r, struct task *t, const struct lutra_record *rec,
			const char *str, size_t str_len, struct replay_step *ret)
{
	struct lutra_path path = {};
	char fold[LUTRA_NAME];
	struct lutra_judgement *j = &ret->judgement;

	ret->is_object = true;
	ret->role = t->state.role;
	ret->a = t->state.a;
	ret->b = t->state.b;
	lutra_object_unpack(rec, &ret->object);
	if (ret->object.flags & LUTRA_OBJ_PATH)
		path_parse(str ? str : "", str ? str_len : 0, &path);
	lutra_judge(r->image, &ret->object, &path, t->state.role, fold, j);
	if (j->kind != LUTRA_KIND_KNOWN)
		add_signal(ret, j->group, j->kind, verdict_of(r, t, j->group, rec->ts_ns));
	if (r->mode == LUTRA_MODE_DENY && ret->verdict < LUTRA_VERDICT_DENY &&
	    rec->ts_ns < t->signals.alert_until_ns && lutra_windowed(&ret->object))
		add_signal(ret, t->signals.alert_group, LUTRA_KIND_KNOWN, LUTRA_VERDICT_DENY);
}

int replay_next(struct replay *r, const struct lutra_record *rec, const char *str, size_t str_len,
		struct replay_step *ret)
{
	struct task *t;
	int e;

	if (rec->type == LUTRA_REC_FORK)
		return task_fork(r, rec);
	if (rec->type == LUTRA_REC_ARM || rec->type == LUTRA_REC_EXIT)
		free(task_take(r, rec->tid));
	if (rec->type != LUTRA_REC_CALL && rec->type != LUTRA_REC_OBJECT &&
	    rec->type != LUTRA_REC_EXEC)
		return 0;
	if (rec->type == LUTRA_REC_CALL && rec->nr == LUTRA_NR_RESTART)
		return 0;
	if (rec->type == LUTRA_REC_EXEC)
		return task_exec(r, rec);
	e = task_get(r, rec->tid, &t);
	if (e < 0)
		return e;
	memset(ret, 0, sizeof(*ret));
	if (rec->type == LUTRA_REC_CALL)
		step_call(r, t, rec, ret);
	else
		step_object(r, t, rec, str, str_len, ret);
	return 1;
}
