/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the numbers in lutra/abi.h. */
#include "lib/abi/names.h"

#include <errno.h>
#include <string.h>

#include "lutra/abi.h"
#include "lutra/transfer.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char *const modes[] = {
	[LUTRA_MODE_LEARN] = "learn",	[LUTRA_MODE_AUDIT] = "audit",
	[LUTRA_MODE_DENY] = "deny",	[LUTRA_MODE_KILL] = "kill",
	[LUTRA_MODE_FREEZE] = "freeze", [LUTRA_MODE_KILL_CONTAINER] = "kill-container",
};
static const char *const verdicts[] = {"allow", "alert", "deny", "kill"};
static const char *const actions[] = {"log", "alert", "deny", "kill"};
static const char *const ops[] = {
	[LUTRA_OP_NONE] = "none",
	[LUTRA_OP_OPEN] = "open",
	[LUTRA_OP_EXEC] = "exec",
	[LUTRA_OP_CONNECT] = "connect",
	[LUTRA_OP_BIND] = "bind",
	[LUTRA_OP_SEND] = "send",
	[LUTRA_OP_MAPX] = "mapx",
	[LUTRA_OP_WX] = "wx",
	[LUTRA_OP_CAPABLE] = "capable",
	[LUTRA_OP_UNLINK] = "unlink",
	[LUTRA_OP_RENAME_FROM] = "rename-from",
	[LUTRA_OP_RENAME_TO] = "rename-to",
	[LUTRA_OP_LINK_FROM] = "link-from",
	[LUTRA_OP_LINK_TO] = "link-to",
	[LUTRA_OP_SYMLINK] = "symlink",
	[LUTRA_OP_MKDIR] = "mkdir",
	[LUTRA_OP_RMDIR] = "rmdir",
	[LUTRA_OP_CHMOD] = "chmod",
	[LUTRA_OP_CHOWN] = "chown",
	[LUTRA_OP_TRUNCATE] = "truncate",
	[LUTRA_OP_MKNOD] = "mknod",
	[LUTRA_OP_SETXATTR] = "setxattr",
	[LUTRA_OP_CHDIR] = "chdir",
	[LUTRA_OP_HOOK] = "hook",
	[LUTRA_OP_PEER] = "peer",
	[LUTRA_OP_SOCKET] = "socket",
	[LUTRA_OP_ADDR_CLASSES] = "address-classes",
	[LUTRA_OP_TRANSPORTS] = "transports",
	[LUTRA_OP_NATIVE] = "native",
	[LUTRA_OP_WX_LATER] = "wx-later",
	[LUTRA_OP_OUTSIDE] = "outside",
	[LUTRA_OP_CAPABILITY_ROLES] = "capability-roles",
};
static const char *const hooks[] = {
	[LUTRA_HOOK_NONE] = "none",
	[LUTRA_HOOK_TASK_ALLOC] = "task_alloc",
	[LUTRA_HOOK_SOCKET_CREATE] = "socket_create",
	[LUTRA_HOOK_SOCKET_LISTEN] = "socket_listen",
	[LUTRA_HOOK_PTRACE_ACCESS_CHECK] = "ptrace_access_check",
	[LUTRA_HOOK_PTRACE_TRACEME] = "ptrace_traceme",
	[LUTRA_HOOK_SB_MOUNT] = "sb_mount",
	[LUTRA_HOOK_SB_UMOUNT] = "sb_umount",
	[LUTRA_HOOK_SB_PIVOTROOT] = "sb_pivotroot",
	[LUTRA_HOOK_MOVE_MOUNT] = "move_mount",
	[LUTRA_HOOK_FS_CONTEXT_PARSE_PARAM] = "fs_context_parse_param",
	[LUTRA_HOOK_PATH_CHROOT] = "path_chroot",
	[LUTRA_HOOK_BPF] = "bpf",
	[LUTRA_HOOK_PERF_EVENT_OPEN] = "perf_event_open",
	[LUTRA_HOOK_KEY_ALLOC] = "key_alloc",
	[LUTRA_HOOK_KEY_PERMISSION] = "key_permission",
	[LUTRA_HOOK_TASK_FIX_SETUID] = "task_fix_setuid",
	[LUTRA_HOOK_TASK_FIX_SETGID] = "task_fix_setgid",
	[LUTRA_HOOK_TASK_FIX_SETGROUPS] = "task_fix_setgroups",
	[LUTRA_HOOK_USERNS_CREATE] = "userns_create",
	[LUTRA_HOOK_INODE_INIT_SECURITY_ANON] = "inode_init_security_anon",
	[LUTRA_HOOK_KERNEL_LOAD_DATA] = "kernel_load_data",
	[LUTRA_HOOK_KERNEL_READ_FILE] = "kernel_read_file",
	[LUTRA_HOOK_PTRACE_READ] = "ptrace_access_check-read",
	[LUTRA_HOOK_TASK_KILL] = "task_kill",
	[LUTRA_HOOK_SB_REMOUNT] = "sb_remount",
	[LUTRA_HOOK_BPF_MAP] = "bpf_map",
	[LUTRA_HOOK_BPF_PROG] = "bpf_prog",
	[LUTRA_HOOK_KERNEL_MODULE_REQUEST] = "kernel_module_request",
	[LUTRA_HOOK_URING_OVERRIDE_CREDS] = "uring_override_creds",
	[LUTRA_HOOK_URING_SQPOLL] = "uring_sqpoll",
	[LUTRA_HOOK_URING_CMD] = "uring_cmd",
	[LUTRA_HOOK_NETLINK_SEND] = "netlink_send",
	[LUTRA_HOOK_LOCKED_DOWN] = "locked_down",
	[LUTRA_HOOK_SYSLOG] = "syslog",
	[LUTRA_HOOK_SETTIME] = "settime",
	[LUTRA_HOOK_TASK_SETRLIMIT] = "task_setrlimit",
	[LUTRA_HOOK_TASK_SETNICE] = "task_setnice",
	[LUTRA_HOOK_TASK_SETSCHEDULER] = "task_setscheduler",
	[LUTRA_HOOK_TASK_SETIOPRIO] = "task_setioprio",
	[LUTRA_HOOK_TASK_MOVEMEMORY] = "task_movememory",
	[LUTRA_HOOK_TASK_PRLIMIT] = "task_setrlimit-outside",
	[LUTRA_HOOK_IPC_PERMISSION] = "ipc_permission",
};
static const char *const kinds[] = {"known", "P", "U", "W", "O", "K", "Y", "S"};
static const char *const roles[] = {"startup", "steady", "spawned", "deeper", "session", "any"};
static const char *const addr_classes[] = {
	[LUTRA_ADDR_NONE] = "none",
	[LUTRA_ADDR_LOOPBACK] = "loopback",
	[LUTRA_ADDR_PRIVATE] = "private",
	[LUTRA_ADDR_PUBLIC] = "public",
	[LUTRA_ADDR_ANY] = "any",
	[LUTRA_ADDR_LINK_LOCAL] = "link-local",
	[LUTRA_ADDR_METADATA] = "metadata",
	[LUTRA_ADDR_CARRIER_NAT] = "carrier-nat",
	[LUTRA_ADDR_MULTICAST] = "multicast",
	[LUTRA_ADDR_UNIQUE_LOCAL] = "unique-local",
	[LUTRA_ADDR_MAPPED] = "mapped",
	[LUTRA_ADDR_TRANSLATED] = "translated",
};
static const char *const transports[] = {"any", "tcp", "udp", "mptcp", "sctp", "other"};
static const char *const record_types[] = {"call", "arm",    "fork", "exec",
					   "exit", "object", "mark", "ipc"};
