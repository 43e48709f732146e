/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the things that only one run had, and makes rates of the counts. */
#include "trainer/rules/calibration/unseen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lutra/verdict.h"
#include "trainer/rules/calibration/episodes.h"
#include "trainer/rules/objects.h"

/*
 * Returns true if a match of the rule may alert in this role. An audited exec session alerts only
 * for new programs and capabilities: all else that it does is logged (lutra_match_action()).
 */
static bool is_reported(const struct model *m, unsigned rule, uint8_t role)
{
	return !m->audit_sessions || role != LUTRA_ROLE_SESSION || lutra_is_exec_rule(rule) ||
	       rule == LUTRA_RULE_CAPABLE;
}

/*
 * Returns the kind of the thing that the policy of the other runs would alert about, or
 * POLICY_UNSEEN_KINDS if it knows the object or would only log it.
 */
static unsigned alerted_kind(const struct model *m, uint32_t object, uint8_t role,
			     const struct lutra_policy *others)
{
	struct lutra_judgement j;

	objects_judge(m->corpus, object, role, others, &j);
	return is_reported(m, j.rule, role) ? policy_unseen_kind(j.rule) : POLICY_UNSEEN_KINDS;
}

void unseen_count_objects(const struct model *m, size_t run, const struct lutra_policy *others,
			  struct unseen_counts *ret)
{
	const struct corpus *c = m->corpus;

	for (uint32_t i = 0; i < intern_count(c->names.objects); i++) {
		uint8_t roles = m->counts[run].object_roles[i];
		bool counted[POLICY_UNSEEN_KINDS + 1] = {false};

		for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
			unsigned kind = roles >> role & 1 ? alerted_kind(m, i, role, others)
							  : POLICY_UNSEEN_KINDS;

			/* An object that is new in two roles counts once. */
			if (kind < POLICY_UNSEEN_KINDS && !counted[kind])
				ret->things[kind]++;
			counted[kind] = true;
		}
	}
}

void unseen_count_syscalls(const struct model *m, size_t run, const struct lutra_policy *others,
			   struct unseen_counts *ret)
{
	const struct run_counts *counts = &m->counts[run];

	for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
		bool is_new = false;

		for (uint8_t role = 0; role < LUTRA_ROLES; role++)
			is_new |= (role != LUTRA_ROLE_SESSION || !m->audit_sessions) &&
				  counts->calls[role][nr] &&
				  lutra_syscall_token(others, role, nr) == LUTRA_UNK;
		ret->things[POLICY_UNSEEN_CALLS] += is_new && lutra_is_hookable(others, nr);
	}
}

bool unseen_shares_objects(const struct model *m, size_t run)
{
	for (uint32_t i = 0; i < intern_count(m->corpus->names.objects); i++) {
		uint8_t alone = m->counts[run].object_roles[i];

		for (size_t k = 0; alone && k < m->corpus->n_runs; k++)
			if (k != run)
				alone &= (uint8_t)~m->counts[k].object_roles[i];
		if (alone)
			return false;
	}
	return true;
}

/* Adds up one kind over the runs, or all kinds together, and sets the interval. */
static void set_rate_of_kind(const struct unseen_counts *counts, size_t n, unsigned kind,
			     struct episodes_of_run *scratch, struct policy_unseen_rate *ret)
{
	for (size_t i = 0; i < n; i++) {
		scratch[i] = (struct episodes_of_run){.hours = counts[i].hours};
		for (unsigned k = 0; k < POLICY_UNSEEN_KINDS; k++)
			if (k == kind || kind == POLICY_UNSEEN_KINDS)
				scratch[i].n += counts[i].things[k];
		ret->things += scratch[i].n;
	}
	episodes_clumped_rate_95(scratch, n, ret->per_hour_95);
}

int unseen_estimate(const struct unseen_counts *counts, size_t n, struct policy_unseen *ret)
{
	_cleanup_free_ struct episodes_of_run *scratch = calloc(n + 1, sizeof(*scratch));

	memset(ret, 0, sizeof(*ret));
	if (!scratch)
		return -ENOMEM;
	ret->runs = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		ret->hours += counts[i].hours;
	set_rate_of_kind(counts, n, POLICY_UNSEEN_KINDS, scratch, &ret->all);
	for (unsigned kind = 0; kind < POLICY_UNSEEN_KINDS; kind++)
		set_rate_of_kind(counts, n, kind, scratch, &ret->kind[kind]);
	return 0;
}
