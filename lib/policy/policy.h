/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy in memory, its files and its form in the kernel. policy.json holds the rules and what
 * people read, tables.lut the arrays, model.lut what an update of the policy needs. The trainer
 * fills in a struct policy and saves it; other programs load it.
 */
#ifndef LUTRA_LIB_POLICY_POLICY_H
#define LUTRA_LIB_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/policy/policy_args.h"
#include "lib/policy/policy_model.h"
#include "lib/policy/policy_unseen.h"
#include "lutra/abi.h"

/* Files of a policy's directory that other folders read; policy_format.h has the other names. */
#define POLICY_JSON_FILE "policy.json"
#define POLICY_JSON_MAX (4u << 20)
#define POLICY_MODEL_FILE "model.lut"
/* What a person adds to a policy, and its signature: lib/policy/accepted/. */
#define POLICY_ACCEPTED_FILE "accepted.json"
#define POLICY_ACCEPTED_SIGNATURE "accepted.sig"
#define POLICY_PREVIOUS_DIR "previous" /* the policy that this one replaced */

/*
 * 1: roles of threads, no role of exec sessions, without their and a few other rules.
 * 2: LUTRA_NODE_VARIES in place of LUTRA_FIELD_VARIES, code_last is LUTRA_CODE_FORMAT_2.
 * 3: levels A and B in place of level M. They are dropped: policy_has_level().
 * 4: names with digits are never told apart. One that an older lutra made has no threshold of level N
 * either: policy_has_novelty().
 */
#define POLICY_FORMAT_VERSION 5
#define POLICY_FORMAT_FOLDED 4 /* the last without exact names */
#define POLICY_FORMAT_LEVEL 4  /* the first with level M */
#define POLICY_SUCCESSORS 4
#define POLICY_SHA256_TEXT 65 /* in hexadecimal, with the NUL */
#define POLICY_OBJECTS_MAX 2048
#define POLICY_OBJECT_KEYS_MAX 1024
#define POLICY_KEY_NAME 64 /* bytes of a key's name, with the NUL */

/* A node of the path tree. Node 0 is "/", its own parent. A parent's index is below its child's. */
struct policy_node {
	char name[LUTRA_NAME]; /* folded; "*" in a wildcard; "/" for the detached directory */
	/* lutra_component_key() of name; of a wildcard: wildcard_key[dir]. For exec sessions alone:
	 * that ^ LUTRA_SESSION_KEY. */
	uint64_t key;
	uint16_t parent;
	uint8_t flags;	      /* LUTRA_NODE_* */
	uint8_t dir;	      /* 1: a directory's name */
	uint8_t exec_session; /* 1: only exec sessions can reach it */
};

/* A key of objects, lutra/object_key.h. */
struct policy_key {
	uint64_t hash;
	uint8_t token
		[LUTRA_ROLES]; /* UNK: no run had it in this role; PAD: level M leaves it out */
	char name[POLICY_KEY_NAME]; /* in words: "read own/ /srv/www" */
};

/* One training run, for the provenance. */
struct policy_run {
	char *file;    /* base name */
	char *partial; /* why the recording is only a part of a run, or NULL */
	char sha256[65];
	uint64_t calls;
	uint64_t objects;
	double seconds;
};

/*
 * What leave-one-run-out replay found: each run is replayed under a policy of the other runs. An
 * episode is matches without a gap of more than 1 s; the counts add up all runs.
 */
struct policy_calibration {
	double hours;
	uint64_t calls;
	uint32_t runs;
	uint32_t heldout;		   /* runs never trained on that were added to the maxima */
	uint32_t alarms[LUTRA_RULE_COUNT]; /* episodes by rule */
	uint32_t alarms_alert;		   /* episodes of all rules that alert, deny or kill */
	uint32_t alarms_deny;		   /* episodes of all rules that deny or kill */
	double alert_per_hour_95[2];	   /* to expect in work like that of the runs */
	double deny_per_hour_95[2];
	struct policy_unseen
		unseen;	    /* new things at the end of training; of older policies not known */
	double max_level;   /* of level M, in nat, before the margin */
	double max_novelty; /* of level N, a share of pairs, before the margin */
	bool audit_only;    /* too few runs or too little time to deny */
	char *advice;	    /* what more is needed, one sentence; "" if nothing */
};

/*
 * A file that a policy knows things from which no run showed: the base, or the pack of a program.
 */
struct policy_known {
	char *name;
	char *program; /* whose pack it is; NULL: the base */
	char *package; /* by which the program was recognised; NULL: by its path */
	uint32_t version;
	uint32_t objects;  /* that the policy has */
	uint32_t left_out; /* for which it had no room */
};

