/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side and userspace exchange: the layout of map values and of ring records, and
 * the numbers of roles, operations, kinds, rules, modes and verdicts. Fixed width, widest first,
 * explicit padding. A change of any layout raises LUTRA_ABI_VERSION.
 */
#ifndef LUTRA_ABI_H
#define LUTRA_ABI_H

#include "lutra/types.h"

#define LUTRA_ABI_VERSION 18

/*
 * Slots: index of an enrolled container's kernel state. Slot 0 is never enrolled. A power of two, as
 * programs mask an index for the verifier.
 */
#define LUTRA_SLOTS 2048
#define LUTRA_CONTAINERS_MAX (LUTRA_SLOTS - 1)

/*
 * Entries of tasks whose memory is taken beforehand: those of 1,024 containers of 100 tasks. The
 * last of them are kept for tasks that are under way when the others are used up.
 */
#define LUTRA_RESERVE (100 * 1024)
#define LUTRA_RESERVE_MARGIN 256
/* Why a task of an enrolled cgroup may have no entry: struct lutra_shortage. */
#define LUTRA_LOST_NO_ROOM 1u /* one got none */
#define LUTRA_LOST_SKIPPED 2u /* this kernel skips runs of the program that sees forks */

/* Syscalls and tokens. */
#define LUTRA_NR 512 /* syscall numbers that a policy can name; the token map is indexed nr & 511 */
#define LUTRA_ROLES 5
#define LUTRA_ROLE_ROWS 8 /* rows of the token map: a row for any role too, and a power of two */
#define LUTRA_PAD 0	  /* token before a task's first syscall */
#define LUTRA_UNK 1	  /* token of a (role, syscall) never seen in training */
#define LUTRA_TOKEN0 2	  /* first trained token */
#define LUTRA_V_MAX 255	  /* PAD + UNK + at most 253 trained tokens */
#define LUTRA_K 128	  /* codes of layers 1 and 2 */
#define LUTRA_T0_STRIDE 256

#define LUTRA_THRESHOLD_OFF 0x7fffffff /* threshold of a policy without the level */

/* Numbers of objects' keys: lutra/object_key.h. */
#define LUTRA_KEYS 256
#define LUTRA_KEY_NONE 0     /* level M leaves the object out */
#define LUTRA_KEY_NEW 1	     /* training saw no such object */
#define LUTRA_KEY_FIRST 2    /* the first key of a policy */
#define LUTRA_KEY_SLOTS 2048 /* of the hash table of keys */

/* A syscall through a foreign entry has one of these in its number; see struct lutra_record. */
#define LUTRA_NR_IA32 0x4000
#define LUTRA_NR_X32 0x8000
#define LUTRA_NR_RESTART 219 /* x86-64 restart_syscall: never an event */
#define LUTRA_NR_NONE 0xffff /* an event outside any syscall */

enum lutra_role {
	LUTRA_ROLE_STARTUP = 0,
	LUTRA_ROLE_STEADY = 1,
	LUTRA_ROLE_SPAWNED = 2,
	LUTRA_ROLE_DEEPER = 3,
	/* Of an exec session and all that it starts. It knows what any other role knows too. */
	LUTRA_ROLE_SESSION = 4,
	/* Of a task that ran before it was enrolled. It knows what any role but session knows. */
	LUTRA_ROLE_ANY = LUTRA_ROLES,
};

enum lutra_mode {
	LUTRA_MODE_LEARN = 0,
	LUTRA_MODE_AUDIT = 1,
	LUTRA_MODE_DENY = 2,
	LUTRA_MODE_KILL = 3,
	LUTRA_MODE_KILL_CONTAINER = 4,
	LUTRA_MODE_FREEZE = 5,
	LUTRA_MODE_COUNT
};

enum lutra_verdict {
	LUTRA_VERDICT_ALLOW = 0, /* recorded only */
	LUTRA_VERDICT_ALERT = 1,
	LUTRA_VERDICT_DENY = 2,
	LUTRA_VERDICT_KILL = 3,
	LUTRA_VERDICT_COUNT
};

/* aux of an EXEC record: what a process executes, beside what it runs. */
enum lutra_exec {
	LUTRA_EXEC_UNKNOWN = 0, /* the recording does not say */
	LUTRA_EXEC_AGAIN = 1,	/* the same file, and it has not been forked since its last exec */
	LUTRA_EXEC_OTHER = 2,
};

/* What a policy does with a match of a rule. */
enum lutra_action {
	LUTRA_ACTION_LOG = 0,
	LUTRA_ACTION_ALERT = 1,
	LUTRA_ACTION_DENY = 2,
	LUTRA_ACTION_KILL = 3, /* at once, in the modes that deny or kill */
	LUTRA_ACTION_COUNT
};

