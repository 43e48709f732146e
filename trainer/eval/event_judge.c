/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the policy's rules and the baselines side by side. */
#include "trainer/eval/event_judge.h"

#include <stdlib.h>
#include <string.h>

#include "lib/replay/tasks.h"

#define BIT(detector) (1u << (detector))

static void fire_detector(struct event_result *e, unsigned detector)
{
	e->fired |= BIT(detector);
	if (detector < DETECTOR_COUNT && e->score[detector] < 1)
		e->score[detector] = 1;
}

/* Returns the match of a rule, with the bit of an audited exec session. */
static unsigned match_of(const struct event_judge *j, const struct event_result *e, unsigned match)
{
	bool audited = e->step.role == LUTRA_ROLE_SESSION && j->detectors->policy->audit_sessions;

	return audited ? match | LUTRA_MATCH_SESSION : match;
}

/*
 * A rule of the policy fired: fires the sets that its action belongs to. match: the rule, or-ed
 * with LUTRA_MATCH_*.
 */
static void fire_sets(const struct event_judge *j, struct event_result *e, unsigned match)
{
	uint32_t action = lutra_match_action(j->detectors->image, match_of(j, e, match));

	if (action >= LUTRA_ACTION_DENY)
		fire_detector(e, DETECTOR_DENY);
	if (action >= LUTRA_ACTION_ALERT)
		fire_detector(e, DETECTOR_ALERT);
}

/* A rule matched: fires the detector if the kill rule's verdict is to kill. */
static void fire_kill(const struct event_judge *j, struct eval_task *t, struct event_result *e,
		      unsigned match)
{
	if (lutra_decide_verdict(&t->matches, j->detectors->image, match_of(j, e, match),
				 LUTRA_MODE_KILL, e->rec->ts_ns) == LUTRA_VERDICT_KILL)
		fire_detector(e, DETECTOR_KILL);
}

/* A level alarms as long as it is above its threshold. */
static void fire_level(const struct event_judge *j, struct event_result *e, unsigned detector,
		       unsigned rule)
{
	e->fired |= BIT(detector);
	if (j->detectors->image->action[rule] >= LUTRA_ACTION_ALERT)
		fire_detector(e, DETECTOR_LEVELS);
	fire_sets(j, e, rule);
}

/* Judges the levels. Without a level the threshold is LUTRA_THRESHOLD_OFF, which none reaches. */
static void judge_levels(const struct event_judge *j, struct eval_task *t, struct event_result *e)
{
	const struct lutra_policy *image = j->detectors->image;
	const struct replay_step *step = &e->step;

	e->score[DETECTOR_M] = (float)step->level;
	e->score[DETECTOR_N] = (float)step->novelty;
	if (step->level > image->threshold)
		fire_level(j, e, DETECTOR_M, LUTRA_RULE_LEVEL);
	if (step->novelty > image->novelty_threshold)
		fire_level(j, e, DETECTOR_N, LUTRA_RULE_NOVELTY);
	/* A level matches when it passes its threshold. */
	for (unsigned i = 0; i < step->n_matches; i++)
		if (lutra_is_level_rule(step->match[i].rule))
			fire_kill(j, t, e, step->match[i].rule);
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

static void judge_reconstruction(const struct reconstruction *r, struct eval_task *t,
				 struct event_result *e)
{
	if (reconstruction_step(r, &t->reconstruction, e->rec->nr))
		e->fired |= BIT(DETECTOR_RECONSTRUCTION);
	e->score[DETECTOR_RECONSTRUCTION] = (float)t->reconstruction.level;
}

static void judge_syscall(const struct event_judge *j, struct eval_task *t, struct event_result *e)
{
	const struct lutra_policy *image = j->detectors->image;
	const struct replay_step *step = &e->step;

	if (step->token == LUTRA_UNK) {
		unsigned rule = lutra_is_hookable(image, e->rec->nr) ? LUTRA_RULE_NEW_HOOKABLE
								     : LUTRA_RULE_NEW_SYSCALL;

		fire_detector(e, DETECTOR_T);
		if (rule == LUTRA_RULE_NEW_HOOKABLE)
			fire_detector(e, DETECTOR_TH);
		fire_sets(j, e, rule);
		fire_kill(j, t, e, rule);
	}
	judge_levels(j, t, e);
	if (j->detectors->baselines)
		judge_baselines(j, t, e);
	if (j->detectors->reconstruction)
		judge_reconstruction(j->detectors->reconstruction, t, e);
}

/*
 * Returns true if the event's match is neither an alert that was reported before nor only logged.
 */
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
	fire_kill(j, t, e, match);
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
	/* Work of an io_uring worker is in no sequence of its task. */
	if (step->is_object && e->rec->nr == LUTRA_NR_NONE)
		return 0;
	token = step->is_object
			? token_panel_object(p, step->role, &step->object, e->str, e->str_len)
			: tokens_syscall(&p->corpus.tokens, step->role, e->rec->nr);
	if (token == LUTRA_PAD)
		return 0;
	r = token_panel_step(p, j->panel_seen, &t->panel, token, level);
	for (unsigned i = 0; i < DETECTOR_PANEL; i++) {
		e->score[DETECTOR_TOKENS + i] = level[i];
		if (level[i] > M_THRESHOLD_MARGIN)
			e->fired |= BIT(DETECTOR_TOKENS + i);
	}
	return r;
}

int event_judge_record(struct event_judge *j, struct eval_task *t, struct event_result *ret)
{
	int r = replay_next(j->replay, ret->rec, ret->str, ret->str_len, &ret->step);

	ret->fired = 0;
	memset(ret->score, 0, sizeof(ret->score));
	if (r <= 0)
		return r;
	if (ret->step.is_object) {
		judge_object(j, t, ret);
		judge_levels(j, t, ret);
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
	if (j->detectors->reconstruction)
		reconstruction_init_task(j->detectors->reconstruction, &t->reconstruction);
}

int event_judge_init(struct event_judge *j, const struct detectors *detectors, struct err *err)
{
	int r;

	*j = (struct event_judge){.detectors = detectors};
	r = replay_new(&j->replay, detectors->policy, LUTRA_MODE_DENY, err);
	if (r < 0)
		return r;
	if (detectors->panel && token_panel_seen_new(&j->panel_seen) < 0)
		return err_oom(err);
	return 0;
}

void event_judge_done(struct event_judge *j)
{
	replay_free(j->replay);
	token_panel_seen_free(j->panel_seen);
	memset(j, 0, sizeof(*j));
}
