/* SPDX-License-Identifier: Apache-2.0 */
/* Sets the thresholds of levels M and N from the replays. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lib/abi/rules.h"
#include "trainer/rules/calibration/calibrate_impl.h"

static const enum lutra_rule level_rules[REPLAYED_LEVELS] = {
	[REPLAYED_M] = LUTRA_RULE_LEVEL, [REPLAYED_N] = LUTRA_RULE_NOVELTY};

/* Units in one nat, and in a share of 1. */
static const double level_units[REPLAYED_LEVELS] = {
	[REPLAYED_M] = CALIBRATE_UNITS, [REPLAYED_N] = LUTRA_N_ONE};

static int32_t *threshold_of(struct policy *p, enum replayed_level level)
{
	return level == REPLAYED_M ? &p->threshold : &p->novelty_threshold;
}

/*
 * Returns the threshold of the policy that is updated; 0: there is no such policy, or its threshold
 * says nothing. That of level M is for other codes then. Level N is absent, or moves otherwise.
 */
static int32_t old_threshold(const struct calibrate_source *src, enum replayed_level level)
{
	const struct policy *old = src->old;

	if (!old)
		return 0;
	if (level == REPLAYED_M)
		return src->model->codes_anew ? 0 : old->threshold;
	return policy_has_novelty(old) && old->novelty_shift == M_NOVELTY_SHIFT
		       ? old->novelty_threshold
		       : 0;
}

bool calibrate_needs_old_levels(const struct calibrate_source *src)
{
	return src->old && !(old_threshold(src, REPLAYED_M) && old_threshold(src, REPLAYED_N));
}

/* Returns the two highest levels of the replays, except that of run `without` (SIZE_MAX: of none). */
static struct m_highest find_highest(const struct calibrate_job *j, enum replayed_level level,
				     size_t n, size_t without)
{
	struct m_highest ret = {0};

	for (size_t i = j->first_level[level]; i < n; i++)
		if (i != without)
			m_highest_add(&ret, j->replayed[i].level[level].highest);
	return ret;
}

static const double margins[REPLAYED_LEVELS] = {
	[REPLAYED_M] = M_THRESHOLD_MARGIN, [REPLAYED_N] = N_THRESHOLD_MARGIN};

static const double margins_few[REPLAYED_LEVELS] = {
	[REPLAYED_M] = M_THRESHOLD_MARGIN_FEW, [REPLAYED_N] = N_THRESHOLD_MARGIN_FEW};

static const double typical_levels[REPLAYED_LEVELS] = {
	[REPLAYED_M] = M_THRESHOLD_TYPICAL, [REPLAYED_N] = N_THRESHOLD_TYPICAL};

/* Returns the highest level of the replays of a policy, in units. */
static double old_highest(const struct policy_calibration *c, enum replayed_level level)
{
	return (level == REPLAYED_M ? c->max_level : c->max_novelty) * level_units[level];
}

/*
 * Returns the level that the threshold is a margin times of. The replays of the policy that
 * is updated count as one, since only their highest level is known. Of few runs: the highest level
 * of the replays, since one odd run is not yet odd among three.
 */
static double reference_level(const struct calibrate_job *j, enum replayed_level level, size_t n,
			      size_t without)
{
	struct m_highest highest = find_highest(j, level, n, without);

	if (j->src->model->corpus->n_runs < CALIBRATE_RUNS_GOOD)
		return highest.first;
	if (old_threshold(j->src, level))
		m_highest_add(&highest, old_highest(&j->src->old->calibration, level));
	return m_highest_reference(&highest, typical_levels[level] * level_units[level]);
}

/*
 * Returns the threshold that the replays give, except that of run `without` (SIZE_MAX: of none). It
 * is at least the floor, and the threshold of the policy that is updated.
 */
static int32_t find_threshold(const struct calibrate_job *j, enum replayed_level level, size_t n,
			      size_t without)
{
	int32_t floor =
		level == REPLAYED_M ? CALIBRATE_FLOOR : CALIBRATE_NOVELTY_FLOOR(M_NOVELTY_SHIFT);
	bool few = j->src->model->corpus->n_runs < CALIBRATE_RUNS_GOOD;
	double margin = few ? margins_few[level] : margins[level];
	double found = ceil(margin * reference_level(j, level, n, without));
	int32_t ret = found > floor ? (int32_t)found : floor;
	int32_t old = old_threshold(j->src, level);

	return j->keeps_threshold[level] || old > ret ? old : ret;
}

/* Sets a threshold. In an update it is raised only if calibrate_may_weaken() says so. */
static void set_threshold(struct calibrate_job *j, enum replayed_level level, size_t n,
			  struct policy *p)
{
	int32_t old = old_threshold(j->src, level), *threshold = threshold_of(p, level);
	double one = level_units[level];

	*threshold = find_threshold(j, level, n, SIZE_MAX);
	if (!old || *threshold <= old)
		return;
	j->keeps_threshold[level] = !calibrate_may_weaken(
		j->src, "threshold %s: %.3f%s instead of %.3f", rule_name(level_rules[level]),
		*threshold / one, level == REPLAYED_M ? " nat" : "", old / one);
	*threshold = find_threshold(j, level, n, SIZE_MAX);
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

/* Adds the peaks above a threshold to the replay's matches. */
static int add_level_matches(struct replayed_run *x, enum replayed_level level, int32_t threshold)
{
	const struct level_peaks *peaks = &x->level[level];

	for (size_t i = 0; i < peaks->n; i++) {
		const struct peak *p = &peaks->list[i];
		struct match m = {p->ms, (uint16_t)level_rules[level], 0, 0, EPISODES_NO_OBJECT};

		if (p->level > threshold && episodes_add(&x->matches, &m) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Sets the highest level of the replays, of those of the old policy too if they are comparable. */
static void set_maximum(const struct calibrate_job *j, enum replayed_level level, size_t n,
			struct policy *p)
{
	double highest = find_highest(j, level, n, SIZE_MAX).first / level_units[level];
	const struct policy_calibration *old =
		old_threshold(j->src, level) ? &j->src->old->calibration : NULL;

	if (level == REPLAYED_M)
		p->calibration.max_level = old ? fmax(highest, old->max_level) : highest;
	else
		p->calibration.max_novelty = old ? fmax(highest, old->max_novelty) : highest;
}

int calibrate_set_levels(struct calibrate_job *j, size_t n, struct policy *p)
{
	for (enum replayed_level l = 0; l < REPLAYED_LEVELS; l++) {
		j->first_level[l] = j->src->old && !old_threshold(j->src, l) ? 0 : j->first;
		set_threshold(j, l, n, p);
		set_maximum(j, l, n, p);
		for (size_t i = j->first; i < n; i++)
			if (add_level_matches(&j->replayed[i], l, find_threshold(j, l, n, i)) < 0)
				return -ENOMEM;
	}
	for (size_t i = j->first; i < n; i++) {
		struct matches *m = &j->replayed[i].matches;

		if (m->n)
			qsort(m->list, m->n, sizeof(*m->list), compare_matches);
	}
	return 0;
}
