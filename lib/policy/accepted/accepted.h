/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person adds to a policy, and training never touches: findings that are accepted, actions
 * of rules, and directories whose content varies by design. It lies beside policy.json:
 *
 *   accepted.json  {"format": 2, "policy": NAME, "entries": [ENTRY…], "actions": {RULE: ACTION},
 *                  "varies": [DIRECTORY…]}
 *   accepted.sig   its signature, as policy.sig is one of policy.json. While accepted.json is
 *   replaced,
 *                  it also has the signature of the one before, in a line of its own.
 *
 *   ENTRY          {"id", "finding", "scope", "text", "by", "time", "until", "reason", "forced"}
 *
 * The object in accepted.json is the delta of the policy. A scope says what is accepted without
 * numbers of the policy, so that it means the same after the next training. accepted_scope.c has
 * its members.
 */
#ifndef LUTRA_LIB_POLICY_ACCEPTED_ACCEPTED_H
#define LUTRA_LIB_POLICY_ACCEPTED_ACCEPTED_H

#include <jansson.h>
#include <time.h>

#include "lib/policy/files/policy_key.h"
#include "lib/policy/policy.h"

#define ACCEPTED_BYTES_MAX (1u << 20)
#define ACCEPTED_ENTRIES_MAX 512
#define ACCEPTED_VARIES_MAX 64
#define ACCEPTED_REASON_MAX 512 /* bytes */
#define ACCEPTED_TEXT 2304	/* bytes of a scope in words: of two paths */
#define ACCEPTED_TIME 32	/* bytes of a time as text */

/* ---- accepted_scope.c ---- */

enum accepted_kind {
	ACCEPTED_OBJECT,
	ACCEPTED_SYSCALL,
	ACCEPTED_LEVEL,
};

#define ACCEPTED_ANY_ROLE 0xff /* every role but that of exec sessions */

/* What is accepted. */
struct accepted_scope {
	enum accepted_kind kind;
	uint8_t role;	/* enum lutra_role or ACCEPTED_ANY_ROLE; not of a level */
	bool any_port;	/* of an address: all ports that the policy does not tell apart */
	bool extension; /* all files in the directory whose names have the extension of the path */
	bool any_type;	/* the path may be that of a file and that of a directory */
	struct lutra_object object;
	char path[LUTRA_STRING_MAX];	/* "": the object has none */
	char starter[LUTRA_STRING_MAX]; /* of exec: the program that starts it; "": any */
	unsigned nr; /* a system call; of the object of a hook, the call, or LUTRA_NR_NONE */
	/* Of a level: levels up to this one are known. In units of struct lutra_m_state. */
	int32_t threshold;
	uint8_t level_rule;  /* of a level: LUTRA_RULE_LEVEL or LUTRA_RULE_NOVELTY */
	uint8_t level_shift; /* of the tables: no effect on tables with another shift */
	char old_level;	     /* 0: M or N; 'A' or 'B': a level of older versions, without effect */
	unsigned percent; /* of a level: threshold in percent of the one in force; 0: not known */
};

/* Returns true if the object of an operation is an address: connect, bind or send. */
bool accepted_has_address(const struct lutra_object *o);
/* Returns the scope as JSON, or NULL: out of memory. */
json_t *accepted_scope_to_json(const struct accepted_scope *s);
/* Reads a scope. Returns 0. -EBADMSG: it is none; err names the member. */
int accepted_scope_from_json(json_t *j, struct accepted_scope *ret, struct err *err);
/* Describes a scope in one sentence without a full stop. Returns buf. */
const char *accepted_scope_text(const struct accepted_scope *s, char buf[static ACCEPTED_TEXT]);

/* ---- accepted_file.c ---- */

/* Returns a delta without entries, or NULL: out of memory. dir: of the policy. */
json_t *accepted_new(const char *dir);
/*
 * Reads the delta of the policy in dir and checks all of it. keys: NULL, or the keys of which one
 * must have signed it, if there are any. The caller frees *ret.
 * Returns 0. -ENOENT: there is none. -EBADMSG: it is damaged. -EKEYREJECTED: none of keys signed
 * it, or it is that of another policy.
 */
int accepted_read(const char *dir, const struct policy_keys *keys, json_t **ret, struct err *err);
/*
 * Writes the delta of the policy in dir. key_file: the secret key that signs it; NULL: a signature
 * that is there is removed. Returns 0. -EINVAL: the delta is none. Else as policy_key_sign() and
 * file_replace().
 */
int accepted_write(const char *dir, json_t *delta, const char *key_file, struct err *err);
/* Checks all members of a delta. Returns 0 or -EBADMSG; err names the first fault. */
int accepted_check(json_t *delta, struct err *err);
/* Returns true if the delta holds nothing. */
bool accepted_is_empty(const json_t *delta);
/* Returns the present time, in seconds since 1970. */
time_t accepted_now(void);
/* Reads a time as in the file, or a day as "2027-01-31". Returns 0 or -EINVAL. */
int accepted_time_parse(const char *text, time_t *ret);
const char *accepted_time_text(time_t t, char buf[static ACCEPTED_TIME]);

