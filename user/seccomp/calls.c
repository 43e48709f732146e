/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start-up set is of runc 1.1.5 and crun 1.8.1 under strace -f: all calls that the thread group
 * made after its successful seccomp(SECCOMP_SET_MODE_FILTER), for root and nobody, in run and exec,
 * with noNewPrivileges and without; and what later versions of them and of Go's runtime add.
 * Whether a program ever sleeps before a child or a lock is ready is a matter of timing, which no
 * recording need show: nanosleep(3) is clock_nanosleep since glibc 2.31.
 */
#include "user/seccomp/calls.h"

#include <linux/prctl.h>
#include <stddef.h>
#include <string.h>

const char *const calls_startup[] = {
	/* descriptors, /proc/self/fd, the exec fifo, the terminal */
	"close", "close_range", "dup3", "epoll_ctl", "faccessat2", "fchown", "fcntl", "fstat",
	"fstatfs", "getdents64", "ioctl", "newfstatat", "openat", "openat2", "read", "readlinkat",
	"statx", "write",
	/* the listener's descriptor, to the runtime's parent */
	"recvmsg", "sendmsg",
	/* who the program will be */
	"capget", "capset", "chdir", "getcwd", "getpid", "getppid", "prctl", "setgid", "setgroups",
	"setresgid", "setresuid", "setsid", "setuid",
	/* threads of Go's runtime */
	"clone", "clock_gettime", "clock_nanosleep", "epoll_create1", "epoll_pwait", "eventfd2",
	"futex", "getrandom", "gettid", "madvise", "mmap", "mprotect", "munmap", "nanosleep",
	"pipe2", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity",
	"sched_yield", "sigaltstack", "tgkill",
	/* and then */
	"execve", "exit", "exit_group", "restart_syscall", NULL};

const uint32_t calls_startup_prctl[] = {
	PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_KEEPCAPS,	  PR_SET_KEEPCAPS,
	PR_SET_NAME,	  PR_CAPBSET_READ,  PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT,
};
const unsigned calls_n_startup_prctl = sizeof(calls_startup_prctl) / sizeof(calls_startup_prctl[0]);

const char *const calls_dangerous[] = {
	/* file systems and roots */
	"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount",
	"open_by_handle_at", "open_tree", "pivot_root", "quotactl", "quotactl_fd", "swapoff",
	"swapon", "umount2",
	/* namespaces and other processes */
	"kcmp", "move_pages", "pidfd_getfd", "process_madvise", "process_vm_readv",
	"process_vm_writev", "ptrace", "setns", "unshare",
	/* the kernel's own code, keys and memory */
	"add_key", "bpf", "delete_module", "finit_module", "init_module", "io_uring_enter",
	"io_uring_register", "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl",
	"lookup_dcookie", "perf_event_open", "request_key", "userfaultfd",
	/* the machine */
	"acct", "adjtimex", "clock_adjtime", "clock_settime", "ioperm", "iopl", "personality",
	"reboot", "setdomainname", "sethostname", "settimeofday", "syslog", "vhangup", NULL};

bool calls_is_dangerous(const char *name)
{
	for (const char *const *d = calls_dangerous; *d; d++)
		if (strcmp(*d, name) == 0)
			return true;
	return false;
}
