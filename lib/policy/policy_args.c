/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of argument values. */
#include "lib/policy/policy_args.h"

#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#define SOCK_TYPE 0xf /* of a socket's type, less its flags */
#define CLONE_NAMESPACES                                                                           \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)
/* Of clone, this bit belongs to the signal at its end. */
#define UNSHARE_NAMESPACES (CLONE_NAMESPACES | CLONE_NEWTIME)

static const struct policy_args_call calls[POLICY_ARGS_CALLS] = {
	{SYS_socket, 2, {0, 1}, {UINT32_MAX, SOCK_TYPE}},
	{SYS_socketpair, 2, {0, 1}, {UINT32_MAX, SOCK_TYPE}},
	{SYS_clone, 1, {0, 0}, {CLONE_NAMESPACES, 0}},
	{SYS_personality, 1, {0, 0}, {UINT32_MAX, 0}},
	{SYS_prctl, 1, {0, 0}, {UINT32_MAX, 0}},
	{SYS_unshare, 1, {0, 0}, {UNSHARE_NAMESPACES, 0}},
	{SYS_setns, 1, {1, 0}, {UINT32_MAX, 0}},
};

const struct policy_args_call *policy_args_call(unsigned i)
{
	return &calls[i];
}

int policy_args_find(const char *arch, unsigned nr)
{
	if (!arch || strcmp(arch, "x86_64") != 0)
		return -1;
	for (int i = 0; i < POLICY_ARGS_CALLS; i++)
		if (calls[i].nr == nr)
			return i;
	return -1;
}

uint64_t policy_args_value(unsigned i, uint64_t arg)
{
	return (arg & calls[i].mask[0]) | (arg >> 32 & calls[i].mask[1]) << 32;
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