/* Operations on objects. No operation has the number 0, so that an object token is never 0. */
enum lutra_op {
	LUTRA_OP_NONE = 0,
	LUTRA_OP_OPEN = 1,
	LUTRA_OP_EXEC = 2,
	LUTRA_OP_CONNECT = 3,
	LUTRA_OP_BIND = 4,
	LUTRA_OP_SEND = 5,
	LUTRA_OP_MAPX = 6,
	LUTRA_OP_WX = 7,
	LUTRA_OP_CAPABLE = 8,
	LUTRA_OP_UNLINK = 9,
	LUTRA_OP_RENAME_FROM = 10,
	LUTRA_OP_RENAME_TO = 11,
	LUTRA_OP_LINK_FROM = 12,
	LUTRA_OP_LINK_TO = 13,
	LUTRA_OP_SYMLINK = 14,
	LUTRA_OP_MKDIR = 15,
	LUTRA_OP_RMDIR = 16,
	LUTRA_OP_CHMOD = 17,
	LUTRA_OP_CHOWN = 18,
	LUTRA_OP_TRUNCATE = 19,
	LUTRA_OP_MKNOD = 20,
	LUTRA_OP_SETXATTR = 21,
	LUTRA_OP_CHDIR = 22,
	LUTRA_OP_HOOK = 23, /* a hook without an object: the event is that it was called */
	LUTRA_OP_PEER =
		24, /* a Unix socket that a connect or a message met, wherever its name led */
	LUTRA_OP_SOCKET = 25, /* a socket is made: its family, type and protocol */
	/* No operations. In a set of operations they say what else a recording or a policy tells
	 * apart: all classes of addresses; the transports of peers; 32-bit system calls. */
	LUTRA_OP_ADDR_CLASSES = 26,
	LUTRA_OP_TRANSPORTS = 27,
	LUTRA_OP_NATIVE = 28,	/* the runs made no 32-bit system call */
	LUTRA_OP_WX_LATER = 29, /* memory that may have been written becomes executable */
	/* No operation: hooks from LUTRA_HOOK_OUTSIDE on are recorded, or judged. */
	LUTRA_OP_OUTSIDE = 30,
	/* No operation: the token of a capability has its role. */
	LUTRA_OP_CAPABILITY_ROLES = 31,
	LUTRA_OP_COUNT
};
_Static_assert(LUTRA_OP_COUNT <= 32, "a set of operations is a __u32");

/* The set of all operations, a bit for each. */
#define LUTRA_OPS_ALL (~0u >> (32 - LUTRA_OP_COUNT) & ~1u)

/* Hooks of LUTRA_OP_HOOK: struct lutra_object.mode. */
enum lutra_hook {
	LUTRA_HOOK_NONE = 0,
	/* Hooks of hookable syscalls: known where training saw such a syscall. */
	LUTRA_HOOK_TASK_ALLOC,
	LUTRA_HOOK_SOCKET_CREATE,
	LUTRA_HOOK_SOCKET_LISTEN,
	LUTRA_HOOK_PTRACE_ACCESS_CHECK, /* to attach */
	LUTRA_HOOK_PTRACE_TRACEME,
	LUTRA_HOOK_SB_MOUNT,
	LUTRA_HOOK_SB_UMOUNT,
	LUTRA_HOOK_SB_PIVOTROOT,
	LUTRA_HOOK_MOVE_MOUNT,
	LUTRA_HOOK_FS_CONTEXT_PARSE_PARAM,
	LUTRA_HOOK_PATH_CHROOT,
	LUTRA_HOOK_BPF,
	LUTRA_HOOK_PERF_EVENT_OPEN,
	LUTRA_HOOK_KEY_ALLOC,
	LUTRA_HOOK_KEY_PERMISSION,
	LUTRA_HOOK_TASK_FIX_SETUID,
	LUTRA_HOOK_TASK_FIX_SETGID,
	LUTRA_HOOK_TASK_FIX_SETGROUPS,
	LUTRA_HOOK_USERNS_CREATE,
	LUTRA_HOOK_INODE_INIT_SECURITY_ANON,
	LUTRA_HOOK_KERNEL_LOAD_DATA,
	LUTRA_HOOK_KERNEL_READ_FILE,
	/* Other hooks: known where recordings through hooks saw them. */
	LUTRA_HOOK_OTHERS,
	LUTRA_HOOK_PTRACE_READ = LUTRA_HOOK_OTHERS, /* ptrace_access_check to read, out of the
						       container */
	LUTRA_HOOK_TASK_KILL,			    /* out of the container */
	LUTRA_HOOK_SB_REMOUNT,
	LUTRA_HOOK_BPF_MAP,
	LUTRA_HOOK_BPF_PROG,
	LUTRA_HOOK_KERNEL_MODULE_REQUEST,
	LUTRA_HOOK_URING_OVERRIDE_CREDS,
	LUTRA_HOOK_URING_SQPOLL,
	LUTRA_HOOK_URING_CMD,
	LUTRA_HOOK_NETLINK_SEND,
	LUTRA_HOOK_LOCKED_DOWN,
	LUTRA_HOOK_SYSLOG,
	LUTRA_HOOK_SETTIME,
	LUTRA_HOOK_TASK_SETRLIMIT,
	/* Only out of the container, and where LUTRA_OP_OUTSIDE is in the set of operations. */
	LUTRA_HOOK_OUTSIDE,
	LUTRA_HOOK_TASK_SETNICE = LUTRA_HOOK_OUTSIDE,
	LUTRA_HOOK_TASK_SETSCHEDULER,
	LUTRA_HOOK_TASK_SETIOPRIO,
	LUTRA_HOOK_TASK_MOVEMEMORY,
	LUTRA_HOOK_TASK_PRLIMIT,   /* task_setrlimit */
	LUTRA_HOOK_IPC_PERMISSION, /* a System V object that the container did not make */
	LUTRA_HOOK_COUNT
};

