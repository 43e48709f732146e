/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks without an object of a class, and capabilities, one by one; see hook_case.h. */
#include "tests/support/bpf/hook_case.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/xattr.h>

#define AF_OF_NO_MODULE 11 /* Rose: its module has to be asked for */

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return outcome_of(pid);
}

static int try_socket(void)
{
	return outcome_of(socket(AF_INET, SOCK_DGRAM, 0));
}

static int try_listen(void)
{
	return outcome_of(listen(socket(AF_INET, SOCK_STREAM, 0), 1));
}

static int try_take_descriptor(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);

	return outcome_of(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int try_traceme(void)
{
	return outcome_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_mount(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return ELSE;
	return outcome_of(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static int try_remount(void)
{
	return outcome_of(mount("none", DIR, NULL, MS_REMOUNT, "size=64k"));
}

static int try_umount(void)
{
	return outcome_of(umount(DIR));
}

static int try_pivot_root(void)
{
	mkdir(DIR "/old", 0755);
	return outcome_of(syscall(SYS_pivot_root, DIR, DIR "/old"));
}

static int try_move_mount(void)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc", 1 /* OPEN_TREE_CLONE */);

	return outcome_of(syscall(SYS_move_mount, fd, "", AT_FDCWD, DIR, 4 /* F_EMPTY_PATH */));
}

static int try_fsconfig(void)
{
	int fd = (int)syscall(SYS_fsopen, "tmpfs", 0);

	return outcome_of(syscall(SYS_fsconfig, fd, 1 /* SET_STRING */, "size", "64k", 0));
}

static int try_chroot(void)
{
	return outcome_of(chroot("/"));
}

static int map_create(void)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

static int try_bpf(void)
{
	return outcome_of(map_create());
}

static int try_bpf_prog(void)
{
	/* r0 = 0; exit */
	const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
					 {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr a = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
			    .insns = (uintptr_t)insns,
			    .insn_cnt = 2,
			    .license = (uintptr_t) "GPL"};

	return outcome_of(syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)));
}

static int try_perf(void)
{
	struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
				    .size = sizeof(a),
				    .config = PERF_COUNT_SW_CPU_CLOCK,
				    .exclude_kernel = 1};

	return outcome_of(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}

static int try_add_key(void)
{
	return outcome_of(syscall(SYS_add_key, "user", "lutra", "x", 1, -2 /* process keyring */));
}

static int try_keyctl(void)
{
	return outcome_of(syscall(SYS_keyctl, 6 /* DESCRIBE */, -4 /* user keyring */, NULL, 0));
}

static int try_setuid(void)
{
	return outcome_of(setuid(0));
}

static int try_setgid(void)
{
	return outcome_of(setgid(0));
}

static int try_setgroups(void)
{
	return outcome_of(setgroups(0, NULL));
}

static int try_userns(void)
{
	return outcome_of(unshare(CLONE_NEWUSER));
}

static int try_userfaultfd(void)
{
	return outcome_of(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int setup_uring(unsigned flags)
{
	struct io_uring_params p = {.flags = flags};

	return (int)syscall(SYS_io_uring_setup, 1, &p);
}

static int try_io_uring(void)
{
	return outcome_of(setup_uring(0));
}

static int try_sqpoll(void)
{
	return outcome_of(setup_uring(IORING_SETUP_SQPOLL));
}

static int try_init_module(void)
{
	static const char garbage[4096];

	return outcome_of(syscall(SYS_init_module, garbage, sizeof(garbage), ""));
}

static int try_finit_module(void)
{
	return outcome_of(syscall(SYS_finit_module, open("/proc/self/exe", O_RDONLY), "", 0));
}

static int try_module_request(void)
{
	return outcome_of(socket(AF_OF_NO_MODULE, SOCK_SEQPACKET, 0));
}

static int try_kill_outside(void)
{
	return outcome_of(kill(getppid(), 0));
}

static int try_read_outside(void)
{
	char path[64], buf[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", getppid());
	return readlink(path, buf, sizeof(buf)) < 0 && errno == EACCES ? REFUSED : DONE;
}

static int try_netlink(void)
{
	const struct {
		struct nlmsghdr head;
		struct rtgenmsg body;
	} q = {{.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
		.nlmsg_type = RTM_GETLINK,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	       {AF_UNSPEC}};

	return outcome_of(send(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), &q, sizeof(q), 0));
}

static int try_lockdown(void)
{
	mknod(DIR "/mem", S_IFCHR | 0600, 1 << 8 | 1);
	return outcome_of(open(DIR "/mem", O_RDONLY | O_CLOEXEC));
}

static int try_syslog(void)
{
	return outcome_of(klogctl(10 /* SIZE_BUFFER */, NULL, 0));
}

static int try_settime(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return outcome_of(settimeofday(&tv, NULL));
}

static int try_setrlimit(void)
{
	struct rlimit l;

	getrlimit(RLIMIT_CORE, &l);
	l.rlim_cur = 0;
	return outcome_of(setrlimit(RLIMIT_CORE, &l));
}

#define HOOK(name, run, id, flags)                                                                 \
	{                                                                                          \
		name, run, LUTRA_OP_HOOK, LUTRA_HOOK_##id, LUTRA_RULE_NEW_HOOKABLE, flags, 0       \
	}
/* By a call that no rule but T, which is only recorded, is about: the hook speaks for itself. */
#define NOVEL(name, run, id, call)                                                                 \
	{                                                                                          \
		name, run, LUTRA_OP_HOOK, LUTRA_HOOK_##id, LUTRA_RULE_NEW_HOOKABLE, 0, call        \
	}
static const struct hook_case all[] = {
	HOOK("task_alloc", try_fork, TASK_ALLOC, 0),
	HOOK("socket_create", try_socket, SOCKET_CREATE, 0),
	HOOK("socket_listen", try_listen, SOCKET_LISTEN, 0),
	HOOK("ptrace_access_check", try_ptrace, PTRACE_ACCESS_CHECK, 0),
	HOOK("ptrace_access_check", try_read_outside, PTRACE_READ, 0),
	HOOK("ptrace_traceme", try_traceme, PTRACE_TRACEME, 0),
	HOOK("sb_mount", try_mount, SB_MOUNT, 0),
	HOOK("sb_remount", try_remount, SB_REMOUNT, NEW_MOUNTS),
	HOOK("sb_umount", try_umount, SB_UMOUNT, NEW_MOUNTS),
	HOOK("sb_pivotroot", try_pivot_root, SB_PIVOTROOT, NEW_MOUNTS),
	HOOK("move_mount", try_move_mount, MOVE_MOUNT, NEW_MOUNTS),
	HOOK("fs_context_parse_param", try_fsconfig, FS_CONTEXT_PARSE_PARAM, 0),
	HOOK("path_chroot", try_chroot, PATH_CHROOT, 0),
	HOOK("bpf", try_bpf, BPF, 0),
	HOOK("bpf_map", try_bpf, BPF_MAP, 0),
	HOOK("bpf_prog", try_bpf_prog, BPF_PROG, 0),
	HOOK("perf_event_open", try_perf, PERF_EVENT_OPEN, 0),
	HOOK("key_alloc", try_add_key, KEY_ALLOC, 0),
	HOOK("key_permission", try_keyctl, KEY_PERMISSION, QUIET),
	HOOK("task_fix_setuid", try_setuid, TASK_FIX_SETUID, 0),
	HOOK("task_fix_setgid", try_setgid, TASK_FIX_SETGID, 0),
	HOOK("task_fix_setgroups", try_setgroups, TASK_FIX_SETGROUPS, 0),
	HOOK("userns_create", try_userns, USERNS_CREATE, 0),
	HOOK("inode_init_security_anon", try_userfaultfd, INODE_INIT_SECURITY_ANON, 0),
	HOOK("inode_init_security_anon", try_io_uring, INODE_INIT_SECURITY_ANON, 0),
	HOOK("kernel_load_data", try_init_module, KERNEL_LOAD_DATA, 0),
	HOOK("kernel_read_file", try_finit_module, KERNEL_READ_FILE, 0),
	HOOK("kernel_module_request", try_module_request, KERNEL_MODULE_REQUEST, QUIET),
	HOOK("uring_sqpoll", try_sqpoll, URING_SQPOLL, 0),
	HOOK("task_kill", try_kill_outside, TASK_KILL, 0),
	NOVEL("task_kill", try_kill_outside, TASK_KILL, SYS_kill),
	NOVEL("ptrace_access_check", try_take_descriptor, PTRACE_ACCESS_CHECK, SYS_pidfd_getfd),
	HOOK("netlink_send", try_netlink, NETLINK_SEND, 0),
	HOOK("locked_down", try_lockdown, LOCKED_DOWN, NEW_MOUNTS),
	HOOK("syslog", try_syslog, SYSLOG, 0),
	HOOK("settime", try_settime, SETTIME, 0),
	HOOK("task_setrlimit", try_setrlimit, TASK_SETRLIMIT, 0),
	{"capable", try_chroot, LUTRA_OP_CAPABLE, 18 /* sys_chroot */, LUTRA_RULE_CAPABLE, 0, 0},
};

int main(int argc, char **argv)
{
	return hook_case_main(argc, argv, all, sizeof(all) / sizeof(all[0]));
}
