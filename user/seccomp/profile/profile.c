/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles in memory: entries, names and order. */
#include "user/seccomp/profile/profile.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "lib/base/array.h"

struct profile *profile_new(void)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (p)
		p->default_action = SCMP_ACT_ERRNO(ENOSYS);
	return p;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	free(p->listener);
	free(p->metadata);
	free(p->conditional);
	free(p->entries);
	free(p);
}

bool profile_allows(uint32_t action)
{
	return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG || action == SCMP_ACT_NOTIFY;
}

static bool is_syscall_name(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return len > 0 && len < PROFILE_NAME && !s[len];
}

int profile_add(struct profile *p, const char *name, const struct profile_entry *e)
{
	struct profile_entry *added;

	if (p->n_entries == PROFILE_ENTRIES_MAX)
		return -E2BIG;
	if (!is_syscall_name(name))
		return -EINVAL;
	if (ARRAY_RESERVE(p->entries, p->size, p->n_entries + 1) < 0)
		return -ENOMEM;
	added = &p->entries[p->n_entries++];
	*added = *e;
	snprintf(added->name, sizeof(added->name), "%s", name);
	return 0;
}

bool profile_same_conditions(const struct profile_entry *a, const struct profile_entry *b)
{
	return a->n_args == b->n_args && memcmp(a->arg, b->arg, a->n_args * sizeof(a->arg[0])) == 0;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Allowing entries come first: a higher number of an action lets more through. */
static int compare_entries(const void *a, const void *b)
{
	const struct profile_entry *x = a, *y = b;
	int r = (x->n_args > 0) - (y->n_args > 0);

	if (r == 0)
		r = -compare_u64(x->action, y->action);
	if (r == 0)
		r = compare_u64(x->n_args, y->n_args);
	for (uint32_t i = 0; r == 0 && i < x->n_args; i++) {
		r = compare_u64(x->arg[i].index, y->arg[i].index);
		if (r == 0)
			r = compare_u64(x->arg[i].op, y->arg[i].op);
		if (r == 0)
			r = compare_u64(x->arg[i].value, y->arg[i].value);
		if (r == 0)
			r = compare_u64(x->arg[i].value_two, y->arg[i].value_two);
	}
	return r ? r : strcmp(x->name, y->name);
}

void profile_sort(struct profile *p)
{
	if (p->n_entries)
		qsort(p->entries, p->n_entries, sizeof(*p->entries), compare_entries);
}