/* What the runs say of the container's first process. Of two runs, the greater value counts. */
enum policy_first_process {
	POLICY_FIRST_UNSEEN = 0, /* no run began with it */
	POLICY_FIRST_STAYS,	 /* it stayed in its start-up: see lutra_role_steady() */
	POLICY_FIRST_STEADY,	 /* it became steady */
};

struct policy_keys; /* lib/policy/files/policy_key.h */

struct policy {
	uint32_t format; /* of the file that it was read from, or POLICY_FORMAT_VERSION */
	/* policy.json */
	char *image;
	char *digest;  /* of the image, or NULL */
	char *arch;    /* x86_64 */
	uint32_t mode; /* enum lutra_mode a container of this image starts in */
	bool steady_on_wait;
	enum policy_first_process first_process;
	bool thread_roles; /* of format 1: lutra_role_follow() and LUTRA_EXEC_AGAIN do not count */
	/* In the view of a container of a new release: see lutra_is_brought(). No file has it. */
	bool expects_image;
	bool exact_names;     /* names of programs with digits are told apart; since format 5 */
	bool audit_sessions;  /* exec sessions are never refused or killed */
	uint8_t code_last;    /* the last lutra_code_index() that training knew */
	uint8_t kill_matches; /* 1 or 2 */
	uint32_t ops;
	uint8_t action[LUTRA_RULE_COUNT];
	struct policy_arguments args; /* for a seccomp filter */
	uint64_t hookable[LUTRA_NR / 64];
	/* Of level M, in units of lutra_m_state.level. LUTRA_THRESHOLD_OFF: no level M. */
	int32_t threshold;
	/* Of level N, in units of lutra_m_state.novelty. LUTRA_THRESHOLD_OFF: no level N. */
	int32_t novelty_threshold;
	uint64_t seed;
	struct policy_run *runs;
	size_t n_runs;
	uint64_t calls, objects_seen;
	double hours;
	struct policy_known *known;
	size_t n_known;
	struct policy_calibration calibration;
	char json_sha256[POLICY_SHA256_TEXT]; /* of policy.json: which policy it is; set by load */
	/*
	 * Of what lib/policy/accepted/ added, and when the first part of it ends; "" and 0:
	 * nothing.
	 */
	char accepted_sha256[POLICY_SHA256_TEXT];
	int64_t accepted_until; /* seconds since 1970 */
	char tables_sha256[65]; /* set by load and save */
	char model_sha256[65];	/* the same; "" where the policy has no model */
	size_t model_bytes;
	uint64_t *known_tokens; /* of the files above, learned or not; set by training alone */
	size_t n_known_tokens;
	/* What an update is made from: saved, and loaded if asked for. */
	struct policy_model *model;

	/* tables.lut */
	uint32_t v; /* tokens: PAD, UNK, trained */
	uint8_t token[LUTRA_ROLES][LUTRA_NR];
	uint16_t *t0; /* v x v */
	uint16_t *t1; /* K x K */
	uint16_t *t2;
	uint8_t p1, p2;
	/* Of struct lutra_m_tables. Those of level N are 0 if the policy has no level N. */
	uint8_t level_shift, level_counts, novelty_shift, novelty_counts;
	uint64_t steady[LUTRA_NR / 64];
	uint64_t hash_key[2];
	uint32_t port_exact;
	struct policy_node *nodes;
	size_t n_nodes;
	uint64_t *objects; /* tokens, ascending */
	size_t n_objects;
	/* lutra_name_token(): of which names with digits a token is known; ascending */
	uint64_t *names;
	size_t n_names;
	struct policy_key *keys; /* by hash, ascending */
	size_t n_keys;
	uint8_t *successors; /* v x POLICY_SUCCESSORS, commonest first, PAD where fewer */
};

int policy_new(struct policy **ret);
void policy_free(struct policy *p);
DEFINE_FREEP(struct policy, policy_free);

/*
 * Returns true if the policy has level M. A policy of a format before POLICY_FORMAT_LEVEL has none.
 */
bool policy_has_level(const struct policy *p);

/* Returns true if the policy has level N. A policy that an older lutra made has none. */
bool policy_has_novelty(const struct policy *p);

/* Returns true if the key has a token in some role. */
bool policy_key_has_token(const struct policy_key *k);

/*
 * Returns the name of a token, of a system call or of an object's key: "openat", "read own/
 * /srv/www". Sets *ret_role to the first role that has the token. Returns "?" if the policy has no
 * such token.
 * buf: of size bytes, for a name that the policy does not hold.
 */
const char *policy_token_name(const struct policy *p, uint8_t token, uint8_t *ret_role, char *buf,
			      size_t size);

