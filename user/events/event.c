/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence in words. */
#include "user/events/event.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/names.h"
#include "lib/text.h"
#include "user/clock.h"

#define PATH_TEXT 1536

static const char *const rules[] = {
	[LUTRA_G_T] = "System call never seen in training",
	[LUTRA_G_TH] = "Refusable system call never seen in training",
	[LUTRA_G_A] = "Unusual sequence of system calls",
	[LUTRA_G_B] = "Many unseen pairs of system calls",
	[LUTRA_G_EXEC] = "Program never executed in training",
	[LUTRA_G_EXEC_FRESH] = "Fresh file executed",
	[LUTRA_G_CONNECT] = "Connection to an unseen address",
	[LUTRA_G_BIND] = "Unseen address bound",
	[LUTRA_G_SEND] = "Message to an unseen address",
	[LUTRA_G_MAPX] = "Unseen file mapped as code",
	[LUTRA_G_WX] = "Writable and executable memory",
	[LUTRA_G_CAPABLE] = "Capability never used in training",
	[LUTRA_G_OPEN_R_P] = "Unseen file read in a protected directory",
	[LUTRA_G_OPEN_R_U] = "Unseen file read among the programs",
	[LUTRA_G_OPEN_R_O] = "Unseen file read",
	[LUTRA_G_OPEN_R_K] = "File read in a new way",
	[LUTRA_G_OPEN_R_Y] = "File read in another role",
	[LUTRA_G_OPEN_DIR] = "Unseen directory read",
	[LUTRA_G_OPEN_W_P] = "Unseen file written in a protected directory",
	[LUTRA_G_OPEN_W_U] = "Unseen file written among the programs",
	[LUTRA_G_OPEN_W_W] = "New file in a data directory",
	[LUTRA_G_OPEN_W_O] = "Unseen file written",
	[LUTRA_G_OPEN_W_K] = "File written in a new way",
	[LUTRA_G_OPEN_W_Y] = "File written in another role",
	[LUTRA_G_PATH_P] = "Name changed in a protected directory",
	[LUTRA_G_PATH_U] = "Name changed among the programs",
	[LUTRA_G_PATH_W] = "Name changed in a data directory",
	[LUTRA_G_PATH_O] = "Unseen name changed",
	[LUTRA_G_PATH_K] = "Name changed in a new way",
};
_Static_assert(sizeof(rules) / sizeof(rules[0]) == LUTRA_G_COUNT, "a rule a group");

const char *event_rule(unsigned group)
{
	if (group == LUTRA_G_GUARD)
		return "Attack on the guard itself";
	return group < LUTRA_G_COUNT ? rules[group] : "Unknown rule";
}

/* As Falco names them. */
static const char *priority(const struct lutra_evidence *ev)
{
	switch (ev->verdict) {
	case LUTRA_VERDICT_ALLOW:
		return "Notice";
	case LUTRA_VERDICT_ALERT:
		return "Warning";
	default:
		return "Critical";
	}
}

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

/* Path, address, capability or call: what the operation is about. */
static void subject(const struct event *e, char buf[static PATH_TEXT])
{
	const struct lutra_object *o = &e->ev->object;

	if (o->flags & LUTRA_OBJ_PATH)
		text_clean(e->str, e->str_len, buf, PATH_TEXT);
	else if (o->op == LUTRA_OP_CAPABLE)
		snprintf(buf, PATH_TEXT, "%s", cap_name(o->mode));
	else if (o->op == LUTRA_OP_HOOK)
		snprintf(buf, PATH_TEXT, "%s", hook_name(o->mode));
	else if (o->op == LUTRA_OP_WX)
		nr_name(NULL, o->mode, buf, PATH_TEXT);
	else
		address(o, buf, PATH_TEXT);
}

void event_object(const struct event *e, char buf[static EVENT_TEXT])
{
	const struct lutra_object *o = &e->ev->object;
	char about[PATH_TEXT];
	const char *how = "", *type = "";

	buf[0] = '\0';
	if (o->op == LUTRA_OP_NONE)
		return;
	subject(e, about);
	if (o->op == LUTRA_OP_OPEN) {
		how = o->flags & LUTRA_OBJ_WRITE ? " w " : " r ";
		type = inode_type_name(o->mode >> 12);
	}
	snprintf(buf, EVENT_TEXT, "%s%s%s %s%s%s", op_name(o->op), how, type, about,
		 o->flags & LUTRA_OBJ_FRESH ? " (fresh)" : "",
		 o->flags & LUTRA_OBJ_XBIT ? " (executable)" : "");
}

/* What was done about it. */
static const char *outcome(const struct lutra_evidence *ev)
{
	if (ev->verdict == LUTRA_VERDICT_KILL)
		return "killed";
	if (ev->refused)
		return "refused";
	return ev->verdict == LUTRA_VERDICT_ALERT ? "alert" : "noted";
}