/* How an object differs from what training saw. */
enum lutra_kind {
	LUTRA_KIND_KNOWN = 0,
	LUTRA_KIND_PROTECTED = 1,   /* P: path misses the tree at a protected node */
	LUTRA_KIND_PROGRAM_DIR = 2, /* U: path misses under /usr, /lib*, /bin, /sbin, /opt */
	/* W: new plain file in a directory where the service wrote files, or in a new one below */
	LUTRA_KIND_DATA_DIR = 3,
	LUTRA_KIND_ELSEWHERE = 4, /* O: path misses elsewhere; new socket, capability or W+X */
	LUTRA_KIND_NEW_USE = 5,	 /* K: known node, new (operation, access, type, extension, role) */
	LUTRA_KIND_NEW_ROLE = 6, /* Y: as NEW_USE, under a directory where the role counts */
	/* S: new file in a directory where the role reads files of the same kind */
	LUTRA_KIND_SIBLING = 7,
	LUTRA_KIND_COUNT
};

/* Rules: each has one action in a policy, and its own leave-one-run-out replay. */
enum lutra_rule {
	LUTRA_RULE_NEW_SYSCALL = 0,
	LUTRA_RULE_NEW_HOOKABLE,
	LUTRA_RULE_LEVEL, /* level M */
	LUTRA_RULE_EXEC,
	LUTRA_RULE_EXEC_FRESH,
	LUTRA_RULE_CONNECT,
	LUTRA_RULE_BIND,
	LUTRA_RULE_SEND,
	LUTRA_RULE_MAPX,
	LUTRA_RULE_WX,
	LUTRA_RULE_CAPABLE,
	LUTRA_RULE_OPEN_READ_PROTECTED,
	LUTRA_RULE_OPEN_READ_PROGRAM_DIR,
	LUTRA_RULE_OPEN_READ_ELSEWHERE,
	LUTRA_RULE_OPEN_READ_NEW_USE,
	LUTRA_RULE_OPEN_READ_NEW_ROLE,
	LUTRA_RULE_OPEN_DIR,
	LUTRA_RULE_OPEN_WRITE_PROTECTED,
	LUTRA_RULE_OPEN_WRITE_PROGRAM_DIR,
	LUTRA_RULE_OPEN_WRITE_DATA_DIR,
	LUTRA_RULE_OPEN_WRITE_ELSEWHERE,
	LUTRA_RULE_OPEN_WRITE_NEW_USE,
	LUTRA_RULE_OPEN_WRITE_NEW_ROLE,
	LUTRA_RULE_PATH_PROTECTED,
	LUTRA_RULE_PATH_PROGRAM_DIR,
	LUTRA_RULE_PATH_DATA_DIR,
	LUTRA_RULE_PATH_ELSEWHERE,
	LUTRA_RULE_PATH_NEW_USE,
	LUTRA_RULE_UPDATED,
	LUTRA_RULE_OPEN_READ_IMAGE,
	LUTRA_RULE_OPEN_READ_SIBLING,
	LUTRA_RULE_NOVELTY, /* level N */
	LUTRA_RULE_COUNT,
	LUTRA_RULE_NONE = LUTRA_RULE_COUNT,
	LUTRA_RULE_GUARD,	   /* the guard is attacked: in no policy, refused unless audited */
	LUTRA_RULE_AUDIT_FALLBACK, /* of userspace: too many matches, the policy only alerts now */
	LUTRA_RULE_MODE,	   /* of userspace: a mode has changed; the string says why */
	LUTRA_RULE_SESSION,	   /* an exec session began: in no policy, allowed */
	LUTRA_RULE_UNGUARDED,	   /* of userspace: a container runs without a guard */
	LUTRA_RULE_MISSED	   /* of userspace: the kernel skipped runs of programs */
};

