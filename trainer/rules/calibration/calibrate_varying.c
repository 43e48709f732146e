/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories vary, and what that makes of the matches of the replays. */
#include <errno.h>
#include <string.h>

#include "trainer/rules/calibration/calibrate_impl.h"
#include "trainer/rules/objects.h"

/* Returns the directory in the policy of a new name. */
static uint16_t directory_of(const struct calibrate_job *j, const struct policy *p, uint32_t object)
{
	struct lutra_judgement judgement;

	objects_judge(j->src->model->corpus, object, LUTRA_ROLE_STARTUP, j->full, &judgement);
	return varying_directory(p, &judgement);
}

/* Finds the directories that vary. */
static int find_varying(struct calibrate_job *j, size_t n, const struct policy *p)
{
	if (varying_init(&j->varying, n) < 0)
		return -ENOMEM;
	if (j->src->old)
		varying_keep(&j->varying, j->src->old, j->full);
	for (size_t i = j->begin; i < n; i++) {
		const struct replayed_run *x = &j->replayed[i];

		for (size_t k = 0; k < x->n_new_names; k++) {
			uint16_t node = directory_of(j, p, x->new_names[k]);

			if (node != VARYING_NO_NODE)
				varying_add(&j->varying, i, node);
		}
	}
	return 0;
}

/*
 * Sets what the policy does with each match of a replay. Which directories vary is said by the
 * other replays, as by the thresholds of the levels.
 */
static void set_match_actions(const struct calibrate_job *j, const struct policy *p, size_t run)
{
	struct matches *matches = &j->replayed[run].matches;

	for (size_t i = 0; i < matches->n; i++) {
		struct match *m = &matches->list[i];
		uint16_t node = VARYING_NO_NODE;
		uint32_t what = m->what;

		if (m->object != EPISODES_NO_OBJECT)
			node = directory_of(j, p, m->object);
		if (node != VARYING_NO_NODE && varying_without(&j->varying, run, node))
			what |= LUTRA_MATCH_VARIES;
		m->action = (uint8_t)lutra_match_action(j->full, what);
	}
}

int calibrate_set_varying(struct calibrate_job *j, size_t n, struct policy *p)
{
	if (find_varying(j, n, p) < 0)
		return -ENOMEM;
	if (!p->calibration.audit_only)
		varying_mark(&j->varying, p);
	memcpy(j->full->action, p->action, sizeof(p->action));
	for (size_t i = j->first; i < n; i++)
		set_match_actions(j, p, i);
	return 0;
}