static const char *const layers[] = {"unknown", "image", "written",  "changed",
				     "volume",	"tmpfs", "detached", "root"};
static const char *const descriptors[] = {
	[LUTRA_DESCRIPTOR_NONE] = "memory",	  [LUTRA_DESCRIPTOR_BAD] = "closed",
	[LUTRA_DESCRIPTOR_FILE] = "file",	  [LUTRA_DESCRIPTOR_DIR] = "dir",
	[LUTRA_DESCRIPTOR_PIPE] = "pipe",	  [LUTRA_DESCRIPTOR_MEMORY] = "memfd",
	[LUTRA_DESCRIPTOR_TTY] = "tty",		  [LUTRA_DESCRIPTOR_CHARDEV] = "chardev",
	[LUTRA_DESCRIPTOR_BLOCKDEV] = "blockdev", [LUTRA_DESCRIPTOR_UNIX] = "unix",
	[LUTRA_DESCRIPTOR_IPV4] = "ipv4",	  [LUTRA_DESCRIPTOR_IPV6] = "ipv6",
	[LUTRA_DESCRIPTOR_NETLINK] = "netlink",	  [LUTRA_DESCRIPTOR_PACKET] = "packet",
	[LUTRA_DESCRIPTOR_SOCKET] = "socket",	  [LUTRA_DESCRIPTOR_EVENTFD] = "eventfd",
	[LUTRA_DESCRIPTOR_EPOLL] = "epoll",	  [LUTRA_DESCRIPTOR_TIMERFD] = "timerfd",
	[LUTRA_DESCRIPTOR_SIGNALFD] = "signalfd", [LUTRA_DESCRIPTOR_INOTIFY] = "inotify",
	[LUTRA_DESCRIPTOR_ANON] = "anon",	  [LUTRA_DESCRIPTOR_QUEUE] = "queue",
	[LUTRA_DESCRIPTOR_OTHER] = "other",
};
static const char *const marks[] = {"none", "attack-onset", "attack-end", "harm",
				    "end",  "unusual",	    "partial"};