enum lutra_addr_class {
	LUTRA_ADDR_NONE = 0, /* a family without classes */
	LUTRA_ADDR_LOOPBACK = 1,
	LUTRA_ADDR_PRIVATE = 2,
	LUTRA_ADDR_PUBLIC = 3,
	LUTRA_ADDR_ANY = 4,
	/* Without LUTRA_OP_ADDR_CLASSES these count as private or public: lutra_addr_coarse(). */
	LUTRA_ADDR_LINK_LOCAL = 5,
	LUTRA_ADDR_METADATA = 6, /* where clouds give out keys */
	LUTRA_ADDR_CARRIER_NAT = 7,
	LUTRA_ADDR_MULTICAST = 8,    /* broadcast too */
	LUTRA_ADDR_UNIQUE_LOCAL = 9, /* IPv6, fc00::/7 */
	LUTRA_ADDR_MAPPED = 10,	     /* a public IPv4 address in the form of IPv6 */
	LUTRA_ADDR_TRANSLATED = 11,  /* IPv6 that stands for IPv4: NAT64, 6to4, Teredo */
	LUTRA_ADDR_COUNT
};
_Static_assert(LUTRA_ADDR_COUNT <= 16, "4 bits of a record");

/* The transport of a peer of IPv4 or IPv6. */
enum lutra_transport {
	LUTRA_TRANSPORT_UNKNOWN = 0, /* not recorded; in a policy: any */
	LUTRA_TRANSPORT_TCP = 1,
	LUTRA_TRANSPORT_UDP = 2,
	LUTRA_TRANSPORT_MPTCP = 3,
	LUTRA_TRANSPORT_SCTP = 4,
	LUTRA_TRANSPORT_OTHER = 5,
	LUTRA_TRANSPORT_COUNT
};

/*
 * A task's state of levels M and N: lutra/score_m.h. A token is a syscall or an object's key, in a
 * role. A fork copies the state, an exec keeps it.
 */
struct lutra_m_state {
	__s32 level;   /* M, 1 / (LUTRA_M_UNIT << LUTRA_M_FRACTION) nat */
	__s32 novelty; /* N, 1 / LUTRA_N_ONE new pairs a token */
	__u8 r2[4];    /* ring of the last four codes of layer 1 */
	__u8 r1[2];    /* ring of the last two codes of layer 0 */
	__u8 c0, c1;   /* the last token, and the one before */
	__u8 t;	       /* position in the rings: tokens so far, modulo 256 */
	__u8 pad[3];
};
_Static_assert(sizeof(struct lutra_m_state) == 20, "state of levels M and N");

/* What the scorer knows of a task's lineage. */
struct lutra_state {
	struct lutra_m_state m;
	__u8 role;
	__u8 is_later;	 /* 1: not of the process that the container began with */
	__u8 history_at; /* events so far, modulo 256: see struct lutra_history */
	__u8 pad;
};
_Static_assert(sizeof(struct lutra_state) == 24, "state layout");

/* The first members of an enrolled task's entry, in the task's storage. */
struct lutra_entry {
	struct lutra_state state;
	__u32 cache_index; /* of the map task_cache, from 1: the entry is there; 0: it is here */
};

/* The path tree, flattened: an open-addressed table of (node, key) -> child. Node 0 is "/". */
#define LUTRA_NODES 2048
#define LUTRA_EDGE_SLOTS 4096
#define LUTRA_OBJECT_SLOTS 4096
#define LUTRA_PROBE 16 /* longest run of occupied table slots a loader may build */

/* Of a file: only the base or a pack knows it, so any other use is judged as a miss. */
#define LUTRA_NODE_PROTECTED 0x01
#define LUTRA_NODE_USR 0x02	 /* is or lies under /usr, /lib*, /bin, /sbin, /opt */
#define LUTRA_NODE_WROTE 0x04	 /* the service wrote files directly in it */
#define LUTRA_NODE_ROLE 0x08	 /* opens at or under it count the role */
#define LUTRA_NODE_WILDCARD 0x10 /* children are looked up by the wildcard keys only */
#define LUTRA_NODE_VARIES 0x20	 /* format 2: any new name directly in it only alerts */
#define LUTRA_NODE_SECRET 0x40	 /* holds secrets: a new file here is never a sibling */
#define LUTRA_NODE_HOST 0x80	 /* the host's: /proc, /sys, /dev and mounts that show it */

struct lutra_edge {
	__u64 key;
	__u16 node;
	__u16 child; /* 0: empty slot (no edge leads to the root) */
	__u32 pad;
};
_Static_assert(sizeof(struct lutra_edge) == 16, "edge layout");

/*
 * Tables of the three layers of level M. An entry is weight << 8 | code. Pair (a, b) has the index
 * a << 8 | b in t0, and a << 7 | b in t1 and t2.
 */
