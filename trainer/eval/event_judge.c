/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the policy's rules, the baselines and the float levels side by side. */
#include "trainer/eval/event_judge.h"

#include <stdlib.h>
#include <string.h>

#include "lib/replay/tasks.h"

#define BIT(detector) (1u << (detector))

static void fire_detector(struct event_result *e, unsigned detector)
{
	e->fired |= BIT(detector);
	if (detector < DETECTOR_NAMED && e->score[detector] < 1)
		e->score[detector] = 1;
}

/* Returns the match of a rule, with the bit of an audited exec session. */
static unsigned match_of(const struct event_judge *j, const struct event_result *e, unsigned match)
{
	bool audited = e->step.role == LUTRA_ROLE_SESSION && j->detectors->policy->audit_sessions;

	return audited ? match | LUTRA_MATCH_SESSION : match;
}

/*
 * A rule of the policy fired: fires the sets that its action belongs to. match: the rule, or-ed with
 * LUTRA_MATCH_*.
 */
static void fire_sets(const struct event_judge *j, struct event_result *e, unsigned match)
{
	uint32_t action = lutra_match_action(j->detectors->image, match_of(j, e, match));

	if (action >= LUTRA_ACTION_DENY)
		fire_detector(e, DETECTOR_DENY);
	if (action >= LUTRA_ACTION_ALERT)
		fire_detector(e, DETECTOR_ALERT);
	if (action >= LUTRA_ACTION_ALERT && match != LUTRA_RULE_LEVEL_A)
		fire_detector(e, DETECTOR_FLOAT_ALERT);
}

/* A rule fired: fires the detector if the kill rule's verdict is to kill. */
static void fire_kill(const struct event_judge *j, struct lutra_matches *matches,
		      struct event_result *e, unsigned match, unsigned detector)
{
	if (lutra_decide_verdict(matches, j->detectors->image, match_of(j, e, match),
				 LUTRA_MODE_KILL, e->rec->ts_ns) == LUTRA_VERDICT_KILL)
		fire_detector(e, detector);
}

/* A rule other than A fired: it counts for the kill rule with A and for that with float A. */
static void fire_kills(const struct event_judge *j, struct eval_task *t, struct event_result *e,
		       unsigned match)
{
	fire_kill(j, &t->matches, e, match, DETECTOR_KILL);
	fire_kill(j, &t->float_matches, e, match, DETECTOR_FLOAT_KILL);
}

static void judge_float_levels(const struct event_judge *j, struct eval_task *t,
			       struct event_result *e)
{
	const struct detectors *d = j->detectors;
	bool before = float_levels_is_alarm(d->gated, &t->gated);

	float_levels_score(d->mean, &t->mean, NULL, NULL, e->rec->nr);
	e->score[DETECTOR_RECONSTRUCTION] = (float)t->mean.level;
	if (float_levels_is_alarm(d->mean, &t->mean))
		e->fired |= BIT(DETECTOR_RECONSTRUCTION);
	float_levels_score(d->gated, &t->gated, &tasks_process(t)->steady, j->seen, e->rec->nr);
	if (!float_levels_is_alarm(d->gated, &t->gated))
		return;
	fire_detector(e, DETECTOR_FLOAT_A);
	if (d->policy->action[LUTRA_RULE_LEVEL_A] >= LUTRA_ACTION_ALERT)
		fire_detector(e, DETECTOR_FLOAT_ALERT);
	if (!before)
		fire_kill(j, &t->float_matches, e, LUTRA_RULE_LEVEL_A, DETECTOR_FLOAT_KILL);
}

static void judge_baselines(const struct event_judge *j, struct eval_task *t,
			    struct event_result *e)
{
	const struct baselines *b = j->detectors->baselines;
	struct baseline_levels levels;

	baselines_score(b, &t->history, e->rec->nr, &levels);
	for (unsigned i = DETECTOR_NOVEL_CALL; i <= DETECTOR_WITTEN_BELL5; i++) {
		e->score[i] = (float)levels.level[i];
		if (levels.level[i] > b->threshold[i])
			e->fired |= BIT(i);
	}
}

static void judge_syscall(const struct event_judge *j, struct eval_task *t, struct event_result *e)
{
	const struct lutra_policy *image = j->detectors->image;
	const struct replay_step *step = &e->step;

	e->score[DETECTOR_A] = (float)step->a;
	e->score[DETECTOR_B] = (float)step->b;
	if (step->token == LUTRA_UNK) {
		unsigned rule = lutra_is_hookable(image, e->rec->nr) ? LUTRA_RULE_NEW_HOOKABLE
								     : LUTRA_RULE_NEW_SYSCALL;

		fire_detector(e, DETECTOR_T);
		if (rule == LUTRA_RULE_NEW_HOOKABLE)
			fire_detector(e, DETECTOR_TH);
		fire_sets(j, e, rule);
		fire_kills(j, t, e, rule);
	}
	if (step->a > image->threshold_a) {
		e->fired |= BIT(DETECTOR_A);
		fire_sets(j, e, LUTRA_RULE_LEVEL_A);
	}
	if (step->b > image->threshold_b) {
		e->fired |= BIT(DETECTOR_B);
		fire_sets(j, e, LUTRA_RULE_LEVEL_B);
	}
	for (unsigned i = 0; i < step->n_matches; i++) {
		if (step->match[i].rule == LUTRA_RULE_LEVEL_A)
			fire_kill(j, &t->matches, e, LUTRA_RULE_LEVEL_A, DETECTOR_KILL);
		else if (step->match[i].rule == LUTRA_RULE_LEVEL_B)
			fire_kills(j, t, e, LUTRA_RULE_LEVEL_B);
	}
	if (j->detectors->gated)
		judge_float_levels(j, t, e);
	if (j->detectors->baselines)
		judge_baselines(j, t, e);
}

