/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls. */
#include "lib/abi/syscall_traits.h"

#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"

#define SOCK_TYPE_BITS 0xf /* the rest of a socket's type are flags */
#define CLONE_NAMESPACES                                                                           \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)
/* In the flags of clone, the bit of CLONE_NEWTIME belongs to the signal at the child's end. */
#define UNSHARE_NAMESPACES (CLONE_NAMESPACES | CLONE_NEWTIME)

static const struct syscall_traits table[LUTRA_NR] = {
	[SYS_read] = {.traits = SYSCALL_STARTUP},
	[SYS_write] = {.traits = SYSCALL_STARTUP},
	[SYS_close] = {.traits = SYSCALL_STARTUP},
	[SYS_fstat] = {.traits = SYSCALL_STARTUP},
	[SYS_poll] = {.traits = SYSCALL_WAITS},
	[SYS_mmap] = {.traits = SYSCALL_STARTUP},
	[SYS_mprotect] = {.traits = SYSCALL_STARTUP},
	[SYS_munmap] = {.traits = SYSCALL_STARTUP},
	[SYS_rt_sigaction] = {.traits = SYSCALL_STARTUP},
	[SYS_rt_sigprocmask] = {.traits = SYSCALL_STARTUP},
	[SYS_rt_sigreturn] = {.traits = SYSCALL_STARTUP},
	[SYS_ioctl] = {.traits = SYSCALL_STARTUP},
	[SYS_select] = {.traits = SYSCALL_WAITS},
	[SYS_sched_yield] = {.traits = SYSCALL_STARTUP | SYSCALL_SLEEPS},
	[SYS_madvise] = {.traits = SYSCALL_STARTUP},
	[SYS_pause] = {.traits = SYSCALL_SLEEPS},
	[SYS_nanosleep] = {.traits = SYSCALL_STARTUP | SYSCALL_SLEEPS},
	[SYS_getpid] = {.traits = SYSCALL_STARTUP},
	[SYS_socket] = {.hook = "socket_create", .args = {2, {0, 1}, {UINT32_MAX, SOCK_TYPE_BITS}}},
	[SYS_connect] = {.hook = "socket_connect", .object = LUTRA_OP_CONNECT},
	[SYS_accept] = {.traits = SYSCALL_ACCEPTS},
	[SYS_sendmsg] = {.traits = SYSCALL_STARTUP},
	[SYS_recvmsg] = {.traits = SYSCALL_STARTUP},
	[SYS_bind] = {.hook = "socket_bind", .object = LUTRA_OP_BIND},
	[SYS_listen] = {.hook = "socket_listen"},
	[SYS_socketpair] = {.leads = {LUTRA_HOOK_SOCKET_CREATE},
			    .args = {2, {0, 1}, {UINT32_MAX, SOCK_TYPE_BITS}}},
	[SYS_clone] = {.traits = SYSCALL_STARTUP,
		       .hook = "task_alloc",
		       .args = {1, {0}, {CLONE_NAMESPACES}}},
	[SYS_fork] = {.hook = "task_alloc"},
	[SYS_vfork] = {.hook = "task_alloc"},
	[SYS_execve] = {.traits = SYSCALL_STARTUP, .hook = "bprm_check_security"},
	[SYS_exit] = {.traits = SYSCALL_STARTUP},
	[SYS_fcntl] = {.traits = SYSCALL_STARTUP},
	[SYS_getcwd] = {.traits = SYSCALL_STARTUP},
	[SYS_chdir] = {.traits = SYSCALL_STARTUP},
	[SYS_fchown] = {.traits = SYSCALL_STARTUP},
	[SYS_ptrace] = {.traits = SYSCALL_DANGEROUS,
			.hook = "ptrace_access_check",
			.leads = {LUTRA_HOOK_PTRACE_TRACEME}},
	[SYS_syslog] = {.traits = SYSCALL_DANGEROUS},
	[SYS_setuid] = {.traits = SYSCALL_STARTUP, .hook = "task_fix_setuid"},
	[SYS_setgid] = {.traits = SYSCALL_STARTUP, .hook = "task_fix_setgid"},
	[SYS_getppid] = {.traits = SYSCALL_STARTUP},
	[SYS_setsid] = {.traits = SYSCALL_STARTUP},
	[SYS_setreuid] = {.hook = "task_fix_setuid"},
	[SYS_setregid] = {.hook = "task_fix_setgid"},
	[SYS_setgroups] = {.traits = SYSCALL_STARTUP, .hook = "task_fix_setgroups"},
	[SYS_setresuid] = {.traits = SYSCALL_STARTUP, .hook = "task_fix_setuid"},
	[SYS_setresgid] = {.traits = SYSCALL_STARTUP, .hook = "task_fix_setgid"},
	[SYS_capget] = {.traits = SYSCALL_STARTUP},
	[SYS_capset] = {.traits = SYSCALL_STARTUP},
	[SYS_sigaltstack] = {.traits = SYSCALL_STARTUP},
	[SYS_personality] = {.traits = SYSCALL_DANGEROUS, .args = {1, {0}, {UINT32_MAX}}},
	[SYS_fstatfs] = {.traits = SYSCALL_STARTUP},
	[SYS_vhangup] = {.traits = SYSCALL_DANGEROUS},
	[SYS_pivot_root] = {.traits = SYSCALL_DANGEROUS, .hook = "sb_pivotroot"},
	[SYS_prctl] = {.traits = SYSCALL_STARTUP, .args = {1, {0}, {UINT32_MAX}}},
	[SYS_adjtimex] = {.traits = SYSCALL_DANGEROUS},
	[SYS_chroot] = {.traits = SYSCALL_DANGEROUS, .hook = "path_chroot"},
	[SYS_acct] = {.traits = SYSCALL_DANGEROUS},
	[SYS_settimeofday] = {.traits = SYSCALL_DANGEROUS},
	[SYS_mount] = {.traits = SYSCALL_DANGEROUS,
		       .hook = "sb_mount",
		       .leads = {LUTRA_HOOK_FS_CONTEXT_PARSE_PARAM}},
	[SYS_umount2] = {.traits = SYSCALL_DANGEROUS, .hook = "sb_umount"},
	[SYS_swapon] = {.traits = SYSCALL_DANGEROUS},
	[SYS_swapoff] = {.traits = SYSCALL_DANGEROUS},
	[SYS_reboot] = {.traits = SYSCALL_DANGEROUS},
	[SYS_sethostname] = {.traits = SYSCALL_DANGEROUS},
	[SYS_setdomainname] = {.traits = SYSCALL_DANGEROUS},
	[SYS_iopl] = {.traits = SYSCALL_DANGEROUS},
	[SYS_ioperm] = {.traits = SYSCALL_DANGEROUS},
	[SYS_init_module] = {.traits = SYSCALL_DANGEROUS,
			     .hook = "capable",
			     .leads = {LUTRA_HOOK_KERNEL_LOAD_DATA}},
	[SYS_delete_module] = {.traits = SYSCALL_DANGEROUS, .hook = "capable"},
	[SYS_quotactl] = {.traits = SYSCALL_DANGEROUS},
	[SYS_gettid] = {.traits = SYSCALL_STARTUP},
	[SYS_futex] = {.traits = SYSCALL_STARTUP | SYSCALL_SLEEPS},
	[SYS_sched_getaffinity] = {.traits = SYSCALL_STARTUP},
	[SYS_io_getevents] = {.traits = SYSCALL_WAITS},
	[SYS_lookup_dcookie] = {.traits = SYSCALL_DANGEROUS},
	[SYS_getdents64] = {.traits = SYSCALL_STARTUP},
	[SYS_restart_syscall] = {.traits = SYSCALL_STARTUP},
	[SYS_clock_settime] = {.traits = SYSCALL_DANGEROUS},
	[SYS_clock_gettime] = {.traits = SYSCALL_STARTUP},
	[SYS_clock_nanosleep] = {.traits = SYSCALL_STARTUP | SYSCALL_SLEEPS},
	[SYS_exit_group] = {.traits = SYSCALL_STARTUP},
	[SYS_epoll_wait] = {.traits = SYSCALL_WAITS},
	[SYS_epoll_ctl] = {.traits = SYSCALL_STARTUP},
	[SYS_tgkill] = {.traits = SYSCALL_STARTUP},
	[SYS_kexec_load] = {.traits = SYSCALL_DANGEROUS, .leads = {LUTRA_HOOK_KERNEL_LOAD_DATA}},
	[SYS_add_key] = {.traits = SYSCALL_DANGEROUS,
			 .leads = {LUTRA_HOOK_KEY_ALLOC, LUTRA_HOOK_KEY_PERMISSION}},
	[SYS_request_key] = {.traits = SYSCALL_DANGEROUS,
			     .leads = {LUTRA_HOOK_KEY_ALLOC, LUTRA_HOOK_KEY_PERMISSION}},
	[SYS_keyctl] = {.traits = SYSCALL_DANGEROUS,
			.hook = "key_permission",
			.leads = {LUTRA_HOOK_KEY_ALLOC}},
	[SYS_openat] = {.traits = SYSCALL_STARTUP},
	[SYS_newfstatat] = {.traits = SYSCALL_STARTUP},
	[SYS_readlinkat] = {.traits = SYSCALL_STARTUP},
	[SYS_pselect6] = {.traits = SYSCALL_WAITS},
	[SYS_ppoll] = {.traits = SYSCALL_WAITS},
	[SYS_unshare] = {.traits = SYSCALL_DANGEROUS,
			 .hook = "capable",
			 .leads = {LUTRA_HOOK_USERNS_CREATE},
			 .args = {1, {0}, {UNSHARE_NAMESPACES}}},
	[SYS_move_pages] = {.traits = SYSCALL_DANGEROUS},
	[SYS_epoll_pwait] = {.traits = SYSCALL_WAITS | SYSCALL_STARTUP},
	[SYS_accept4] = {.traits = SYSCALL_ACCEPTS},
	[SYS_eventfd2] = {.traits = SYSCALL_STARTUP},
	[SYS_epoll_create1] = {.traits = SYSCALL_STARTUP},
	[SYS_dup3] = {.traits = SYSCALL_STARTUP},
	[SYS_pipe2] = {.traits = SYSCALL_STARTUP},
	[SYS_perf_event_open] = {.traits = SYSCALL_DANGEROUS, .hook = "perf_event_open"},
	[SYS_open_by_handle_at] = {.traits = SYSCALL_DANGEROUS, .hook = "capable"},
	[SYS_clock_adjtime] = {.traits = SYSCALL_DANGEROUS},
	[SYS_setns] = {.traits = SYSCALL_DANGEROUS,
		       .hook = "capable",
		       .args = {1, {1}, {UINT32_MAX}}},
	[SYS_process_vm_readv] = {.traits = SYSCALL_DANGEROUS, .hook = "ptrace_access_check"},
	[SYS_process_vm_writev] = {.traits = SYSCALL_DANGEROUS, .hook = "ptrace_access_check"},
	[SYS_kcmp] = {.traits = SYSCALL_DANGEROUS},
	[SYS_finit_module] = {.traits = SYSCALL_DANGEROUS,
			      .hook = "capable",
			      .leads = {LUTRA_HOOK_KERNEL_READ_FILE}},
	[SYS_getrandom] = {.traits = SYSCALL_STARTUP},
	[SYS_memfd_create] = {.hook = "file_alloc_security"},
	[SYS_kexec_file_load] = {.traits = SYSCALL_DANGEROUS,
				 .leads = {LUTRA_HOOK_KERNEL_READ_FILE}},
	[SYS_bpf] = {.traits = SYSCALL_DANGEROUS, .hook = "bpf"},
	[SYS_execveat] = {.hook = "bprm_check_security"},
	[SYS_userfaultfd] = {.traits = SYSCALL_DANGEROUS, .hook = "inode_init_security_anon"},
	[SYS_statx] = {.traits = SYSCALL_STARTUP},
	[SYS_io_uring_setup] = {.traits = SYSCALL_DANGEROUS,
				.hook = "inode_init_security_anon",
				.leads = {LUTRA_HOOK_TASK_ALLOC}},
	[SYS_io_uring_enter] = {.traits = SYSCALL_DANGEROUS, .leads = {LUTRA_HOOK_TASK_ALLOC}},
	[SYS_io_uring_register] = {.traits = SYSCALL_DANGEROUS},
	[SYS_open_tree] = {.traits = SYSCALL_DANGEROUS, .hook = "capable"},
	[SYS_move_mount] = {.traits = SYSCALL_DANGEROUS, .hook = "move_mount"},
	[SYS_fsopen] = {.traits = SYSCALL_DANGEROUS, .hook = "capable"},
	[SYS_fsconfig] = {.traits = SYSCALL_DANGEROUS, .hook = "fs_context_parse_param"},
	[SYS_fsmount] = {.traits = SYSCALL_DANGEROUS, .hook = "capable"},
	[SYS_fspick] = {.traits = SYSCALL_DANGEROUS, .hook = "capable"},
	[SYS_clone3] = {.hook = "task_alloc"},
	[SYS_close_range] = {.traits = SYSCALL_STARTUP},
	[SYS_openat2] = {.traits = SYSCALL_STARTUP},
	[SYS_pidfd_getfd] = {.traits = SYSCALL_DANGEROUS,
			     .leads = {LUTRA_HOOK_PTRACE_ACCESS_CHECK}},
	[SYS_faccessat2] = {.traits = SYSCALL_STARTUP},
	[SYS_process_madvise] = {.traits = SYSCALL_DANGEROUS},
	[SYS_epoll_pwait2] = {.traits = SYSCALL_WAITS},
	[SYS_mount_setattr] = {.traits = SYSCALL_DANGEROUS, .hook = "capable"},
	[SYS_quotactl_fd] = {.traits = SYSCALL_DANGEROUS},
};

