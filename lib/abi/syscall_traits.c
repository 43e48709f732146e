/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls and the hooks that refuse them. With capable it is the work of the call that is refused: an
 * unshare of nothing that needs a capability goes on. A hook that is an object's own (executions,
 * addresses) has no number here.
 */
#include "lib/abi/syscall_traits.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/names.h"

static const struct th_call {
	uint16_t nr;
	const char *hook;
} calls[] = {
	{SYS_execve, "bprm_check_security"},
	{SYS_execveat, "bprm_check_security"},
	{SYS_socket, "socket_create"},
	{SYS_connect, "socket_connect"},
	{SYS_bind, "socket_bind"},
	{SYS_listen, "socket_listen"},
	{SYS_fork, "task_alloc"},
	{SYS_vfork, "task_alloc"},
	{SYS_clone, "task_alloc"},
	{SYS_clone3, "task_alloc"},
	{SYS_mount, "sb_mount"},
	{SYS_umount2, "sb_umount"},
	{SYS_pivot_root, "sb_pivotroot"},
	{SYS_chroot, "path_chroot"},
	{SYS_move_mount, "move_mount"},
	{SYS_fsconfig, "fs_context_parse_param"},
	{SYS_open_tree, "capable"},
	{SYS_fsopen, "capable"},
	{SYS_fsmount, "capable"},
	{SYS_fspick, "capable"},
	{SYS_mount_setattr, "capable"},
	{SYS_ptrace, "ptrace_access_check"},
	{SYS_process_vm_readv, "ptrace_access_check"},
	{SYS_process_vm_writev, "ptrace_access_check"},
	{SYS_unshare, "capable"},
	{SYS_setns, "capable"},
	{SYS_init_module, "capable"},
	{SYS_finit_module, "capable"},
	{SYS_delete_module, "capable"},
	{SYS_bpf, "bpf"},
	{SYS_perf_event_open, "perf_event_open"},
	{SYS_open_by_handle_at, "capable"},
	{SYS_keyctl, "key_permission"},
	{SYS_memfd_create, "file_alloc_security"},
	{SYS_userfaultfd, "inode_init_security_anon"},
	{SYS_io_uring_setup, "inode_init_security_anon"},
	{SYS_setuid, "task_fix_setuid"},
	{SYS_setreuid, "task_fix_setuid"},
	{SYS_setresuid, "task_fix_setuid"},
	{SYS_setgid, "task_fix_setgid"},
	{SYS_setregid, "task_fix_setgid"},
	{SYS_setresgid, "task_fix_setgid"},
	{SYS_setgroups, "task_fix_setgroups"},
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

/*
 * Hooks that a call leads to: the one that refuses it, and others on the way. Not from clone to a
 * user namespace: every service that forks would be known to make these.
 */
static const struct th_lead {
	uint16_t nr;
	uint16_t hook;
} leads[] = {
	{SYS_socketpair, LUTRA_HOOK_SOCKET_CREATE},
	{SYS_ptrace, LUTRA_HOOK_PTRACE_TRACEME},
	{SYS_mount, LUTRA_HOOK_FS_CONTEXT_PARSE_PARAM},
	{SYS_unshare, LUTRA_HOOK_USERNS_CREATE},
	{SYS_keyctl, LUTRA_HOOK_KEY_ALLOC},
	{SYS_add_key, LUTRA_HOOK_KEY_ALLOC},
	{SYS_add_key, LUTRA_HOOK_KEY_PERMISSION},
	{SYS_request_key, LUTRA_HOOK_KEY_ALLOC},
	{SYS_request_key, LUTRA_HOOK_KEY_PERMISSION},
	{SYS_pidfd_getfd, LUTRA_HOOK_PTRACE_ACCESS_CHECK},
	{SYS_io_uring_setup, LUTRA_HOOK_TASK_ALLOC},
	{SYS_io_uring_enter, LUTRA_HOOK_TASK_ALLOC},
	{SYS_init_module, LUTRA_HOOK_KERNEL_LOAD_DATA},
	{SYS_finit_module, LUTRA_HOOK_KERNEL_READ_FILE},
	{SYS_kexec_load, LUTRA_HOOK_KERNEL_LOAD_DATA},
	{SYS_kexec_file_load, LUTRA_HOOK_KERNEL_READ_FILE},
};

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

uint64_t th_leads(const char *arch, unsigned nr)
{
	const char *name = th_hook(arch, nr);
	unsigned native, hook;
	uint64_t hooks = 0;

	if (name && hook_parse(name, &hook) == 0)
		hooks |= 1ull << hook;
	if (nr_native(arch, nr, &native) < 0)
		return hooks;
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (leads[i].nr == native)
			hooks |= 1ull << leads[i].hook;
	return hooks;
}