struct lutra_m_tables {
	__u16 t0[LUTRA_T0_STRIDE * LUTRA_T0_STRIDE];
	__u16 t1[LUTRA_K * LUTRA_K];
	__u16 t2[LUTRA_K * LUTRA_K];
	__u8 p1;     /* layer-0 code of (PAD, PAD) */
	__u8 p2;     /* layer-1 code of (p1, p1) */
	__u8 shift;  /* a token moves level M by 1 / 2^shift of the distance; at most 15 */
	__u8 counts; /* how often the weight of a pair counts in a container; at most 15 */
	/* The same for level N. A pair counts for it no oftener than its weight counts. */
	__u8 novelty_shift;
	__u8 novelty_counts;
	__u8 pad[2];
};

/*
 * How often each pair that has a weight occurred in a container, up to counts of struct
 * lutra_m_tables: 4 bits a pair, with the same index as in the tables.
 */
struct lutra_m_counters {
	__u32 t0[LUTRA_T0_STRIDE * LUTRA_T0_STRIDE / 8];
	__u32 t1[LUTRA_K * LUTRA_K / 8];
	__u32 t2[LUTRA_K * LUTRA_K / 8];
};

/* A policy as the kernel executes it: the only value of an inner map. The loader has checked it. */
struct lutra_policy {
	__u64 hash_key[2];
	__u64 edge_seed;
	__u64 object_seed;
	__u64 key_seed;
	/* Syscalls that a hook can refuse: new ones match NEW_HOOKABLE. */
	__u64 hookable[LUTRA_NR / 64];
	__u64 hookable_ia32[LUTRA_NR / 64]; /* by 32-bit number; 0: the runs made 32-bit calls */
	__u64 steady[LUTRA_NR / 64];	    /* syscalls after which a start-up task is steady */
	__u32 port_exact;		    /* bit lutra_port_bit(): ports of this kind are exact;
					lutra_network_bit(): how far peers are told apart */
	__u32 ops;		 /* bit for each enum lutra_op: what the recordings could see */
	__s32 threshold;	 /* of level M, or LUTRA_THRESHOLD_OFF */
	__s32 novelty_threshold; /* of level N, or LUTRA_THRESHOLD_OFF */
	__u32 version;		 /* binding generation, never 0 */
	__u8 kill_matches;	 /* 1: in the kill modes, level M kills if its action is alert */
	__u8 thread_roles;	 /* 1: a task becomes steady alone, and moves on at any exec */
	__u8 action[64];	 /* enum lutra_action by enum lutra_rule */
	__u8 first_stays;   /* 1: no syscall ends the start-up of the container's first process */
	__u8 code_last;	    /* the last lutra_code_index() that counts */
	__u8 expects_image; /* 1: lutra_is_brought() counts */
	__u8 exact_names;   /* 1: struct lutra_class.exact counts */
	__u8 pad[6];
	__u64 wildcard_key[2];	/* keys of the file and of the directory wildcard */
	__u8 node[LUTRA_NODES]; /* LUTRA_NODE_* */
	/* Tokens of syscalls and of keys. Rows session and any have those of other roles too. */
	__u8 token[LUTRA_ROLE_ROWS][LUTRA_NR];
	__u8 key_token[LUTRA_ROLE_ROWS][LUTRA_KEYS]; /* LUTRA_PAD: level M leaves the key out */
	__u64 key[LUTRA_KEY_SLOTS];		     /* lutra_key_hash() | number; 0: empty slot */
	struct lutra_m_tables m;
	struct lutra_edge edge[LUTRA_EDGE_SLOTS];
	__u64 object[LUTRA_OBJECT_SLOTS]; /* 0: empty slot */
};
_Static_assert(LUTRA_RULE_GUARD < 64, "one action byte a rule");
_Static_assert(LUTRA_ROLE_ANY < LUTRA_ROLE_ROWS, "one row a role");
_Static_assert(sizeof(struct lutra_policy) % 8 == 0, "policy layout");

/*
 * A path as a walk of dentries meets it: the leaf first. name[i & 15] is valid as far as len says.
 * n counts every component walked, also those past 16: then the array holds the 16 nearest the
 * root, and DEEP is set.
 */
#define LUTRA_COMPONENTS 16
#define LUTRA_NAME 64
#define LUTRA_WALK_STEPS 24

#define LUTRA_PATH_DEEP 0x01	   /* more than 16 components */
#define LUTRA_PATH_LONG 0x02	   /* a component of more than 63 bytes */
#define LUTRA_PATH_UNRESOLVED 0x04 /* the walk gave up, or the name has a "..": no path is known */
#define LUTRA_PATH_DETACHED 0x08   /* no place in any mount: memfd, pipe, abstract socket */

struct lutra_path {
	char name[LUTRA_COMPONENTS][LUTRA_NAME];
	__u8 len[LUTRA_COMPONENTS]; /* 64: over 63 bytes, cut */
	__u32 n;
	__u32 flags; /* LUTRA_PATH_* */
};
_Static_assert(sizeof(struct lutra_path) == 1048, "path layout");