/* ---- accepted_edit.c ---- */

/* Who accepts, and what else an entry says. */
struct accepted_request {
	const char *finding; /* its id */
	const char *by;	     /* a name or number of a user */
	const char *reason;  /* NULL: none */
	time_t until;	     /* 0: without an end */
	bool forced;
};

/* Makes an entry. The caller frees it. NULL: out of memory, or a text is not UTF-8. */
json_t *accepted_entry_new(const struct accepted_scope *s, const struct accepted_request *q,
			   time_t now);
/*
 * Adds an entry. An entry with the same scope is replaced. Returns 0, -ENOSPC: there are
 * ACCEPTED_ENTRIES_MAX, or -ENOMEM.
 */
int accepted_add(json_t *delta, json_t *entry, struct err *err);
/* Finds the entry with this id. Returns a borrowed reference or NULL. */
json_t *accepted_find(const json_t *delta, const char *id);
/* Removes the entry with this id. Returns 0 or -ENOENT. */
int accepted_remove(json_t *delta, const char *id, struct err *err);
/* Sets or, if action is NULL, removes the action of a rule. Returns 0 or -EINVAL. */
int accepted_set_action(json_t *delta, const char *rule, const char *action, struct err *err);
/*
 * Adds or removes a directory whose content varies. path: of the container. Returns 0, -EINVAL,
 * -ENOENT or -ENOSPC.
 */
int accepted_set_varies(json_t *delta, const char *path, bool varies, struct err *err);
/*
 * Returns what two deltas differ in: {"gained": [TEXT…], "lost": [TEXT…]}. Either may be NULL.
 * NULL: out of memory.
 */
json_t *accepted_diff(const json_t *old, const json_t *now);
/*
 * Adds the member "accepted" to the result of policy_diff(): what the deltas in two directories
 * differ in. The result is no longer "same" if they differ. Returns 0 or an error of
 * accepted_read().
 */
int accepted_diff_add(json_t *diff, const char *old_dir, const char *dir, struct err *err);
/*
 * Returns the words before the time at which an entry ends or ended, or "": until is NULL or empty.
 */
const char *accepted_until_word(const char *until);
/* Returns each entry, action and directory in words, as an array. NULL: out of memory. */
json_t *accepted_words(const json_t *delta);

/* ---- accepted_apply.c ---- */

/*
 * Applies a delta to a policy in memory: the policy then knows what the entries say, as if a run
 * had shown it. Entries that have ended at the time now are left out. Sets p->accepted_sha256 and
 * p->accepted_until. What has no room, or cannot be told apart by this policy, is left out; then
 * *ret_left_out says what, else it is "".
 * Returns 0 or -ENOMEM. -EBADMSG: the delta is damaged; p is as it was.
 */
int accepted_apply(struct policy *p, json_t *delta, time_t now, struct err *ret_left_out,
		   struct err *err);

/*
 * Returns true if the policy tells the ports of such an address apart, or will do so with the first
 * one that is accepted.
 */
bool accepted_port_is_exact(const struct policy *p, const struct lutra_object *o);

/*
 * Loads a policy as policy_load_signed() does, and applies its delta. If the delta cannot be used,
 * the policy is loaded without it, which is stricter; then *ret_left_out says why, else it is "".
 */
int accepted_load(struct policy **ret, const char *dir, const struct policy_keys *keys,
		  struct err *ret_left_out, struct err *err);

/* ---- accepted_readings.c ---- */

/* What a finding says of its last event. Texts are those of the alert; NULL: unknown. */
struct accepted_facts {
	unsigned rule;
	unsigned role; /* enum lutra_role */
	bool exec_session;
	const char *object; /* "open w file /etc/passwd" */
	const char *path;
	const char *starter; /* of an execution: the program that the task ran before it */
	const char *call;
	int32_t level; /* of the rule's level, in units of struct lutra_m_state */
};

#define ACCEPTED_READINGS_MAX 4

/* One way to read a finding. */
struct accepted_reading {
	const char *name;   /* "starter", "path", "extension", "peer", "roles" ... */
	const char *danger; /* why accepting it needs force; NULL: it does not */
	struct accepted_scope scope;
};

/*
 * Lists the ways to read a finding, from narrow to wide. p: the policy in force; its tree of paths
 * may grow. Returns how many there are. -EINVAL: it cannot be accepted; err says why.
 */
int accepted_readings(struct policy *p, const struct accepted_facts *f,
		      struct accepted_reading ret[static ACCEPTED_READINGS_MAX], struct err *err);
/*
 * Returns the threshold in force for the level of a scope; 0: the policy has no such level, or the
 * scope is for tables of another kind.
 */
int32_t accepted_scope_threshold(const struct accepted_scope *s, const struct policy *p);
/* Sets the percent of a level's scope, of the threshold that a policy has. */
void accepted_scope_measure(struct accepted_scope *s, const struct policy *p);
/*
 * Returns the readings as an array of {"scope", "text", "danger", "percent"}. NULL: out of memory.
 */
json_t *accepted_readings_to_json(const struct accepted_reading *list, int n);

#endif