/* Returns the key that has a number in the kernel's form of the policy (LUTRA_KEY_*), or NULL. */
const struct policy_key *policy_key_by_number(const struct policy *p, unsigned number);

/*
 * Returns true if the policy's runs were recorded without LSM hooks. Capabilities, and hooks that have
 * no object, are not judged by it.
 */
bool policy_lacks_hooks(const struct policy *p);

/* Returns the first run of which the recording is known to be only a part, or NULL. */
const struct policy_run *policy_partial_run(const struct policy *p);

/* Frees p->known and what it holds. */
void policy_known_free(struct policy *p);

/*
 * Loads the policy in the directory dir and checks it: sizes, sums, ranges, and that its files
 * belong together. The caller frees *ret.
 * Returns 0. -ENOENT: there is no policy. -EBADMSG: it is damaged, or not a policy. -ENOEXEC: it is
 * for another architecture, or of a newer format. err says which, and what to do.
 */
int policy_load(struct policy **ret, const char *dir, struct err *err);

/* Does policy_load(). -EKEYREJECTED: keys has keys, and none of them signed the policy. */
int policy_load_signed(struct policy **ret, const char *dir, const struct policy_keys *keys,
		       struct err *err);

/*
 * Loads the model of a policy that was loaded from dir, which an update needs.
 * Returns 0. -ENODATA: the policy has no model or no level M. -EBADMSG: the model is damaged, or of
 * another policy. -ENOEXEC: the model is of a newer format.
 */
int policy_load_model(struct policy *p, const char *dir, struct err *err);

/*
 * Saves a policy as dir, whole or not at all: it is written beside dir, synced, and exchanged with
 * a policy that is there, which is kept in dir/previous. The parent of dir must exist. Equal
 * policies give equal bytes. Returns 0, or -errno as of open(2), write(2) and rename(2).
 */
int policy_save(struct policy *p, const char *dir, struct err *err);

/*
 * Puts the policy that the one in dir replaced back in its place, whole or not at all. What a person
 * added stays, and the one in dir becomes the replaced one, so that a second call undoes the first.
 * The caller frees *ret, the policy that dir has now. Returns 0. -ENOENT: it replaced none. Else as
 * policy_load_signed() and policy_save(); then dir is unchanged.
 */
int policy_roll_back(const char *dir, const struct policy_keys *keys, struct policy **ret,
		     struct err *err);

/*
 * Converts a policy to the kernel's form. version: generation of the binding, not 0. ret is large:
 * allocate it. Returns 0, or -ENOSPC: the path tree or the tokens do not fit the tables.
 */
int policy_to_kernel(const struct policy *p, uint32_t version, struct lutra_policy *ret,
		     struct err *err);

/*
 * Lets each role that knows clone3 and not clone use clone too: where a seccomp filter answers
 * clone3 with ENOSYS, as engines' own profiles do, libc calls clone instead.
 */
void policy_to_kernel_fall_back(const struct policy *p, struct lutra_policy *image);

/*
 * Changes the kernel's form of p for a kernel whose system calls are not seen. Hooks that stand for
 * system calls are judged by the policy; other hooks without an object are known, unless the
 * recordings had them. Levels M and N are off.
 * Returns 0. -EINVAL: its tasks become steady by a system call that no hook sees. -ENOSPC.
 */
int policy_to_kernel_without_syscalls(const struct policy *p, struct lutra_policy *image,
				      struct err *err);

/* Orders tokens for qsort() and bsearch(): the order of a policy's objects. */
int policy_compare_objects(const void *a, const void *b);

/* Checks every range that the scorer or a reader relies on. -EBADMSG: err names the first fault. */
int policy_check(const struct policy *p, struct err *err);

/* Returns the path of policy.json in dir, which the caller frees, or NULL: out of memory. */
char *policy_json_path(const char *dir);

/*
 * Writes an object token in words, cut to size: "open r file /srv/app/#.html", "connect steady ipv4
 * loopback port 3306". Returns 0, or -EINVAL: size is 0.
 */
int policy_object_name(const struct policy *p, uint64_t token, char *buf, size_t size);

/* Writes the path of a node, cut to size, with wildcards as '*'. -EINVAL: no node, or size 0. */
int policy_node_path(const struct policy *p, uint32_t node, char *buf, size_t size);

/*
 * Finds a child of a node by its folded name among n nodes. A child that the service reaches comes
 * before one that only exec sessions reach. Returns 0 if there is none.
 */
uint32_t policy_find_child(const struct policy_node *nodes, size_t n, uint32_t parent,
			   const char *name, bool dir);

/* Returns true if some new names directly in the directory of a node only alert. */
bool policy_node_varies(const struct policy *p, uint32_t node);

#endif