/* Returns true if the event's match is neither an alert that was reported before nor only logged. */
static bool step_is_reported(const struct replay_step *step)
{
	const struct replay_match *m = &step->match[0];

	return !step->n_matches || (!m->repeated && m->verdict > LUTRA_VERDICT_ALLOW);
}

/* What is not reported fires no set. It is still a match. */
static void judge_object(const struct event_judge *j, struct eval_task *t, struct event_result *e)
{
	unsigned match = lutra_object_match(&e->step.object, &e->step.judgement);

	if (e->step.judgement.kind == LUTRA_KIND_KNOWN)
		return;
	fire_detector(e, DETECTOR_OBJECTS);
	if (step_is_reported(&e->step))
		fire_sets(j, e, match);
	fire_kills(j, t, e, match);
}

/* Judges the event by the policy with random codes, by A and B alone. */
static int judge_random_codes(struct event_judge *j, struct event_result *e)
{
	const struct policy *p = j->detectors->random;
	struct replay_step step;
	int r = replay_next(j->random, e->rec, e->str, e->str_len, &step);

	if (r <= 0 || step.is_object)
		return r;
	e->score[DETECTOR_RANDOM_CODES] = (float)step.a;
	if (step.a > p->threshold_a || step.b > p->threshold_b)
		e->fired |= BIT(DETECTOR_RANDOM_CODES);
	return r;
}

/* Judges the event's token, if it has one, by level M and its rivals. */
static int judge_token(const struct event_judge *j, struct eval_task *t, struct event_result *e)
{
	const struct token_panel *p = j->detectors->panel;
	const struct replay_step *step = &e->step;
	float level[DETECTOR_PANEL];
	uint8_t token;
	int r;

	if (step->role == LUTRA_ROLE_SESSION && j->detectors->policy->audit_sessions)
		return 0;
	token = step->is_object
			? token_panel_object(p, step->role, &step->object, e->str, e->str_len)
			: tokens_syscall(&p->corpus.tokens, step->role, e->rec->nr);
	if (token == LUTRA_PAD)
		return 0;
	r = token_panel_step(p, j->panel_seen, &t->panel, token, level);
	for (unsigned i = 0; i < DETECTOR_PANEL; i++) {
		e->score[DETECTOR_M + i] = level[i];
		if (level[i] > M_LEVEL_MARGIN)
			e->fired |= BIT(DETECTOR_M + i);
	}
	return r;
}

int event_judge_record(struct event_judge *j, struct eval_task *t, struct event_result *ret)
{
	int r = replay_next(j->replay, ret->rec, ret->str, ret->str_len, &ret->step);

	ret->fired = 0;
	memset(ret->score, 0, sizeof(ret->score));
	if (r >= 0 && j->random)
		r = judge_random_codes(j, ret);
	if (r <= 0)
		return r;
	if (ret->step.is_object) {
		judge_object(j, t, ret);
	} else {
		t->nr = ret->rec->nr;
		t->syscall_ns = ret->rec->ts_ns;
		judge_syscall(j, t, ret);
	}
	if (j->detectors->panel)
		r = judge_token(j, t, ret);
	return r < 0 ? r : 1;
}

void event_judge_init_task(const struct event_judge *j, struct eval_task *t)
{
	t->id = UINT32_MAX;
	if (j->detectors->panel)
		token_panel_init_task(j->detectors->panel, &t->panel);
	if (!j->detectors->gated)
		return;
	float_levels_init(j->detectors->gated, &t->gated);
	float_levels_init(j->detectors->mean, &t->mean);
}

int event_judge_init(struct event_judge *j, const struct detectors *detectors, struct err *err)
{
	int r;

	*j = (struct event_judge){.detectors = detectors};
	r = replay_new(&j->replay, detectors->policy, LUTRA_MODE_DENY, err);
	if (r == 0 && detectors->random)
		r = replay_new(&j->random, detectors->random, LUTRA_MODE_AUDIT, err);
	if (r < 0)
		return r;
	j->seen = calloc(1, sizeof(*j->seen));
	if (!j->seen || (detectors->panel && token_panel_seen_new(&j->panel_seen) < 0))
		return err_oom(err);
	return 0;
}

void event_judge_done(struct event_judge *j)
{
	replay_free(j->replay);
	replay_free(j->random);
	free(j->seen);
	token_panel_seen_free(j->panel_seen);
	memset(j, 0, sizeof(*j));
}
