/* SPDX-License-Identifier: Apache-2.0 */
/* Puts alerts into words. Any thread. */
#include "user/alerts/alert_text.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/syslog.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/socket_kind.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "lutra/object_token.h"

#define SENTENCE_NAME 128
#define SENTENCE_OBJECT 1400

/* ---- the object ---- */

static void format_address(const struct lutra_object *o, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "?";
	const char *family = family_name(o->family);

	if (o->family == AF_INET || o->family == AF_INET6) {
		inet_ntop(o->family, o->addr, ip, sizeof(ip));
		snprintf(buf, size, o->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, o->port);
	} else if (family[0] == '?') {
		snprintf(buf, size, "family %u", o->family);
	} else {
		snprintf(buf, size, "%s", family);
	}
}

void alert_path_text(const struct lutra_object *o, const char *str, size_t str_len,
		     char buf[static ALERT_PATH_TEXT])
{
	if (o->flags & LUTRA_OBJ_PATH)
		text_clean(str, str_len, buf, ALERT_PATH_TEXT);
	else if (o->op == LUTRA_OP_CAPABLE)
		snprintf(buf, ALERT_PATH_TEXT, "%s", cap_name(o->mode));
	else if (o->op == LUTRA_OP_HOOK)
		snprintf(buf, ALERT_PATH_TEXT, "%s", hook_name(o->mode));
	else if (lutra_is_wx(o->op))
		syscall_name(NULL, o->mode, buf, ALERT_PATH_TEXT);
	else if (o->op == LUTRA_OP_SOCKET)
		socket_kind_text(o->family, o->mode, o->port, buf);
	else
		format_address(o, buf, ALERT_PATH_TEXT);
}

/* Says who wrote a program or library, if that is not the image. */
static const char *source_text(const struct lutra_object *o)
{
	if (o->op != LUTRA_OP_EXEC && o->op != LUTRA_OP_MAPX)
		return "";
	if (o->flags & LUTRA_OBJ_UPDATED)
		return " (updated)";
	return lutra_is_fresh(o) ? " (fresh)" : "";
}

void alert_object_text(const struct lutra_object *o, const char *str, size_t str_len,
		       char buf[static ALERT_TEXT])
{
	char path[ALERT_PATH_TEXT];
	const char *access = "", *type = "";

	/* Of an event without an object the string says what happened. */
	if (o->op == LUTRA_OP_NONE) {
		text_clean(str, str_len, buf, ALERT_TEXT);
		return;
	}
	alert_path_text(o, str, str_len, path);
	if (o->op == LUTRA_OP_OPEN) {
		access = o->flags & LUTRA_OBJ_WRITE ? " w " : " r ";
		type = inode_type_name(o->mode >> 12);
	}
	snprintf(buf, ALERT_TEXT, "%s%s%s %s%s%s", op_name(o->op), access, type, path,
		 source_text(o),
		 lutra_is_executable(o) ? " (executable)"
		 : lutra_is_private(o)	? " (private)"
					: "");
}

/* ---- the alert ---- */

static const char *field_text(const struct alert_fields *f, enum alert_field field)
{
	return f->text[field] ? f->text[field] : "?";
}

static bool has_verdict(const struct alert_fields *f, unsigned verdict)
{
	return strcmp(field_text(f, ALERT_VERDICT), verdict_name(verdict)) == 0;
}

const char *alert_title_of(const char *rule)
{
	unsigned i;

	if (rule_is_old(rule))
		return "Unusual sequence of system calls";
	if (rule_find(rule, &i) < 0)
		i = LUTRA_RULE_NONE;
	return rule_get(i)->title;
}

const char *alert_rule_title(const struct alert_fields *f)
{
	return alert_title_of(field_text(f, ALERT_RULE));
}

int alert_syslog_level(const struct alert_fields *f)
{
	if (has_verdict(f, LUTRA_VERDICT_ALLOW))
		return LOG_NOTICE;
	return has_verdict(f, LUTRA_VERDICT_ALERT) ? LOG_WARNING : LOG_CRIT;
}

const char *alert_level_priority(int level)
{
	if (level <= LOG_CRIT)
		return "Critical";
	return level <= LOG_WARNING ? "Warning" : "Notice";
}

const char *alert_priority_name(const struct alert_fields *f)
{
	return alert_level_priority(alert_syslog_level(f));
}

const char *alert_outcome(const struct alert_fields *f)
{
	if (has_verdict(f, LUTRA_VERDICT_KILL))
		return "killed";
	if (f->number[ALERT_REFUSED])
		return "refused";
	return has_verdict(f, LUTRA_VERDICT_ALERT) ? "alert" : "noted";
}

void alert_sentence(const struct alert_fields *f, char buf[static ALERT_TEXT])
{
	const char *object = field_text(f, ALERT_OBJECT), *syscall = field_text(f, ALERT_SYSCALL);
	const char *about = object[0] ? object : syscall;
	const char *name = field_text(f, ALERT_CONTAINER);
	bool in_syscall = object[0] && strcmp(syscall, "none") != 0;
	const char *package = f->text[ALERT_PACKAGE];

	snprintf(buf, ALERT_TEXT, "%s: %s in %s%.*s: %.*s%s%s%s%s by %s[%lld] (rule %s, role %s)",
		 alert_outcome(f), alert_rule_title(f),
		 f->number[ALERT_EXEC_SESSION] ? "an exec session of " : "",
		 (int)text_fit(name, SENTENCE_NAME), name, (int)text_fit(about, SENTENCE_OBJECT),
		 about, package ? " of package " : "", package ? package : "",
		 in_syscall ? " in " : "", in_syscall ? syscall : "", field_text(f, ALERT_COMM),
		 (long long)f->number[ALERT_PID], field_text(f, ALERT_RULE),
		 field_text(f, ALERT_ROLE));
}