#define LUTRA_OBJ_WRITE 0x01 /* FMODE_WRITE, or create, truncate, append */
#define LUTRA_OBJ_FRESH 0x02 /* exec, mapx: unlinked, or ctime after the container's start */
#define LUTRA_OBJ_XBIT 0x04  /* chmod, mknod: any x or s bit */
#define LUTRA_OBJ_PRIVATE                                                                          \
	0x04		    /* open, rename-from, link-from: others have no access to the file, and
				  it belongs to another user than the task's */
#define LUTRA_OBJ_PATH 0x08 /* has a path: AF_UNIX with a name, and all file operations */
#define LUTRA_OBJ_UPDATED 0x80 /* exec, mapx: an exec session of the container wrote the file */
#define LUTRA_OBJ_LAYER 0x70   /* enum lutra_layer, shifted by LUTRA_OBJ_LAYER_SHIFT */
#define LUTRA_OBJ_LAYER_SHIFT 4

/*
 * Where the bytes of a file come from. Of a directory: where its entry is. Of a name that does not
 * exist yet: where it is made. An overlay other than that of the container's root is a volume.
 */
enum lutra_layer {
	LUTRA_LAYER_UNKNOWN = 0, /* not seen, or no file: a socket's name, an address */
	LUTRA_LAYER_IMAGE = 1,	 /* overlay: a lower layer, as the image has it */
	LUTRA_LAYER_WRITTEN = 2, /* overlay: the upper layer. The container or the host wrote it, or
				     moved a program or library of the image */
	LUTRA_LAYER_CHANGED = 3, /* overlay with metacopy: only owner, mode or times are written;
				     the data are the image's */
	LUTRA_LAYER_VOLUME = 4,	 /* another file system, /proc and /sys too */
	LUTRA_LAYER_TMPFS = 5,	 /* a tmpfs that is mounted in the container */
	LUTRA_LAYER_DETACHED = 6, /* in no directory: memfd, pipe */
	LUTRA_LAYER_ROOT = 7,	  /* the mount of the container's root, which is no overlay */
	LUTRA_LAYER_COUNT
};

/* What a hook saw, without the path. */
struct lutra_object {
	__u8 addr[16]; /* IPv4 in the first four bytes, or IPv6; network order */
	__u16 port;    /* host order; of socket the protocol */
	/* Inode mode; of capable the capability, of wx and wx-later the syscall, of hook the hook, of
	 * socket its type, of an IP peer enum lutra_transport. */
	__u16 mode;
	__u8 op;     /* enum lutra_op */
	__u8 flags;  /* LUTRA_OBJ_* */
	__u8 family; /* AF_* */
	__u8 addr_class;
};
_Static_assert(sizeof(struct lutra_object) == 24, "object layout");

/*
 * An alert that a container has raised and that was let pass: reported once, then counted. The
 * place of a key is by lutra_reported_place().
 */
#define LUTRA_REPORTED 512     /* alerts that are remembered of a container */
#define LUTRA_REPORTED_WAYS 8  /* places that one key may have */
#define LUTRA_REPORTED_TEXT 80 /* bytes of a path or name that are kept: the last ones */

struct lutra_reported {
	__u64 key;	/* lutra_reported_key(); 0: free */
	__u64 last_ns;	/* CLOCK_MONOTONIC; 0: free */
	__u32 repeated; /* how often it came again, since it was reported */
	__u16 text_len;
	__u8 rule;
	__u8 role;
	struct lutra_object object;
	char text[LUTRA_REPORTED_TEXT];
};
_Static_assert(sizeof(struct lutra_reported) == 128, "reported layout");

/* What one container has done: how often pairs occurred, and which objects alerts have reported. */
struct lutra_seen {
	struct lutra_m_counters m;
	struct lutra_reported reported[LUTRA_REPORTED];
	__u64 session_tools; /* 1: an alert reported a lutra_is_session_tool() */
};
_Static_assert(sizeof(struct lutra_seen) % 8 == 0, "seen layout");

/*
 * Returns where the struct lutra_seen of a container and a policy version is. While a policy
 * replaces another, events are judged by either, and both have one: versions differ in the last
 * bit.
 */
#define LUTRA_SEEN_SLOTS (2 * LUTRA_SLOTS)
static __always_inline __u32 lutra_seen_slot(__u32 slot, __u32 version)
{
	return slot << 1 | (version & 1);
}

