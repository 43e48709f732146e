/* SPDX-License-Identifier: Apache-2.0 */
/* Argument values in words. */
#include "lib/policy/policy_args.h"

#include <linux/prctl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "lib/abi/names.h"

static const char *const types[] = {
	[1] = "stream", [2] = "dgram", [3] = "raw", [4] = "rdm", [5] = "seqpacket", [10] = "packet",
};

static const struct {
	uint32_t bit;
	const char *name;
} namespaces[] = {
	{CLONE_NEWNS, "mount"}, {CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWUTS, "uts"},
	{CLONE_NEWIPC, "ipc"},	{CLONE_NEWUSER, "user"},     {CLONE_NEWPID, "pid"},
	{CLONE_NEWNET, "net"},	{CLONE_NEWTIME, "time"},
};

static const char *const options[] = {
	[PR_SET_PDEATHSIG] = "set-pdeathsig",
	[PR_GET_PDEATHSIG] = "get-pdeathsig",
	[PR_GET_DUMPABLE] = "get-dumpable",
	[PR_SET_DUMPABLE] = "set-dumpable",
	[PR_GET_KEEPCAPS] = "get-keepcaps",
	[PR_SET_KEEPCAPS] = "set-keepcaps",
	[PR_SET_TIMING] = "set-timing",
	[PR_SET_NAME] = "set-name",
	[PR_GET_NAME] = "get-name",
	[PR_GET_SECCOMP] = "get-seccomp",
	[PR_SET_SECCOMP] = "set-seccomp",
	[PR_CAPBSET_READ] = "capbset-read",
	[PR_CAPBSET_DROP] = "capbset-drop",
	[PR_GET_SECUREBITS] = "get-securebits",
	[PR_SET_SECUREBITS] = "set-securebits",
	[PR_SET_TIMERSLACK] = "set-timerslack",
	[PR_GET_TIMERSLACK] = "get-timerslack",
	[PR_SET_MM] = "set-mm",
	[PR_SET_CHILD_SUBREAPER] = "set-child-subreaper",
	[PR_GET_CHILD_SUBREAPER] = "get-child-subreaper",
	[PR_SET_NO_NEW_PRIVS] = "set-no-new-privs",
	[PR_GET_NO_NEW_PRIVS] = "get-no-new-privs",
	[PR_SET_THP_DISABLE] = "set-thp-disable",
	[PR_GET_THP_DISABLE] = "get-thp-disable",
	[PR_CAP_AMBIENT] = "cap-ambient",
	[PR_GET_SPECULATION_CTRL] = "get-speculation-ctrl",
	[PR_SET_SPECULATION_CTRL] = "set-speculation-ctrl",
};

static void socket_words(uint64_t value, char *buf, size_t size)
{
	const uint32_t family = (uint32_t)value, type = (uint32_t)(value >> 32);
	char number[16];
	const char *word = number;

	snprintf(number, sizeof(number), "type %u", type);
	if (type < sizeof(types) / sizeof(types[0]) && types[type])
		word = types[type];
	snprintf(buf, size, "%s %s", family_name(family), word);
}

static void namespace_words(uint32_t flags, char *buf, size_t size)
{
	size_t len = 0;

	snprintf(buf, size, "none");
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if (flags & namespaces[i].bit && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? "+" : "",
						namespaces[i].name);
}

void policy_args_name(unsigned i, uint64_t value, char *buf, size_t size)
{
	const char *word = NULL;
	unsigned nr;

	policy_args_syscall(i, &nr);
	switch (nr) {
	case SYS_socket:
	case SYS_socketpair:
		socket_words(value, buf, size);
		return;
	case SYS_clone:
	case SYS_unshare:
		namespace_words((uint32_t)value, buf, size);
		return;
	case SYS_setns:
		namespace_words((uint32_t)value, buf, size);
		if (!value)
			snprintf(buf, size, "of any kind");
		return;
	case SYS_prctl:
		if (value < sizeof(options) / sizeof(options[0]))
			word = options[value];
		break;
	default:
		break;
	}
	if (word)
		snprintf(buf, size, "%s", word);
	else
		snprintf(buf, size, "0x%llx", (unsigned long long)value);
}
