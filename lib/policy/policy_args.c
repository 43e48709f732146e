/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of argument values. */
#include "lib/policy/policy_args.h"

#include <string.h>

const struct syscall_args *policy_args_syscall(unsigned i, unsigned *ret_nr)
{
	unsigned nr = 0;

	while (!syscall_traits(nr)->args.n || i--)
		nr++;
	if (ret_nr)
		*ret_nr = nr;
	return &syscall_traits(nr)->args;
}

int policy_args_find(const char *arch, unsigned nr)
{
	int i = 0;

	if (!syscall_traits(nr)->args.n || !arch || strcmp(arch, "x86_64") != 0)
		return -1;
	while (nr-- > 0)
		i += syscall_traits(nr)->args.n > 0;
	return i;
}

uint64_t policy_args_value(unsigned i, uint64_t arg)
{
	const struct syscall_args *args = policy_args_syscall(i, NULL);

	return (arg & args->mask[0]) | (arg >> 32 & args->mask[1]) << 32;
}

void policy_args_add_any(struct policy_arguments *a, unsigned i)
{
	a->call[i] = (struct policy_args_seen){.any = true};
}

void policy_args_add(struct policy_arguments *a, unsigned i, uint64_t value)
{
	struct policy_args_seen *s = &a->call[i];
	uint32_t at = 0;

	while (at < s->n && s->value[at] < value)
		at++;
	if (s->any || (at < s->n && s->value[at] == value))
		return;
	if (s->n == POLICY_ARGS_VALUES) {
		policy_args_add_any(a, i);
		return;
	}
	memmove(s->value + at + 1, s->value + at, (s->n - at) * sizeof(*s->value));
	s->value[at] = value;
	s->n++;
}

void policy_args_merge(struct policy_arguments *a, const struct policy_arguments *from)
{
	for (unsigned i = 0; i < POLICY_ARGS_CALLS; i++) {
		if (from->call[i].any)
			policy_args_add_any(a, i);
		for (uint32_t k = 0; k < from->call[i].n; k++)
			policy_args_add(a, i, from->call[i].value[k]);
	}
}
