/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a run for calibration. It keeps the matches of the rules, the highest level, and the new
 * names that the run met. Each replay runs on one thread.
 */
#include "trainer/rules/calibration/replayed_run.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/rules/objects.h"
#include "trainer/rules/calibration/varying.h"

/* Values of replay_context.judged besides matches. */
#define NOT_JUDGED 0xffff
#define NEW_NAME 0x8000 /* or-ed with the match: varying_is_new_name() is true */

/* One replay. */
struct replay_context {
	const struct replay_source *src;
	struct lutra_m_counters *counters;
	uint16_t *judged; /* (objects, LUTRA_ROLES): lutra_object_match(), or NOT_JUDGED */
	struct replayed_run *ret;
};

/* A run that is replayed by its histories. */
struct replayed_histories {
	const struct m_corpus *level;
	const struct lutra_m_tables *tables;
	struct lutra_m_counters *counters;
};

void replayed_run_done(struct replayed_run *x)
{
	episodes_done(&x->matches);
	for (unsigned i = 0; i < REPLAYED_LEVELS; i++)
		free(x->level[i].list);
	free(x->new_names);
}

/* Records the level after an event in the peak of its millisecond. */
static int add_peak(struct level_peaks *x, uint32_t ms, int32_t level)
{
	struct peak *p;

	if (level <= 0)
		return 0;
	x->highest = level > x->highest ? level : x->highest;
	if (x->n == 0 || x->list[x->n - 1].ms != ms) {
		if (ARRAY_RESERVE(x->list, x->size, x->n + 1) < 0)
			return -ENOMEM;
		x->list[x->n++] = (struct peak){.ms = ms};
	}
	p = &x->list[x->n - 1];
	p->level = level > p->level ? level : p->level;
	return 0;
}

/*
 * Scores an event by the levels. The token of its object comes from the corpus, without a key
 * search.
 */
static int step_levels(struct replay_context *s, const struct run_event *e)
{
	uint8_t token = m_level_token(s->src->tokens, e, s->src->without);
	struct lutra_m_score score;
	int r;

	if (token == LUTRA_PAD || !lutra_m_step(&e->state->m, &s->src->policy->m, token,
						lutra_m_claim_counters, s->counters, &score))
		return 0;
	r = add_peak(&s->ret->level[REPLAYED_M], e->ms, e->state->m.level);
	return r < 0 ? r : add_peak(&s->ret->level[REPLAYED_N], e->ms, e->state->m.novelty);
}

static int score_syscall_event(struct replay_context *s, const struct run_event *e)
{
	const struct lutra_policy *p = s->src->policy;

	if (lutra_syscall_token(p, e->state->role, e->nr) == LUTRA_UNK) {
		struct match m = {.ms = e->ms,
				  .what = lutra_is_hookable(p, e->nr) ? LUTRA_RULE_NEW_HOOKABLE
								      : LUTRA_RULE_NEW_SYSCALL,
				  .object = EPISODES_NO_OBJECT};

		if (episodes_add(&s->ret->matches, &m) < 0)
			return -ENOMEM;
	}
	return step_levels(s, e);
}

/* Judges an object that the run used in a role, once. *ret: its value in judged. */
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

	if (r == 0)
		r = step_levels(s, e);
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
	_cleanup_free_ struct lutra_m_counters *counters = calloc(1, sizeof(*counters));
	_cleanup_free_ uint16_t *judged = calloc(n_judged, sizeof(*judged));
	_cleanup_(run_iter_done) struct run_iter replay = {0};
	struct replay_context s = {src, counters, judged, ret};
	struct run_event e;
	int r = 0;

	if (!counters || !judged || run_iter_init(&replay, run, src->policy) < 0)
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

/* Scores the last token of a history, after the seven tokens before it. */
static void score_history(const struct replayed_histories *s, uint64_t history, size_t run,
			  struct lutra_m_score *ret)
{
	struct lutra_m_state state;

	memset(ret, 0, sizeof(*ret));
	lutra_m_init(&state, s->tables);
	for (int i = 7; i >= 0; i--) {
		uint8_t token = (uint8_t)(history >> 8 * i);

		if (token == LUTRA_PAD)
			continue;
		if (s->level->tokens.run[token] == run)
			token = LUTRA_UNK;
		lutra_m_step(&state, s->tables, token, i ? NULL : lutra_m_claim_counters,
			     s->counters, ret);
	}
}

static void raise_highest(struct level_peaks *x, int32_t level)
{
	x->highest = level > x->highest ? level : x->highest;
}

int replayed_run_histories(const struct m_corpus *level, size_t run,
			   const struct lutra_m_tables *tables, struct replayed_run *ret)
{
	_cleanup_free_ struct lutra_m_counters *counters = calloc(1, sizeof(*counters));
	const struct replayed_histories s = {level, tables, counters};
	const struct run_histories *of = &level->histories.runs[run];
	static const struct lutra_m_score nothing;
	struct lutra_m_state sum;

	if (!counters)
		return -ENOMEM;
	lutra_m_init(&sum, tables);
	for (size_t i = 0; i < of->n; i++) {
		const struct history_count *h = &of->list[i];
		uint32_t times = h->n < tables->counts ? h->n : tables->counts;
		struct lutra_m_score score;

		for (uint32_t k = 0; k < h->gap && (sum.level > 0 || sum.novelty > 0); k++)
			lutra_m_move(&sum, tables, &nothing, LUTRA_PAD);
		for (uint32_t k = 0; k < times; k++) {
			int32_t novelty = sum.novelty;

			score_history(&s, level->histories.map.number[h->history], run, &score);
			lutra_m_move(&sum, tables, &score, LUTRA_PAD);
			if (k >= tables->novelty_counts)
				sum.novelty = novelty;
			raise_highest(&ret->level[REPLAYED_M], sum.level);
			raise_highest(&ret->level[REPLAYED_N], sum.novelty);
		}
	}
	return 0;
}
