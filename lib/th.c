/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls and the hooks that refuse them. With capable it is the work of the call that is refused:
 * one that needs no capability (setuid to the same user, unshare of nothing) goes on.
 */
#include "lib/th.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/names.h"

static const struct th_call {
	uint16_t nr;
	const char *hook;
} calls[] = {
	{SYS_execve, "bprm_check_security"},
	{SYS_execveat, "bprm_check_security"},
	{SYS_socket, "socket_create"},
	{SYS_connect, "socket_connect"},
	{SYS_bind, "socket_bind"},
	{SYS_mount, "sb_mount"},
	{SYS_ptrace, "ptrace_access_check"},
	{SYS_process_vm_readv, "ptrace_access_check"},
	{SYS_process_vm_writev, "ptrace_access_check"},
	{SYS_unshare, "capable"},
	{SYS_setns, "capable"},
	{SYS_pivot_root, "capable"},
	{SYS_chroot, "capable"},
	{SYS_umount2, "capable"},
	{SYS_move_mount, "capable"},
	{SYS_open_tree, "capable"},
	{SYS_fsopen, "capable"},
	{SYS_fsconfig, "capable"},
	{SYS_fsmount, "capable"},
	{SYS_fspick, "capable"},
	{SYS_mount_setattr, "capable"},
	{SYS_init_module, "capable"},
	{SYS_finit_module, "capable"},
	{SYS_delete_module, "capable"},
	{SYS_bpf, "capable"},
	{SYS_perf_event_open, "capable"},
	{SYS_open_by_handle_at, "capable"},
	{SYS_setuid, "capable"},
	{SYS_setgid, "capable"},
	{SYS_setreuid, "capable"},
	{SYS_setregid, "capable"},
	{SYS_setresuid, "capable"},
	{SYS_setresgid, "capable"},
	{SYS_setgroups, "capable"},
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

void th_mask(const char *arch, uint64_t ret[LUTRA_NR / 64])
{
	unsigned nr;

	memset(ret, 0, LUTRA_NR / 8);
	for (size_t i = 0; i < N_CALLS; i++)
		if (nr_on(arch, calls[i].nr, &nr) == 0)
			ret[nr / 64] |= 1ull << (nr & 63);
}

const char *th_hook(const char *arch, unsigned nr)
{
	unsigned native;

	if (nr_native(arch, nr, &native) < 0)
		return NULL;
	for (size_t i = 0; i < N_CALLS; i++)
		if (calls[i].nr == native)
			return calls[i].hook;
	return NULL;
}