void event_sentence(const struct event *e, char buf[static EVENT_TEXT])
{
	const struct lutra_evidence *ev = e->ev;
	char object[EVENT_TEXT], comm[64], name[128], call[32];

	event_object(e, object);
	text_clean(ev->comm, strnlen(ev->comm, sizeof(ev->comm)), comm, sizeof(comm));
	text_clean(e->name ? e->name : "?", e->name ? strlen(e->name) : 1, name, sizeof(name));
	nr_name(NULL, ev->nr, call, sizeof(call));
	snprintf(buf, EVENT_TEXT, "%s: %s in %s: %.1400s%s%s by %s[%u] (rule %s, role %s)",
		 outcome(ev), event_rule(ev->group), name, object[0] ? object : call,
		 object[0] && ev->nr != 0xffff ? " in " : "",
		 object[0] && ev->nr != 0xffff ? call : "", comm, ev->tgid, group_name(ev->group),
		 role_name(ev->role));
}

json_t *event_history(const struct lutra_evidence *ev)
{
	json_t *a = json_array();
	unsigned n = ev->calls < LUTRA_HISTORY ? (unsigned)ev->calls : LUTRA_HISTORY;
	char call[32];

	for (unsigned i = LUTRA_HISTORY - n; i < LUTRA_HISTORY; i++) {
		const struct lutra_past *p = &ev->past[i];

		json_array_append_new(
			a, json_pack("{s:s, s:s, s:i, s:b}", "call",
				     nr_name(NULL, p->nr_role & 0xfff, call, sizeof(call)), "role",
				     role_name(p->nr_role >> 12 & 3), "weight", (int)p->weight,
				     "novel", (p->nr_role & LUTRA_HIST_NOVEL) != 0));
	}
	return a;
}

static json_t *maybe(const char *s)
{
	return s ? text_json(s, strlen(s)) : json_null();
}

static void add_fields(json_t *f, const struct event *e)
{
	const struct lutra_evidence *ev = e->ev;
	char buf[EVENT_TEXT], call[32];

	json_object_set_new(f, "container.id", maybe(e->id));
	json_object_set_new(f, "container.name", maybe(e->name));
	json_object_set_new(f, "container.image", maybe(e->image));
	json_object_set_new(f, "proc.name",
			    text_json(ev->comm, strnlen(ev->comm, sizeof(ev->comm))));
	json_object_set_new(f, "proc.pid", json_integer(ev->tgid));
	json_object_set_new(f, "proc.ppid", json_integer(ev->ppid));
	json_object_set_new(f, "thread.tid", json_integer(ev->tid));
	json_object_set_new(f, "evt.time", json_integer((json_int_t)e->realtime_ns));
	json_object_set_new(f, "evt.type", json_string(nr_name(NULL, ev->nr, call, sizeof(call))));
	subject(e, buf);
	json_object_set_new(f, "fd.name",
			    ev->object.op == LUTRA_OP_NONE ? json_null() : json_string(buf));
	event_object(e, buf);
	json_object_set_new(f, "lutra.object", json_string(buf));
}

static void add_lutra(json_t *f, const struct event *e)
{
	const struct lutra_evidence *ev = e->ev;

	json_object_set_new(f, "lutra.cgroup", maybe(e->cgroup));
	json_object_set_new(f, "lutra.policy", maybe(e->policy));
	json_object_set_new(f, "lutra.policy_version", json_integer(ev->policy_version));
	json_object_set_new(f, "lutra.verdict", json_string(verdict_name(ev->verdict)));
	json_object_set_new(f, "lutra.refused", json_boolean(ev->refused));
	json_object_set_new(f, "lutra.standin", json_boolean(ev->standin));
	json_object_set_new(f, "lutra.mode", json_string(mode_name(ev->mode)));
	json_object_set_new(f, "lutra.group", json_string(group_name(ev->group)));
	json_object_set_new(f, "lutra.kind", json_string(kind_name(ev->kind)));
	json_object_set_new(f, "lutra.role", json_string(role_name(ev->role)));
	json_object_set_new(f, "lutra.a", json_integer(ev->a));
	json_object_set_new(f, "lutra.b", json_integer(ev->b));
	json_object_set_new(f, "lutra.th_a", json_integer(ev->th_a));
	json_object_set_new(f, "lutra.th_b", json_integer(ev->th_b));
	json_object_set_new(f, "lutra.weights",
			    json_pack("[i, i, i]", ev->weight[0], ev->weight[1], ev->weight[2]));
	json_object_set_new(f, "lutra.calls", json_integer((json_int_t)ev->calls));
	json_object_set_new(f, "lutra.since_ns", json_integer((json_int_t)ev->since_ns));
	json_object_set_new(f, "lutra.since_calls", json_integer(ev->since_calls));
	json_object_set_new(f, "lutra.history", event_history(ev));
}

json_t *event_json(const struct event *e)
{
	static const char *const parts[] = {"call", "object"};
	char time[CLOCK_TEXT], sentence[EVENT_TEXT], host[256] = "";
	json_t *fields = json_object();

	if (!fields)
		return NULL;
	gethostname(host, sizeof(host) - 1);
	add_fields(fields, e);
	add_lutra(fields, e);
	event_sentence(e, sentence);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:[s, s, s], s:o}", "time",
			 clock_format(e->realtime_ns, time), "rule", event_rule(e->ev->group),
			 "priority", priority(e->ev), "source", "syscall", "hostname",
			 text_json(host, strlen(host)), "output", sentence, "tags", "lutra",
			 "container", parts[e->ev->object.op != LUTRA_OP_NONE], "output_fields",
			 fields);
}
