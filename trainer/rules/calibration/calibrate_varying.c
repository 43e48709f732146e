/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the kinds of new names that vary, and sets the actions of the matches of the replays. */
#include <errno.h>
#include <string.h>

#include "trainer/rules/calibration/calibrate_impl.h"
#include "trainer/rules/objects.h"

/* Returns varying_token() of a new name that a replay met. */
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

/* A kind that the replays found to vary. */
struct varying_question {
	const struct calibrate_source *src;
	const struct policy *policy;
};

static bool may_kind_vary(const void *ctx, uint64_t token)
{
	const struct varying_question *q = ctx;
	char name[256];

	policy_object_name(q->policy, token, name, sizeof(name));
	return calibrate_may_weaken(q->src, "new names of the kind \"%s\": alert instead of deny",
				    name);
}

/* Collects the new names that the replays met, and the kinds of the old policy. */
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
 * Sets the action of each match of a replay. Kinds vary here by the *other* replays, just as the
 * thresholds of the levels come from the other replays.
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
	const struct varying_question q = {j->src, p};

	if (find_varying(j, n, p) < 0)
		return -ENOMEM;
	if (j->src->old && !p->calibration.audit_only)
		varying_ask(&j->varying, may_kind_vary, &q);
	if (!p->calibration.audit_only && varying_add_tokens(&j->varying, p) < 0)
		return -ENOMEM;
	memcpy(j->full->action, p->action, sizeof(p->action));
	for (size_t i = j->first; i < n; i++)
		set_match_actions(j, p, i);
	return 0;
}
