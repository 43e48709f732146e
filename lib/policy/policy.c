/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and frees policies in memory. Nothing here reads or writes files. */
#include "lib/policy/policy.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/abi/op_set.h"
#include "lutra/code_name.h"
#include "lutra/score_m.h"

void policy_model_free(struct policy_model *m)
{
	if (!m)
		return;
	for (int i = 0; i < POLICY_MODEL_LAYERS; i++) {
		free(m->layer[i].la);
		free(m->layer[i].lb);
	}
	for (size_t i = 0; i < m->n_seen; i++) {
		free(m->seen[i].path);
		free(m->seen[i].roles);
	}
	for (size_t i = 0; m->runs && i < m->n_runs; i++)
		free(m->runs[i].list);
	free(m->runs);
	free(m->histories);
	free(m->seen);
	free(m);
}

/* The defaults: mode audit, two matches to kill, and no system call known. */
int policy_new(struct policy **ret)
{
	_cleanup_(policy_freep) struct policy *p = calloc(1, sizeof(*p));
	struct utsname uts;

	if (!p)
		return -ENOMEM;
	if (uname(&uts) < 0)
		return -errno;
	p->arch = strdup(uts.machine);
	if (!p->arch)
		return -ENOMEM;
	p->format = POLICY_FORMAT_VERSION;
	p->code_last = LUTRA_CODE_LAST;
	p->exact_names = true;
	p->mode = LUTRA_MODE_AUDIT;
	p->kill_matches = 2;
	p->level_shift = LUTRA_M_SHIFT;
	p->level_counts = LUTRA_M_COUNTS;
	p->novelty_threshold = LUTRA_THRESHOLD_OFF;
	memset(p->token, LUTRA_UNK, sizeof(p->token));
	*ret = TAKE_PTR(p);
	return 0;
}

void policy_known_free(struct policy *p)
{
	for (size_t i = 0; i < p->n_known; i++) {
		free(p->known[i].name);
		free(p->known[i].program);
		free(p->known[i].package);
	}
	free(p->known);
	p->known = NULL;
	p->n_known = 0;
}

bool policy_has_level(const struct policy *p)
{
	return p->threshold != LUTRA_THRESHOLD_OFF;
}

bool policy_has_novelty(const struct policy *p)
{
	return p->novelty_threshold != LUTRA_THRESHOLD_OFF;
}

bool policy_lacks_hooks(const struct policy *p)
{
	return op_set_lacks_hooks(p->ops);
}

const struct policy_run *policy_partial_run(const struct policy *p)
{
	for (size_t i = 0; i < p->n_runs; i++)
		if (p->runs[i].partial)
			return &p->runs[i];
	return NULL;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_runs; i++) {
		free(p->runs[i].file);
		free(p->runs[i].partial);
	}
	free(p->runs);
	policy_known_free(p);
	free(p->known_tokens);
	free(p->calibration.advice);
	free(p->image);
	free(p->digest);
	free(p->arch);
	free(p->t0);
	free(p->t1);
	free(p->t2);
	free(p->nodes);
	free(p->objects);
	free(p->names);
	free(p->keys);
	free(p->successors);
	policy_model_free(p->model);
	free(p);
}

int policy_compare_objects(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

uint32_t policy_find_child(const struct policy_node *nodes, size_t n, uint32_t parent,
			   const char *name, bool dir)
{
	uint32_t found = 0;

	for (uint32_t i = parent + 1; i < n; i++) {
		const struct policy_node *c = &nodes[i];

		if (c->parent != parent || c->dir != dir || strncmp(c->name, name, LUTRA_NAME) != 0)
			continue;
		if (!c->exec_session)
			return i;
		found = i;
	}
	return found;
}