static const struct syscall_traits no_traits;

const struct syscall_traits *syscall_traits(unsigned nr)
{
	return nr < LUTRA_NR ? &table[nr] : &no_traits;
}

void syscall_mask(const char *arch, enum syscall_trait trait, uint64_t ret[LUTRA_NR / 64])
{
	unsigned nr;

	memset(ret, 0, LUTRA_NR / 8);
	for (unsigned native = 0; native < LUTRA_NR; native++) {
		const struct syscall_traits *t = &table[native];

		if ((t->traits & trait || (trait == SYSCALL_HOOKABLE && t->hook)) &&
		    syscall_to_arch(arch, native, &nr) == 0)
			ret[nr / 64] |= 1ull << (nr & 63);
	}
}

void syscall_hookable_mask(const char *arch, uint32_t ops, uint64_t ret[LUTRA_NR / 64])
{
	unsigned nr;

	syscall_mask(arch, SYSCALL_HOOKABLE, ret);
	for (unsigned native = 0; native < LUTRA_NR; native++)
		if (table[native].object && ops >> table[native].object & 1 &&
		    syscall_to_arch(arch, native, &nr) == 0)
			ret[nr / 64] &= ~(1ull << (nr & 63));
}

void syscall_idle_mask(const char *arch, uint64_t ret[LUTRA_NR / 64])
{
	uint64_t sleeps[LUTRA_NR / 64];

	syscall_mask(arch, SYSCALL_WAITS, ret);
	syscall_mask(arch, SYSCALL_SLEEPS, sleeps);
	for (unsigned i = 0; i < LUTRA_NR / 64; i++)
		ret[i] |= sleeps[i];
}

bool syscall_is_work(const struct lutra_record *rec, const uint64_t idle[LUTRA_NR / 64])
{
	if (rec->type == LUTRA_RECORD_OBJECT)
		return true;
	return rec->type == LUTRA_RECORD_SYSCALL && rec->nr != LUTRA_NR_RESTART &&
	       (rec->nr >= LUTRA_NR || !(idle[rec->nr / 64] >> (rec->nr & 63) & 1));
}

const char *syscall_hook(const char *arch, unsigned nr)
{
	unsigned native;

	return syscall_from_arch(arch, nr, &native) < 0 ? NULL : syscall_traits(native)->hook;
}

uint64_t syscall_hooks(const char *arch, unsigned nr)
{
	const struct syscall_traits *t;
	unsigned native, hook;
	uint64_t hooks = 0;

	if (syscall_from_arch(arch, nr, &native) < 0)
		return 0;
	t = syscall_traits(native);
	if (hook_parse(t->hook, &hook) == 0)
		hooks |= 1ull << hook;
	for (size_t i = 0; i < sizeof(t->leads) / sizeof(t->leads[0]) && t->leads[i]; i++)
		hooks |= 1ull << t->leads[i];
	return hooks;
}