/* An enrolled container. */
#define LUTRA_SLOT_RECORD 0x01	  /* events go to the records ring */
#define LUTRA_SLOT_NEXT_EXEC 0x02 /* pending tasks are armed at their next exec, wherever it is */
#define LUTRA_SLOT_KILLING 0x04	  /* kill-container: every task dies at its next syscall or event */
#define LUTRA_SLOT_FROZEN 0x08	  /* freeze: every refusable operation is refused */
#define LUTRA_SLOT_STARTING 0x10  /* tasks in it at enrolment are pending until their next exec */
#define LUTRA_SLOT_EXEC_SESSIONS 0x20 /* a task that joins it once it runs is an exec session */
#define LUTRA_SLOT_STARTED 0x40	      /* one of its tasks has been armed */
/* Exec sessions are in mode audit, whatever mode says. */
#define LUTRA_SLOT_AUDIT_EXEC_SESSIONS 0x80
#define LUTRA_SLOT_RAN_BEFORE                                                                      \
	0x100 /* tasks ran in it at enrolment: what they have open is not known */
#define LUTRA_SLOT_UNFILTERED                                                                      \
	0x200 /* a task, of no exec session, was armed without seccomp filter */

struct lutra_slot {
	__u64 cgroup_id;	 /* kernfs id of the enrolled cgroup; 0: slot is free */
	__u64 start_realtime_ns; /* files changed later than this are fresh */
	__u64 seen_since_ns;	 /* CLOCK_MONOTONIC, of its struct lutra_seen; 0: no policy */
	__u32 mode;		 /* enum lutra_mode */
	__u32 flags;		 /* LUTRA_SLOT_* */
	__u32 epoch;		 /* enrolment count of this slot: older task entries are void */
	__u32 generation;	 /* raised with every change of policy, mode or recording */
	__u32 instance;		 /* of the programs that act for it */
	__u32 version;		 /* of the policy that was bound last */
	__u32 mnt_ns;		 /* the container's mount namespace; 0: not known, or the host's */
	__u32 condemned;	 /* kills after which other tasks must die too: sharers.bpf.h */
};
_Static_assert(sizeof(struct lutra_slot) == 56, "slot layout");

/* Per-CPU counters of a slot; slot 0 counts what belongs to no container. */
enum lutra_counter {
	LUTRA_COUNTER_SYSCALLS = 0,  /* syscalls scored */
	LUTRA_COUNTER_OBJECTS,	     /* object events judged */
	LUTRA_COUNTER_NOVEL_TOKENS,  /* syscalls whose token was UNK */
	LUTRA_COUNTER_NOVEL_OBJECTS, /* objects whose kind was not KNOWN */
	LUTRA_COUNTER_ALLOW,	     /* matches by verdict */
	LUTRA_COUNTER_ALERT,
	LUTRA_COUNTER_DENY,
	LUTRA_COUNTER_KILL,
	LUTRA_COUNTER_REFUSED, /* operations a hook refused */
	LUTRA_COUNTER_EVIDENCE_LOST,
	LUTRA_COUNTER_RECORDS,
	LUTRA_COUNTER_RECORDS_LOST,
	LUTRA_COUNTER_STORAGE_FAILED, /* tasks that got no entry or no scratch, and need one; forks
					 that were refused for that */
	LUTRA_COUNTER_UNSCORED,	      /* events of armed tasks without a policy */
	LUTRA_COUNTER_PATHS_CUT,      /* paths too deep, too long or unresolved */
	LUTRA_COUNTER_SIGNAL_FAILED,  /* SIGKILLs that could not be sent */
	LUTRA_COUNTER_REPEATED,	      /* matches that alerted before: counted here alone */
	LUTRA_COUNTER_COUNT
};

struct lutra_counters {
	__u64 n[LUTRA_COUNTER_COUNT];
};

/*
 * A recorded event, in the records ring and in a trace.
 *
 *   type     nr                                    arg
 *   SYSCALL  number (| LUTRA_NR_IA32 or _X32)      two arguments: lutra/syscalls.h. aux: what else
 *                                                  is known of the call: lutra/transfer.h
 *   ARM      1 if the task ran already             its role, if that is known: lutra_role_pack().
 *                                                  The first event of the task. aux: 1 if it is of
 *                                                  an exec session. In a trace its string, if it
 *                                                  has one, is the path of the program that it runs
 *   FORK     1 for a thread                        tid | tgid << 32 of the child
 *   EXEC     -                                     tid before: a thread takes its leader's. aux:
 *                                                  enum lutra_exec
 *   EXIT     -                                     -
 *   OBJECT   current syscall, or LUTRA_NR_NONE     lutra_object_pack(), aux too
 *   MARK     -                                     see enum lutra_mark, which is in aux
 *   IPC      current syscall                       key | uid of the owner << 32, of a System V
 *                                                  object that a hook sees used. aux: permissions
 *                                                  asked for, as in its mode; 0: it is controlled
 *
 * aux of a SYSCALL and of an EXEC, and aux and arg of an ARM, are 0 in recordings that are older
 * than their meaning.
 */
enum lutra_record_type {
	LUTRA_RECORD_SYSCALL = 0,
	LUTRA_RECORD_ARM = 1,
	LUTRA_RECORD_FORK = 2,
	LUTRA_RECORD_EXEC = 3,
	LUTRA_RECORD_EXIT = 4,
	LUTRA_RECORD_OBJECT = 5,
	LUTRA_RECORD_MARK = 6,
	LUTRA_RECORD_IPC = 7,
	LUTRA_RECORD_COUNT
};

