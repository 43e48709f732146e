/* SPDX-License-Identifier: Apache-2.0 */
/* Joins profiles entry by entry. */
#include "user/seccomp/merge.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>

/* Gets the bits that an argument must have. Returns false if the comparison is not for equality. */
static bool bits_of(const struct profile_arg *a, uint64_t *ret_mask, uint64_t *ret_value)
{
	if (a->op != SCMP_CMP_EQ && a->op != SCMP_CMP_MASKED_EQ)
		return false;
	*ret_mask = a->op == SCMP_CMP_EQ ? UINT64_MAX : a->value;
	*ret_value = a->op == SCMP_CMP_EQ ? a->value : a->value_two & a->value;
	return true;
}

static bool exclude_condition(const struct profile_arg *a, const struct profile_arg *b)
{
	uint64_t mask_a, mask_b, value_a, value_b;

	return a->index == b->index && bits_of(a, &mask_a, &value_a) &&
	       bits_of(b, &mask_b, &value_b) && (value_a ^ value_b) & mask_a & mask_b;
}

/* Returns false only if no system call can meet the conditions of both entries. */
static bool may_overlap(const struct profile_entry *a, const struct profile_entry *b)
{
	for (uint32_t i = 0; i < a->n_args; i++)
		for (uint32_t k = 0; k < b->n_args; k++)
			if (exclude_condition(&a->arg[i], &b->arg[k]))
				return false;
	return true;
}

/* Returns true if another entry of the same name makes e needless. first: e stands before it. */
static bool is_covered(const struct profile_entry *e, const struct profile_entry *by, bool first)
{
	bool wider = by->n_args == 0 || profile_same_conditions(e, by);

	if (!profile_allows(e->action))
		return profile_allows(by->action) ? may_overlap(e, by) : wider && !first;
	if (!profile_allows(by->action) || !wider)
		return false;
	/* The entry that lets more through stays; of two equal ones, the first. */
	return by->n_args < e->n_args || by->action > e->action ||
	       (by->action == e->action && !first);
}

static bool is_needed(const struct profile *all, size_t i)
{
	for (size_t k = 0; k < all->n_entries; k++)
		if (k != i && strcmp(all->entries[i].name, all->entries[k].name) == 0 &&
		    is_covered(&all->entries[i], &all->entries[k], i < k))
			return false;
	return true;
}

/* Copies a text where there is none. Returns 0 or -ENOMEM. */
static int join_text(char **all, const char *text)
{
	if (!*all && text)
		*all = strdup(text);
	return !*all && text ? -ENOMEM : 0;
}

static int join_header(struct profile *all, const struct profile *p, struct err *err)
{
	if (profile_allows(p->default_action))
		return err_set(err, -EINVAL,
			       "a profile allows by default: only profiles that refuse by default "
			       "can be merged");
	if (all->listener && p->listener && strcmp(all->listener, p->listener) != 0)
		return err_set(
			err, -EINVAL,
			"the profiles have two listenerPaths, %s and %s: a container can have one",
			all->listener, p->listener);
	if (all->metadata && p->metadata && strcmp(all->metadata, p->metadata) != 0)
		return err_set(err, -EINVAL,
			       "the profiles have two listenerMetadata: a container can have one");
	all->arches |= p->arches;
	all->flags |= p->flags;
	all->has_flags |= p->has_flags;
	if (join_text(&all->listener, p->listener) < 0 ||
	    join_text(&all->metadata, p->metadata) < 0)
		return err_oom(err);
	return 0;
}

int merge_profiles(const struct profile *a, const struct profile *b, struct profile **ret,
		   struct err *err)
{
	_cleanup_(profile_freep) struct profile *all = profile_new(), *p = profile_new();
	const struct profile *const both[] = {a, b};
	int r = 0;

	if (!all || !p)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < 2; i++) {
		r = join_header(all, both[i], err);
		if (r < 0)
			return r;
		for (size_t k = 0; r == 0 && k < both[i]->n_entries; k++)
			r = profile_add(all, both[i]->entries[k].name, &both[i]->entries[k]);
	}
	for (size_t i = 0; r == 0 && i < all->n_entries; i++)
		if (is_needed(all, i))
			r = profile_add(p, all->entries[i].name, &all->entries[i]);
	if (r < 0)
		return err_set(err, r,
			       r == -E2BIG ? "the merged profile would have more than %d entries"
					   : "out of memory",
			       PROFILE_ENTRIES_MAX);
	p->default_action = a->default_action;
	p->arches = all->arches;
	p->flags = all->flags;
	p->has_flags = all->has_flags;
	p->listener = TAKE_PTR(all->listener);
	p->metadata = TAKE_PTR(all->metadata);
	profile_sort(p);
	*ret = TAKE_PTR(p);
	return 0;
}
