/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a run for calibration. It keeps the matches of the rules, the highest levels, and the new
 * names that the run met. Each replay runs on one thread.
 */
#include "trainer/rules/calibration/replayed_run.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/rules/objects.h"
#include "trainer/rules/calibration/varying.h"

/* In judged, which has a match of each object and role: LUTRA_MATCH_* and these. */
#define NOT_JUDGED 0xffff
#define NEW_NAME 0x8000

/* One replay under way. */
struct replay_context {
	const struct replay_source *src;
	struct lutra_seen *seen;
	uint16_t *judged; /* (objects, LUTRA_ROLES) */
	struct replayed_run *ret;
};

void replayed_run_done(struct replayed_run *x)
{
	episodes_done(&x->matches);
	free(x->peaks);
	free(x->new_names);
}

/* Records the levels after a system call in the peak of its millisecond. */
static int add_peak(struct replayed_run *x, uint32_t ms, int32_t a, int32_t b)
{
	struct peak *p;

	if (a <= 0 && b <= 0)
		return 0;
	x->max_a = a > x->max_a ? a : x->max_a;
	x->max_b = b > x->max_b ? b : x->max_b;
	if (x->n_peaks == 0 || x->peaks[x->n_peaks - 1].ms != ms) {
		if (ARRAY_RESERVE(x->peaks, x->peaks_size, x->n_peaks + 1) < 0)
			return -ENOMEM;
		x->peaks[x->n_peaks++] = (struct peak){.ms = ms};
	}
	p = &x->peaks[x->n_peaks - 1];
	p->a = a > p->a ? a : p->a;
	p->b = b > p->b ? b : p->b;
	return 0;
}

static int score_syscall_event(struct replay_context *s, const struct run_event *e)
{
	const struct lutra_policy *p = s->src->policy;
	struct lutra_syscall_score score;

	lutra_score_syscall(e->state, p, e->nr, lutra_claim_seen, s->seen, &score);
	if (score.token == LUTRA_UNK) {
		struct match m = {.ms = e->ms,
				  .what = lutra_is_hookable(p, e->nr) ? LUTRA_RULE_NEW_HOOKABLE
								      : LUTRA_RULE_NEW_SYSCALL,
				  .object = EPISODES_NO_OBJECT};

		if (episodes_add(&s->ret->matches, &m) < 0)
			return -ENOMEM;
	}
	return add_peak(s->ret, e->ms, e->state->level_a, e->state->level_b);
}

/* Judges an object that the run saw in a role, once. *ret: what judged says. */
static int judge_seen(struct replay_context *s, uint32_t object, uint8_t role, uint16_t *ret)
{
	uint16_t *what = &s->judged[object * LUTRA_ROLES + role];
	struct replayed_run *run = s->ret;
	struct lutra_judgement j;
	struct run_object o;

	*ret = *what;
	if (*what != NOT_JUDGED)
		return 0;
	run_names_object(&s->src->corpus->names, object, &o);
	objects_judge(s->src->corpus, object, role, s->src->policy, &j);
	*what = (uint16_t)lutra_object_match(&o.object, &j);
	if (role != LUTRA_ROLE_SESSION && varying_is_new_name(&o.object, &j)) {
		*what |= NEW_NAME;
		if (ARRAY_RESERVE(run->new_names, run->new_names_size, run->n_new_names + 1) < 0)
			return -ENOMEM;
		run->new_names[run->n_new_names++] = (struct replayed_name){object, role};
	}
	*ret = *what;
	return 0;
}

static int score_object_event(struct replay_context *s, const struct run_event *e)
{
	struct match m = {.ms = e->ms, .object = EPISODES_NO_OBJECT};
	int r = judge_seen(s, e->object, e->state->role, &m.what);

	if (r < 0 || (m.what & LUTRA_MATCH_RULE) == LUTRA_RULE_NONE)
		return r;
	if (m.what & NEW_NAME) {
		m.object = e->object;
		m.role = e->state->role;
	}
	m.what &= (uint16_t)~NEW_NAME;
	return episodes_add(&s->ret->matches, &m);
}

int replayed_run_stream(const struct replay_source *src, const struct run *run,
			struct replayed_run *ret)
{
	size_t n_judged = (size_t)intern_count(src->corpus->names.objects) * LUTRA_ROLES + 1;
	_cleanup_free_ struct lutra_seen *seen = calloc(1, sizeof(*seen));
	_cleanup_free_ uint16_t *judged = calloc(n_judged, sizeof(*judged));
	_cleanup_(run_iter_done) struct run_iter replay = {0};
	struct replay_context s = {src, seen, judged, ret};
	struct run_event e;
	int r = 0;

	if (!seen || !judged || run_iter_init(&replay, run, src->policy) < 0)
		return -ENOMEM;
	memset(judged, 0xff, n_judged * sizeof(*judged));
	while (r == 0 && run_iter_next(&replay, &e)) {
		if (src->audit_sessions && e.state->role == LUTRA_ROLE_SESSION)
			continue;
		r = e.is_syscall ? score_syscall_event(&s, &e) : score_object_event(&s, &e);
	}
	return r;
}

int replayed_run_counts(const struct replay_source *src, const struct run_counts *counts,
			struct replayed_run *ret)
{
	uint32_t n = intern_count(src->corpus->names.objects);
	_cleanup_free_ uint16_t *judged = calloc((size_t)n * LUTRA_ROLES + 1, sizeof(*judged));
	struct replay_context s = {src, NULL, judged, ret};
	uint16_t what;
	int r = judged ? 0 : -ENOMEM;

	if (judged)
		memset(judged, 0xff, (size_t)n * LUTRA_ROLES * sizeof(*judged));
	for (uint32_t i = 0; r == 0 && i < n; i++)
		for (uint8_t role = 0; r == 0 && role < LUTRA_ROLE_SESSION; role++)
			if (counts->object_roles[i] >> role & 1)
				r = judge_seen(&s, i, role, &what);
	return r;
}
