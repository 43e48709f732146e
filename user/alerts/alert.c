/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence in words. */
#include "user/alerts/alert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "user/alerts/alert_fields.h"

static void address(const struct lutra_object *o, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "?";
	const char *family = family_name(o->family);

	if (o->family == AF_INET) {
		inet_ntop(AF_INET, o->addr, ip, sizeof(ip));
		snprintf(buf, size, "%s:%u", ip, o->port);
	} else if (o->family == AF_INET6) {
		inet_ntop(AF_INET6, o->addr, ip, sizeof(ip));
		snprintf(buf, size, "[%s]:%u", ip, o->port);
	} else if (family[0] == '?') {
		snprintf(buf, size, "family %u", o->family);
	} else {
		snprintf(buf, size, "%s", family);
	}
}

void event_subject(const struct event *e, char buf[static EVENT_SUBJECT])
{
	const struct lutra_object *o = &e->ev->object;

	if (o->flags & LUTRA_OBJ_PATH)
		text_clean(e->str, e->str_len, buf, EVENT_SUBJECT);
	else if (o->op == LUTRA_OP_CAPABLE)
		snprintf(buf, EVENT_SUBJECT, "%s", cap_name(o->mode));
	else if (o->op == LUTRA_OP_HOOK)
		snprintf(buf, EVENT_SUBJECT, "%s", hook_name(o->mode));
	else if (o->op == LUTRA_OP_WX)
		syscall_name(NULL, o->mode, buf, EVENT_SUBJECT);
	else
		address(o, buf, EVENT_SUBJECT);
}

void event_object(const struct event *e, char buf[static EVENT_TEXT])
{
	const struct lutra_object *o = &e->ev->object;
	char about[EVENT_SUBJECT];
	const char *how = "", *type = "";

	buf[0] = '\0';
	if (o->op == LUTRA_OP_NONE)
		return;
	event_subject(e, about);
	if (o->op == LUTRA_OP_OPEN) {
		how = o->flags & LUTRA_OBJ_WRITE ? " w " : " r ";
		type = inode_type_name(o->mode >> 12);
	}
	snprintf(buf, EVENT_TEXT, "%s%s%s %s%s%s", op_name(o->op), how, type, about,
		 o->flags & LUTRA_OBJ_FRESH ? " (fresh)" : "",
		 o->flags & LUTRA_OBJ_XBIT ? " (executable)" : "");
}

void event_sentence(const struct event *e, char buf[static EVENT_TEXT])
{
	struct alert a;

	alert_set(&a, e);
	alert_sentence(&a, buf);
}

json_t *event_json(const struct event *e)
{
	struct alert a;

	alert_set(&a, e);
	return alert_json(&a);
}