enum lutra_mark {
	LUTRA_MARK_ATTACK_ONSET = 1, /* tid: root of the attacked tree; 0: all tasks */
	LUTRA_MARK_ATTACK_END = 2,
	LUTRA_MARK_HARM = 3, /* a labelled harmful call; string names it */
	LUTRA_MARK_END = 4,  /* the run ended in order; arg: records lost */
	/*
	 * A policy in force alerted, refused or killed for the task tid, or logged what an exec
	 * session did. arg: CLOCK_MONOTONIC of the first unusual event of its lineage; string: the
	 * rule.
	 */
	LUTRA_MARK_UNUSUAL = 5,
	/* The recording is known to lack some of the run; string: why. */
	LUTRA_MARK_PARTIAL = 6,
};

#define LUTRA_NO_STRING 0xffffffffu

struct lutra_record {
	__u64 ts_ns; /* CLOCK_MONOTONIC */
	__u64 arg;
	__u32 tid;
	__u32 tgid;
	__u16 type;
	__u16 nr;
	__u16 aux;
	__u16 pad;
};
_Static_assert(sizeof(struct lutra_record) == 32, "record layout");

/* An entry of the records ring: the record, its slot, and str_len bytes of string after it. */
#define LUTRA_STRING_MAX 1040
struct lutra_ring_record {
	struct lutra_record rec;
	__u32 slot;
	__u32 str_len;
	char str[];
};
_Static_assert(sizeof(struct lutra_ring_record) == 40, "ring record layout");

/* An entry of the unfiltered ring: a task of a slot has no seccomp filter. */
struct lutra_unfiltered {
	__u32 instance; /* whose programs tell it */
	__u32 slot;
};
_Static_assert(sizeof(struct lutra_unfiltered) == 8, "note layout");

/* An event of a task before the match: a syscall, or an object that has a key. */
#define LUTRA_HISTORY 32
#define LUTRA_HISTORY_NR 0x7ff	    /* the syscall's number, or the object's key */
#define LUTRA_HISTORY_OBJECT 0x0800 /* the event is an object */
#define LUTRA_HISTORY_NOVEL 0x8000  /* token never seen */
struct lutra_history {
	__u16 nr_role; /* bits as above | role << 12 */
	__u16 weight;  /* sum of the weights that counted */
};

/* Of an exec session: how its container's policy judges it. */
#define LUTRA_SESSION_GUARDED 1 /* as the service */
#define LUTRA_SESSION_AUDITED 2 /* lutra_match_action() */

#define LUTRA_STARTER_MAX 256 /* bytes of a starter's path; a longer one is not known */

/*
 * An entry of the evidence ring: a match, its verdict, and the events before it. In evidence of
 * rule SESSION the object is the program: its addr is the name of the terminal (NUL-terminated, "":
 * none), its mode and port are the lower and the upper half of the user id on the host.
 */
struct lutra_evidence {
	__u64 ts_ns; /* CLOCK_MONOTONIC */
	__u64 cgroup_id;
	__u64 syscalls; /* of the task's lineage so far */
	__u64 since_ns; /* since the lineage's first unusual event of this episode */
	__u32 since_syscalls;
	__u32 slot;
	__u32 epoch;
	__u32 policy_version;
	__u32 tid;
	__u32 tgid;
	__u32 ppid;
	__s32 level;	 /* of level M, as in struct lutra_m_state */
	__s32 threshold; /* in the same unit; LUTRA_THRESHOLD_OFF: the policy has no level M */
	__s32 novelty;	 /* of level N, as in struct lutra_m_state */
	__s32 novelty_threshold; /* in the same unit; LUTRA_THRESHOLD_OFF: it has no level N */
	__u16 nr;		 /* current syscall, as in struct lutra_record */
	__u8 rule;
	__u8 kind;
	__u8 verdict;
	__u8 mode; /* in which it was judged: lutra_match_mode() */
	__u8 role;
	__u8 refused; /* 1: the hook that reports this refused the operation */
	__u8 weight[3];
	__u8 fallback; /* 1: seen through a tracepoint, not through a hook */
	__u32 str_len;
	__u8 exec_session; /* LUTRA_SESSION_*; 0: not of an exec session */
	__u8 pad;
	__u16 starter_len; /* of an execution; 0: not known */
	struct lutra_object object;
	char comm[16];
	struct lutra_history history[LUTRA_HISTORY]; /* oldest first */
	/*
	 * str_len bytes: path or socket name. Then starter_len bytes: the path of the program that
	 * the task ran before it executed this one.
	 */
	char str[];
};
_Static_assert(sizeof(struct lutra_evidence) == 264, "evidence layout");

#endif
