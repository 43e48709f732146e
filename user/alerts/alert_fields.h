/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert as a row of fields. One table names each field's column in the store, its key in the
 * JSON and its type; the schema and the JSON follow it, and `tests/lint docs` checks that
 * docs/alerts.md does. All text is valid UTF-8 without control characters.
 */
#ifndef LUTRA_USER_ALERTS_ALERT_FIELDS_H
#define LUTRA_USER_ALERTS_ALERT_FIELDS_H

#include "lib/policy/policy.h"
#include "user/alerts/alert.h"

enum alert_field {
	ALERT_TIME,
	ALERT_CONTAINER_ID,
	ALERT_CONTAINER,
	ALERT_IMAGE,
	ALERT_CGROUP,
	ALERT_VERDICT,
	ALERT_MODE,
	ALERT_RULE,
	ALERT_KIND,
	ALERT_ROLE,
	ALERT_SYSCALL,
	ALERT_OBJECT,
	ALERT_PATH,
	ALERT_COMM,
	ALERT_PID,
	ALERT_TID,
	ALERT_PPID,
	ALERT_REFUSED,
	ALERT_FALLBACK,
	ALERT_LEVEL,
	ALERT_THRESHOLD,
	ALERT_NOVELTY,
	ALERT_NOVELTY_THRESHOLD,
	ALERT_WEIGHT0,
	ALERT_WEIGHT1,
	ALERT_WEIGHT2,
	ALERT_SYSCALLS,
	ALERT_SINCE_NS,
	ALERT_SINCE_SYSCALLS,
	ALERT_POLICY,
	ALERT_POLICY_VERSION,
	ALERT_ANCESTORS,
	ALERT_EXEC_SESSION,
	ALERT_ENGINE,
	ALERT_DIGEST,
	ALERT_POD,
	ALERT_POD_NAMESPACE,
	ALERT_HISTORY,
	ALERT_PACKAGE,
	ALERT_FINDING, /* this and the next are optional: the JSON has them where they are known */
	ALERT_INCIDENT,
	ALERT_POLICY_SHA256,
	ALERT_EXPECTED,
	ALERT_STARTER,
	ALERT_CMDLINE,
	ALERT_EXEPATH,
	ALERT_CWD,
	ALERT_PARENT_CMDLINE,
	ALERT_PARENT_EXEPATH,
	ALERT_USER_UID, /* a text, so that 0 is no unknown one */
	ALERT_USER_NAME,
	ALERT_FIELDS
};

enum alert_type { ALERT_TYPE_TEXT, ALERT_TYPE_INTEGER, ALERT_TYPE_BOOLEAN };

struct alert_field_info {
	const char *column;
	const char *key; /* in output_fields; NULL: the JSON has it in another form */
	enum alert_type type;
	bool required; /* never NULL */
};

extern const struct alert_field_info alert_field_table[ALERT_FIELDS];

#define ALERT_HISTORY_NAME 128 /* bytes of the name of a call or an object, with the NUL */
#define ALERT_FIELDS_BYTES 36864

struct alert_fields {
	const char *text[ALERT_FIELDS]; /* of text fields; NULL: unknown */
	int64_t number[ALERT_FIELDS];	/* of the others */
	size_t used;			/* bytes of buf */
	char buf[ALERT_FIELDS_BYTES];
};

/*
 * Returns true if an optional field is unknown: the JSON leaves it out, the store has NULL. A
 * number is unknown if it is 0.
 */
bool alert_fields_is_unknown(const struct alert_fields *f, enum alert_field field);

/*
 * Flattens an alert into a row. p: the policy that judged it, which has the names of the objects in
 * the history; NULL: numbers stand for them. ALERT_ANCESTORS, ALERT_PACKAGE and the optional fields
 * are unknown until alert_fields_put() sets them.
 */
void alert_fields_set(struct alert_fields *f, const struct alert *a, const struct policy *p);

/* Returns how many entries the history of an alert has. They are the last ones of the array. */
unsigned alert_history_length(const struct lutra_evidence *ev);

/*
 * Writes the name of an entry of a history: a system call, or an object as the policy p names it.
 * If p is NULL, the number of the object.
 */
void alert_history_name(const struct lutra_history *h, const struct policy *p,
			char buf[static ALERT_HISTORY_NAME]);

/* Returns a text field, "" if it is unknown. */
static inline const char *alert_fields_text(const struct alert_fields *f, enum alert_field field)
{
	return f->text[field] ? f->text[field] : "";
}
/* Copies a text of any bytes into a text field; what does not fit is cut. NULL: unknown. */
void alert_fields_put(struct alert_fields *f, enum alert_field field, const char *text);

/*
 * Copies JSON text, which has no control characters, into a text field. What does not fit is
 * unknown.
 */
void alert_fields_put_json(struct alert_fields *f, enum alert_field field, const char *text);

#endif
