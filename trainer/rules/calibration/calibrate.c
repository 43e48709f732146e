/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays the training runs for calibration.
 *
 * Run r of n is scored by a policy made of the counts, path tree and tokens of the other n - 1
 * runs. The codes stay as they are. The threshold for run r comes from the replays of the other
 * runs, so run r has no part in the count of its own alarms. Events of audited exec sessions do not
 * count in the replays: an operator's session must not move a rule of the service. Runs are
 * replayed on all threads. The replay of one run is one piece of work.
 *
 * Runs of an old policy have no stream of events. The old thresholds stand for their replays. If an
 * old threshold says nothing, the histories of the old runs are replayed instead.
 */
#include "trainer/rules/calibration/calibrate_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscall_traits.h"
#include "trainer/model/compute/num.h"
#include "trainer/model/compute/pool.h"
#include "trainer/rules/calibration/calibration.h"
#include "trainer/rules/objects.h"

/*
 * Makes the policy of all runs except one, and its kernel form. If this run is one of the old
 * policy, only its objects are left out: the model has one sum of the system calls of all old runs.
 */
static int learn_others(const struct calibrate_job *j, size_t run, struct policy *p,
			struct lutra_policy *ret_image, struct err *err)
{
	const struct model *m = j->src->model;
	struct objects_source objects = {m->corpus, m->counts, run, j->src->old, j->src->known};
	int r = model_policy(m, run < m->corpus->n_old ? MODEL_NO_RUN : run, p);

	if (r < 0)
		return err_oom(err);
	syscall_hookable_mask(m->corpus->arch, p->ops, p->hookable);
	r = objects_learn(&objects, p, ret_image, err);
	return r < 0 ? r : policy_to_kernel(p, 1, ret_image, err);
}

/* Replays the histories of an old run by tables of the other runs. */
static int replay_histories(const struct model *m, size_t run, struct replayed_run *ret)
{
	_cleanup_free_ struct lutra_m_tables *tables = calloc(1, sizeof(*tables));
	int r = tables ? model_tables(m, run, tables) : -ENOMEM;

	return r < 0 ? r : replayed_run_histories(&m->level, run, tables, ret);
}

/* Replays a run by a policy of the other runs, and counts what no other run had. */
static int replay_without(const struct calibrate_job *j, size_t run, struct err *err)
{
	const struct model *m = j->src->model;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct replay_source src = {m->corpus, image, &m->level.tokens, run, m->audit_sessions};
	bool is_old = run < m->corpus->n_old;
	int r = image ? policy_new(&p) : -ENOMEM;

	if (r == 0 && is_old && calibrate_needs_old_levels(j->src))
		r = replay_histories(m, run, &j->replayed[run]);

	if (r < 0)
		return err_oom(err);
	j->unseen[run].hours = m->corpus->runs[run].length_ms / 3.6e6;
	if (is_old && unseen_shares_objects(m, run))
		return 0;
	r = learn_others(j, run, p, image, err);
	if (r < 0)
		return r;
	unseen_count_objects(m, run, image, &j->unseen[run]);
	if (is_old)
		return replayed_run_counts(&src, &m->counts[run], &j->replayed[run]);
	unseen_count_syscalls(m, run, image, &j->unseen[run]);
	return replayed_run_stream(&src, &m->corpus->runs[run], &j->replayed[run]);
}

static int replay_one(void *ctx, size_t piece, struct err *err)
{
	struct calibrate_job *j = ctx;
	const struct corpus *c = j->src->model->corpus;
	const struct replay_source full = {c, j->full, &j->src->model->level.tokens, MODEL_NO_RUN,
					   j->src->model->audit_sessions};
	size_t run = j->begin + piece;
	int r;

	if (c->runs[run].heldout)
		r = replayed_run_stream(&full, &c->runs[run], &j->replayed[run]);
	else
		r = replay_without(j, run, err);
	progress_piece(&j->progress);
	return r;
}

bool calibrate_may_weaken(const struct calibrate_source *src, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!src->old || !src->may_weaken)
		return true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return src->may_weaken(src->may_weaken_ctx, text);
}

/* Returns the episodes of some rules (a bit for each) in all replays. */
static uint32_t count_episodes(const struct calibrate_job *j, size_t n, uint32_t rules)
{
	uint32_t sum = 0;

	for (size_t i = j->first; i < n; i++)
		sum += episodes_count(&j->replayed[i].matches, rules, LUTRA_ACTION_LOG);
	return sum;
}

