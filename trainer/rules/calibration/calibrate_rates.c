/* SPDX-License-Identifier: Apache-2.0 */
/* Makes rates of what the replays found. */
#include <errno.h>
#include <stdlib.h>

#include "trainer/rules/calibration/calibrate_impl.h"

/*
 * Adds the episodes of matches with an action of at least `least` in all replays to *n_episodes,
 * and computes their interval. On entry *n_episodes are those of the policy that is updated. Its
 * replays count as one.
 */
static int find_rate(const struct calibrate_job *j, size_t n, unsigned least, uint32_t *n_episodes,
		     double ret[2])
{
	_cleanup_free_ struct episodes_of_run *runs = calloc(n + 1, sizeof(*runs));

	if (!runs)
		return -ENOMEM;
	if (j->src->old)
		runs[n] = (struct episodes_of_run){*n_episodes, j->src->old->calibration.hours};
	for (size_t i = j->first; i < n; i++) {
		runs[i].n = episodes_count(&j->replayed[i].matches, UINT32_MAX, least);
		runs[i].hours = j->src->model->corpus->runs[i].length_ms / 3.6e6;
		*n_episodes += runs[i].n;
	}
	episodes_clumped_rate_95(runs, n + 1, ret);
	return 0;
}

/* Estimates how often new things come, from all runs, and from those that are not an old policy's. */
static int set_unseen(const struct calibrate_job *j, struct policy_unseen *ret)
{
	const struct corpus *c = j->src->model->corpus;
	const struct policy *old = j->src->old;
	int r = 0;

	if (c->n_runs < 2)
		return 0;
	if (j->src->ret_new_unseen)
		r = unseen_estimate(j->unseen + c->n_old, c->n_runs - c->n_old,
				    j->src->ret_new_unseen);
	/* System calls of old runs are known as one sum: what the old policy counted stands. */
	if (old)
		j->unseen->things[POLICY_UNSEEN_CALLS] +=
			old->calibration.unseen.kind[POLICY_UNSEEN_CALLS].things;
	return r < 0 ? r : unseen_estimate(j->unseen, c->n_runs, ret);
}

int calibrate_set_rates(const struct calibrate_job *j, size_t n, struct policy *p)
{
	struct policy_calibration *c = &p->calibration;
	int r = find_rate(j, n, LUTRA_ACTION_ALERT, &c->alarms_alert, c->alert_per_hour_95);

	if (r == 0)
		r = find_rate(j, n, LUTRA_ACTION_DENY, &c->alarms_deny, c->deny_per_hour_95);
	if (r == 0)
		r = set_unseen(j, &c->unseen);
	/*
	 * The replays are of runs as long as the others. What comes later in a longer life is not in
	 * them, so the upper end of what is still unseen is added.
	 */
	c->alert_per_hour_95[1] += c->unseen.all.per_hour_95[1];
	return r;
}
