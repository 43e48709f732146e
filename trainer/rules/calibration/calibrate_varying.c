/* SPDX-License-Identifier: Apache-2.0 */
/* Which new names vary, and what that makes of the matches of the replays. */
#include <errno.h>
#include <string.h>

#include "trainer/rules/calibration/calibrate_impl.h"
#include "trainer/rules/objects.h"

/* Returns the token in the policy of new names like one that a replay met. 0: they never vary. */
static uint64_t token_of(const struct calibrate_job *j, const struct policy *p,
			 const struct replayed_name *name)
{
	struct lutra_judgement judgement;
	struct lutra_object object;
	struct lutra_path path;
	struct varying_object o = {&object, &path, &judgement, name->role};

	objects_get(j->src->model->corpus, name->object, &object, &path);
	objects_judge(j->src->model->corpus, name->object, name->role, j->full, &judgement);
	return varying_token(p, j->full, &o);
}

/* Finds what varies. */
static int find_varying(struct calibrate_job *j, size_t n, const struct policy *p)
{
	if (j->src->old && varying_keep(&j->varying, j->src->old, p, j->full) < 0)
		return -ENOMEM;
	for (size_t i = j->begin; i < n; i++) {
		const struct replayed_run *x = &j->replayed[i];

		for (size_t k = 0; k < x->n_new_names; k++) {
			uint64_t token = token_of(j, p, &x->new_names[k]);

			if (token && varying_add(&j->varying, i, token) < 0)
				return -ENOMEM;
		}
	}
	varying_sort(&j->varying);
	return 0;
}

/*
 * Sets what the policy does with each match of a replay. What varies is said by the other replays,
 * as are the thresholds of the levels.
 */
static void set_match_actions(const struct calibrate_job *j, const struct policy *p, size_t run)
{
	struct matches *matches = &j->replayed[run].matches;

	for (size_t i = 0; i < matches->n; i++) {
		struct match *m = &matches->list[i];
		const struct replayed_name name = {m->object, m->role};
		uint32_t what = m->what;
		uint64_t token = 0;

		if (m->object != EPISODES_NO_OBJECT)
			token = token_of(j, p, &name);
		if (token && varying_has_kind(&j->varying, run, token))
			what |= LUTRA_MATCH_VARIES;
		m->action = (uint8_t)lutra_match_action(j->full, what);
	}
}

int calibrate_set_varying(struct calibrate_job *j, size_t n, struct policy *p)
{
	if (find_varying(j, n, p) < 0)
		return -ENOMEM;
	if (!p->calibration.audit_only && varying_add_tokens(&j->varying, p) < 0)
		return -ENOMEM;
	memcpy(j->full->action, p->action, sizeof(p->action));
	for (size_t i = j->first; i < n; i++)
		set_match_actions(j, p, i);
	return 0;
}