/*
 * Keeps the actions of the old policy that are stricter, unless they may become weaker. Of few runs
 * level M only logs, whatever the old policy did: level N alerts.
 */
static void keep_actions(const struct calibrate_source *src, struct policy *p)
{
	for (unsigned g = 0; src->old && g < LUTRA_RULE_COUNT; g++) {
		uint8_t old = src->old->action[g];

		if (g == LUTRA_RULE_LEVEL && src->model->few_runs)
			continue;
		if (old > p->action[g] &&
		    !calibrate_may_weaken(src, "rule %s: %s instead of %s", rule_name(g),
					  action_name(p->action[g]), action_name(old)))
			p->action[g] = old;
	}
}

/*
 * Sets each rule's action. With few runs no rule denies, except exec_fresh: a program that was
 * dropped and executed is denied after one run already. What a replay refused is known to the
 * policy, which has learned that run too, so no rule is demoted for it.
 * levels: levels M and N were calibrated; false: their rules only log. few_runs: rule M only logs.
 */
static void set_actions(struct policy *p, bool levels, bool few_runs)
{
	struct policy_calibration *c = &p->calibration;

	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++) {
		bool few = c->audit_only && g != LUTRA_RULE_EXEC_FRESH;

		p->action[g] = rule_get(g)->action;
		if (p->action[g] == LUTRA_ACTION_DENY && few)
			p->action[g] = LUTRA_ACTION_ALERT;
	}
	if (!levels || few_runs)
		p->action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_LOG;
	if (!levels)
		p->action[LUTRA_RULE_NOVELTY] = LUTRA_ACTION_LOG;
}

static double recorded_seconds(const struct corpus *c)
{
	double ms = 0;

	for (size_t i = 0; i < c->n_runs; i++)
		ms += c->runs[i].length_ms;
	return ms / 1e3;
}

/* Sets thresholds, actions and calibration from the replays. */
static int set_calibration(struct calibrate_job *j, size_t n, struct policy *p)
{
	const struct corpus *c = j->src->model->corpus;
	struct policy_calibration *cal = &p->calibration;

	if (calibrate_set_levels(j, n, p) < 0)
		return -ENOMEM;
	for (size_t i = j->first; i < n; i++) {
		cal->hours += c->runs[i].length_ms / 3.6e6;
		cal->calls += c->runs[i].calls;
	}
	cal->runs = (uint32_t)(n - j->first - c->n_heldout);
	cal->heldout = (uint32_t)c->n_heldout;
	cal->audit_only = c->n_runs < CALIBRATE_RUNS_DENY ||
			  recorded_seconds(c) < CALIBRATE_SECONDS_DENY ||
			  policy_partial_run(p) != NULL;
	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		cal->alarms[g] = count_episodes(j, n, 1u << g);
	if (j->src->old)
		calibration_add(cal, &j->src->old->calibration);
	set_actions(p, n > j->first || cal->hours > 0, j->src->model->few_runs);
	keep_actions(j->src, p);
	if (calibrate_set_varying(j, n, p) < 0 || calibrate_set_rates(j, n, p) < 0)
		return -ENOMEM;
	return calibration_advise(p, c->n_runs);
}

int calibrate_policy(const struct calibrate_source *src, struct policy *p, unsigned threads,
		     struct err *err)
{
	const struct corpus *c = src->model->corpus;
	size_t n = c->n_runs + c->n_heldout;
	_cleanup_free_ struct lutra_policy *full = calloc(1, sizeof(*full));
	_cleanup_free_ struct unseen_counts *unseen = calloc(c->n_runs + 1, sizeof(*unseen));
	struct replayed_run *replayed = calloc(n, sizeof(*replayed));
	/* If there is one run, it is not replayed. Runs of an old policy have no stream. */
	size_t begin = c->n_runs < 2 ? c->n_runs : 0;
	struct calibrate_job j = {.src = src,
				  .full = full,
				  .replayed = replayed,
				  .first = begin ? begin : c->n_old,
				  .unseen = unseen,
				  .begin = begin,
				  .progress = {src->progress, "calibrating", n - begin, 0}};
	int r = full && replayed && unseen ? 0 : -ENOMEM;

	if (r == 0)
		r = policy_to_kernel(p, 1, full, err);
	if (r == 0)
		r = pool_run(threads, replay_one, &j, n - begin, err);
	if (r == 0)
		r = set_calibration(&j, n, p);
	varying_done(&j.varying);
	for (size_t i = 0; i < n && replayed; i++)
		replayed_run_done(&replayed[i]);
	free(replayed);
	return r;
}
