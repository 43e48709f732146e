/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays the training runs for calibration.
 *
 * Run r of n is scored by a policy made of the counts, path tree and tokens of the other n - 1
 * runs; the codes stay. Its A and B are judged by the thresholds that the other replays give, so
 * run r has no part in the count of its own alarms. What audited exec sessions do is
 * not counted in the replays: an operator's session must not move a rule of the service. Runs are replayed on all
 * threads, a piece of work for each.
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
 * Makes the policy of all runs except one, and its kernel form. Of an old run only the objects are
 * left out: the model has one sum of all old runs' system calls.
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

/* Counts what a run alone had, and replays it, by a policy of the other runs. */
static int replay_without(const struct calibrate_job *j, size_t run, struct err *err)
{
	const struct model *m = j->src->model;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct replay_source src = {m->corpus, image, m->audit_sessions};
	bool is_old = run < m->corpus->n_old;
	int r = image ? policy_new(&p) : -ENOMEM;

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
	const struct replay_source full = {c, j->full, j->src->model->audit_sessions};
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

/*
 * Computes the thresholds from the maxima of all replays except one (SIZE_MAX: of all). They are
 * never below the floors, nor below those of the policy that is updated.
 */
static void find_thresholds(const struct calibrate_job *j, size_t n, size_t without, int32_t *ret_a,
			    int32_t *ret_b)
{
	double a = 0, b = 0;

	for (size_t i = j->first; i < n; i++) {
		if (i == without)
			continue;
		a = j->replayed[i].max_a > a ? j->replayed[i].max_a : a;
		b = j->replayed[i].max_b > b ? j->replayed[i].max_b : b;
	}
	a = ceil(CALIBRATE_MARGIN_A * a);
	b = ceil(CALIBRATE_MARGIN_B * b);
	*ret_a = a > CALIBRATE_FLOOR_A ? (int32_t)a : CALIBRATE_FLOOR_A;
	*ret_b = b > CALIBRATE_FLOOR_B ? (int32_t)b : CALIBRATE_FLOOR_B;
	if (j->src->old && (j->keeps_a || j->src->old->threshold_a > *ret_a))
		*ret_a = j->src->old->threshold_a;
	if (j->src->old && (j->keeps_b || j->src->old->threshold_b > *ret_b))
		*ret_b = j->src->old->threshold_b;
}

/* Sets the thresholds of the policy. Those of an update rise only if they may. */
static void set_thresholds(struct calibrate_job *j, size_t n, struct policy *p)
{
	const struct policy *old = j->src->old;

	find_thresholds(j, n, SIZE_MAX, &p->threshold_a, &p->threshold_b);
	if (!old)
		return;
	if (p->threshold_a > old->threshold_a)
		j->keeps_a = !calibrate_may_weaken(j->src, "threshold A: %.3f nat instead of %.3f",
						   p->threshold_a / (LAYER_UNIT * 4096),
						   old->threshold_a / (LAYER_UNIT * 4096));
	if (p->threshold_b > old->threshold_b)
		j->keeps_b =
			!calibrate_may_weaken(j->src, "threshold B: %.4f instead of %.4f",
					      p->threshold_b / 4096., old->threshold_b / 4096.);
	find_thresholds(j, n, SIZE_MAX, &p->threshold_a, &p->threshold_b);
}

static int compare_matches(const void *a, const void *b)
{
	const struct match *x = a, *y = b;

	if (x->ms != y->ms)
		return x->ms < y->ms ? -1 : 1;
	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return x->role < y->role ? -1 : x->role > y->role;
}

/* Adds the peaks above the thresholds to the replay's matches, and sorts these by time. */
static int add_level_matches(struct replayed_run *x, int32_t threshold_a, int32_t threshold_b)
{
	for (size_t i = 0; i < x->n_peaks; i++) {
		const struct peak *p = &x->peaks[i];
		struct match a = {p->ms, LUTRA_RULE_LEVEL_A, 0, 0, EPISODES_NO_OBJECT};
		struct match b = {p->ms, LUTRA_RULE_LEVEL_B, 0, 0, EPISODES_NO_OBJECT};

		if ((p->a > threshold_a && episodes_add(&x->matches, &a) < 0) ||
		    (p->b > threshold_b && episodes_add(&x->matches, &b) < 0))
			return -ENOMEM;
	}
	if (x->matches.n)
		qsort(x->matches.list, x->matches.n, sizeof(*x->matches.list), compare_matches);
	return 0;
}

/* Returns the episodes of some rules (a bit for each) in all replays. */
static uint32_t count_episodes(const struct calibrate_job *j, size_t n, uint32_t rules)
{
	uint32_t sum = 0;

	for (size_t i = j->first; i < n; i++)
		sum += episodes_count(&j->replayed[i].matches, rules, LUTRA_ACTION_LOG);
	return sum;
}

/* Keeps the actions of the old policy that are stricter, unless they may become weaker. */
static void keep_actions(const struct calibrate_source *src, struct policy *p)
{
	for (unsigned g = 0; src->old && g < LUTRA_RULE_COUNT; g++) {
		uint8_t old = src->old->action[g];

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
 * levels: A and B were calibrated; else they only log.
 */
static void set_actions(struct policy *p, bool levels)
{
	struct policy_calibration *c = &p->calibration;

	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++) {
		bool few = c->audit_only && g != LUTRA_RULE_EXEC_FRESH;

		p->action[g] = rule_get(g)->action;
		if (p->action[g] == LUTRA_ACTION_DENY && few)
			p->action[g] = LUTRA_ACTION_ALERT;
	}
	if (!levels)
		p->action[LUTRA_RULE_LEVEL_A] = p->action[LUTRA_RULE_LEVEL_B] = LUTRA_ACTION_LOG;
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
	int32_t max_a = 0, max_b = 0;

	set_thresholds(j, n, p);
	for (size_t i = j->first; i < n; i++) {
		int32_t threshold_a, threshold_b;

		max_a = j->replayed[i].max_a > max_a ? j->replayed[i].max_a : max_a;
		max_b = j->replayed[i].max_b > max_b ? j->replayed[i].max_b : max_b;
		find_thresholds(j, n, i, &threshold_a, &threshold_b);
		if (add_level_matches(&j->replayed[i], threshold_a, threshold_b) < 0)
			return -ENOMEM;
		cal->hours += c->runs[i].length_ms / 3.6e6;
		cal->calls += c->runs[i].calls;
	}
	cal->max_a = max_a / (LAYER_UNIT * 4096);
	cal->max_b = max_b / 4096.;
	cal->runs = (uint32_t)(n - j->first - c->n_heldout);
	cal->heldout = (uint32_t)c->n_heldout;
	cal->audit_only = c->n_runs < CALIBRATE_RUNS_DENY ||
			  recorded_seconds(c) < CALIBRATE_SECONDS_DENY ||
			  policy_partial_run(p) != NULL;
	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		cal->alarms[g] = count_episodes(j, n, 1u << g);
	if (j->src->old)
		calibration_add(cal, &j->src->old->calibration);
	set_actions(p, n > j->first || cal->hours > 0);
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
	/* A single run has no others to be judged by. Runs of an old policy have no stream. */
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
