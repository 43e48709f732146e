/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts in words. */
#ifndef LUTRA_USER_ALERTS_ALERT_TEXT_H
#define LUTRA_USER_ALERTS_ALERT_TEXT_H

#include "user/alerts/alert_fields.h"

#define ALERT_TEXT 2048
#define ALERT_PATH_TEXT 1536 /* leaves room for the words around it */

/*
 * Describes an operation and its object: "open w file /etc/passwd", "connect 10.1.2.3:4444"; "" for
 * a system call alone. str: path or socket name, str_len bytes.
 */
void alert_object_text(const struct lutra_object *o, const char *str, size_t str_len,
		       char buf[static ALERT_TEXT]);
/* Names the object only: path, address, capability, hook or system call. */
void alert_path_text(const struct lutra_object *o, const char *str, size_t str_len,
		     char buf[static ALERT_PATH_TEXT]);

/* Returns the title of the rule with a name. Rules of older versions have one too. */
const char *alert_title_of(const char *rule);
/* Returns the title of the rule that matched. */
const char *alert_rule_title(const struct alert_fields *f);
/* Returns the priority as a level of syslog: LOG_NOTICE, LOG_WARNING or LOG_CRIT. */
int alert_syslog_level(const struct alert_fields *f);
/* Both return the priority as Falco names it: "Notice", "Warning" or "Critical". */
const char *alert_level_priority(int level);
const char *alert_priority_name(const struct alert_fields *f);
/* Returns what was done: "noted", "alert", "refused" or "killed". */
const char *alert_outcome(const struct alert_fields *f);
/* Writes the alert as one sentence of valid UTF-8 without control characters. */
void alert_sentence(const struct alert_fields *f, char buf[static ALERT_TEXT]);

#endif