static const char *const counters[] = {
	[LUTRA_COUNTER_SYSCALLS] = "calls",
	[LUTRA_COUNTER_OBJECTS] = "objects",
	[LUTRA_COUNTER_NOVEL_TOKENS] = "novel_tokens",
	[LUTRA_COUNTER_NOVEL_OBJECTS] = "novel_objects",
	[LUTRA_COUNTER_ALLOW] = "allow",
	[LUTRA_COUNTER_ALERT] = "alert",
	[LUTRA_COUNTER_DENY] = "deny",
	[LUTRA_COUNTER_KILL] = "kill",
	[LUTRA_COUNTER_REFUSED] = "refused",
	[LUTRA_COUNTER_EVIDENCE_LOST] = "evidence_lost",
	[LUTRA_COUNTER_RECORDS] = "records",
	[LUTRA_COUNTER_RECORDS_LOST] = "records_lost",
	[LUTRA_COUNTER_STORAGE_FAILED] = "storage_failed",
	[LUTRA_COUNTER_UNSCORED] = "unscored",
	[LUTRA_COUNTER_PATHS_CUT] = "paths_cut",
	[LUTRA_COUNTER_SIGNAL_FAILED] = "signal_failed",
	[LUTRA_COUNTER_REPEATED] = "repeated",
};
/* include/uapi/linux/capability.h */
static const char *const caps[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};
/* Inode types, S_IFMT >> 12. */
static const char *const types[] = {
	[0] = "anon",	  [1] = "fifo", [2] = "chardev", [4] = "dir",
	[6] = "blockdev", [8] = "file", [10] = "link",	 [12] = "socket",
};

/* Address families, AF_*. */
static const char *const families[] = {
	[1] = "unix",	 [2] = "ipv4", [10] = "ipv6",  [16] = "netlink",
	[17] = "packet", [38] = "alg", [40] = "vsock",
};

_Static_assert(N(modes) == LUTRA_MODE_COUNT, "modes");
_Static_assert(N(verdicts) == LUTRA_VERDICT_COUNT, "verdicts");
_Static_assert(N(actions) == LUTRA_ACTION_COUNT, "actions");
_Static_assert(N(ops) == LUTRA_OP_COUNT, "operations");
_Static_assert(N(kinds) == LUTRA_KIND_COUNT, "kinds");
_Static_assert(N(roles) == LUTRA_ROLE_ANY + 1, "roles");
_Static_assert(N(record_types) == LUTRA_RECORD_COUNT, "record types");
_Static_assert(N(layers) == LUTRA_LAYER_COUNT, "layers");
_Static_assert(N(descriptors) == LUTRA_DESCRIPTOR_COUNT, "descriptors");
_Static_assert(N(counters) == LUTRA_COUNTER_COUNT, "counters");

static const char *name_of(const char *const *names, size_t n, unsigned i)
{
	return i < n && names[i] ? names[i] : "?";
}

static int find_name(const char *const *names, size_t n, const char *name, unsigned *ret)
{
	for (size_t i = 0; name && i < n; i++) {
		if (names[i] && strcmp(names[i], name) == 0) {
			*ret = (unsigned)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *mode_name(unsigned mode)
{
	return name_of(modes, N(modes), mode);
}

const char *verdict_name(unsigned verdict)
{
	return name_of(verdicts, N(verdicts), verdict);
}

const char *action_name(unsigned action)
{
	return name_of(actions, N(actions), action);
}

const char *op_name(unsigned op)
{
	return name_of(ops, N(ops), op);
}

const char *kind_name(unsigned kind)
{
	return name_of(kinds, N(kinds), kind);
}

const char *role_name(unsigned role)
{
	return name_of(roles, N(roles), role);
}

const char *transport_name(unsigned transport)
{
	return name_of(transports, N(transports), transport);
}

const char *addr_class_name(unsigned c)
{
	return name_of(addr_classes, N(addr_classes), c);
}

const char *record_type_name(unsigned type)
{
	return name_of(record_types, N(record_types), type);
}

const char *layer_name(unsigned layer)
{
	return name_of(layers, N(layers), layer);
}

const char *descriptor_name(unsigned kind)
{
	return name_of(descriptors, N(descriptors), kind);
}

const char *mark_name(unsigned mark)
{
	return name_of(marks, N(marks), mark);
}

const char *counter_name(unsigned counter)
{
	return name_of(counters, N(counters), counter);
}

const char *cap_name(unsigned cap)
{
	return name_of(caps, N(caps), cap);
}

const char *hook_name(unsigned hook)
{
	return name_of(hooks, N(hooks), hook);
}

const char *inode_type_name(unsigned type)
{
	return name_of(types, N(types), type);
}

const char *family_name(unsigned family)
{
	return name_of(families, N(families), family);
}

int mode_parse(const char *name, unsigned *ret)
{
	return find_name(modes, N(modes), name, ret);
}

int action_parse(const char *name, unsigned *ret)
{
	return find_name(actions, N(actions), name, ret);
}

int op_parse(const char *name, unsigned *ret)
{
	return find_name(ops + 1, N(ops) - 1, name, ret) == 0 ? ((*ret)++, 0) : -EINVAL;
}

int hook_parse(const char *name, unsigned *ret)
{
	return find_name(hooks, N(hooks), name, ret);
}

int role_parse(const char *name, unsigned *ret)
{
	return find_name(roles, N(roles), name, ret);
}
