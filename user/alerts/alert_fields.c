/* SPDX-License-Identifier: Apache-2.0 */
/* Flattens alerts into rows. Any thread. */
#include "user/alerts/alert_fields.h"

#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "user/alerts/alert_text.h"

#define T ALERT_TYPE_TEXT
#define I ALERT_TYPE_INTEGER
#define B ALERT_TYPE_BOOLEAN

#define HISTORY_TEXT (LUTRA_HISTORY * (3 * ALERT_HISTORY_NAME + 48))

const struct alert_field_info alert_field_table[ALERT_FIELDS] = {
	[ALERT_TIME] = {"time_ns", "evt.time", I, true},
	[ALERT_CONTAINER_ID] = {"container_id", "container.id", T, false},
	[ALERT_CONTAINER] = {"container", "container.name", T, false},
	[ALERT_IMAGE] = {"image", "container.image", T, false},
	[ALERT_CGROUP] = {"cgroup", "lutra.cgroup", T, false},
	[ALERT_VERDICT] = {"verdict", "lutra.verdict", T, true},
	[ALERT_MODE] = {"mode", "lutra.mode", T, true},
	[ALERT_RULE] = {"rule_group", "lutra.group", T, true},
	[ALERT_KIND] = {"kind", "lutra.kind", T, true},
	[ALERT_ROLE] = {"role", "lutra.role", T, true},
	[ALERT_SYSCALL] = {"call", "evt.type", T, true},
	[ALERT_OBJECT] = {"object", "lutra.object", T, false},
	[ALERT_PATH] = {"path", "fd.name", T, false},
	[ALERT_COMM] = {"comm", "proc.name", T, false},
	[ALERT_PID] = {"pid", "proc.pid", I, false},
	[ALERT_TID] = {"tid", "thread.tid", I, false},
	[ALERT_PPID] = {"ppid", "proc.ppid", I, false},
	[ALERT_REFUSED] = {"refused", "lutra.refused", B, false},
	[ALERT_FALLBACK] = {"standin", "lutra.standin", B, false},
	[ALERT_LEVEL] = {"m", "lutra.m", I, false},
	[ALERT_THRESHOLD] = {"th_m", "lutra.th_m", I, false},
	[ALERT_NOVELTY] = {"n", "lutra.n", I, false},
	[ALERT_NOVELTY_THRESHOLD] = {"th_n", "lutra.th_n", I, false},
	[ALERT_WEIGHT0] = {"weight0", NULL, I, false},
	[ALERT_WEIGHT1] = {"weight1", NULL, I, false},
	[ALERT_WEIGHT2] = {"weight2", NULL, I, false},
	[ALERT_SYSCALLS] = {"calls", "lutra.calls", I, false},
	[ALERT_SINCE_NS] = {"since_ns", "lutra.since_ns", I, false},
	[ALERT_SINCE_SYSCALLS] = {"since_calls", "lutra.since_calls", I, false},
	[ALERT_POLICY] = {"policy", "lutra.policy", T, false},
	[ALERT_POLICY_VERSION] = {"policy_version", "lutra.policy_version", I, false},
	[ALERT_ANCESTORS] = {"lineage", "lutra.lineage", T, false},
	[ALERT_EXEC_SESSION] = {"exec_session", "lutra.exec_session", B, false},
	[ALERT_ENGINE] = {"engine", "container.engine", T, false},
	[ALERT_DIGEST] = {"digest", "container.image.digest", T, false},
	[ALERT_POD] = {"pod", "k8s.pod.name", T, false},
	[ALERT_POD_NAMESPACE] = {"pod_namespace", "k8s.ns.name", T, false},
	[ALERT_HISTORY] = {"history", NULL, T, false},
	[ALERT_PACKAGE] = {"package", "lutra.package", T, false},
	[ALERT_FINDING] = {"finding", "lutra.finding", T, false},
	[ALERT_INCIDENT] = {"incident", "lutra.incident", I, false},
	[ALERT_POLICY_SHA256] = {"policy_sha256", "lutra.policy_sha256", T, false},
	[ALERT_EXPECTED] = {"expected", NULL, T, false},
	[ALERT_STARTER] = {"starter", "lutra.starter", T, false},
	[ALERT_CMDLINE] = {"cmdline", "proc.cmdline", T, false},
	[ALERT_EXEPATH] = {"exepath", "proc.exepath", T, false},
	[ALERT_CWD] = {"cwd", "proc.cwd", T, false},
	[ALERT_PARENT_CMDLINE] = {"parent_cmdline", "proc.pcmdline", T, false},
	[ALERT_PARENT_EXEPATH] = {"parent_exepath", "proc.pexepath", T, false},
	[ALERT_USER_UID] = {"user_uid", "user.uid", T, false},
	[ALERT_USER_NAME] = {"user_name", "user.name", T, false},
};

bool alert_fields_is_unknown(const struct alert_fields *f, enum alert_field field)
{
	if (field < ALERT_FINDING)
		return false;
	return alert_field_table[field].type == ALERT_TYPE_TEXT ? !f->text[field]
								: f->number[field] == 0;
}

/* Adds a text that is clean already. */
static void put_clean(struct alert_fields *f, enum alert_field field, const char *s)
{
	size_t left = sizeof(f->buf) - f->used, len;

	if (left == 0)
		return;
	len = text_fit(s, left - 1);
	f->text[field] = memcpy(f->buf + f->used, s, len);
	f->buf[f->used + len] = '\0';
	f->used += len + 1;
}

/* Adds a text of any bytes. */
static void put_bytes(struct alert_fields *f, enum alert_field field, const char *s, size_t len)
{
	char *at = f->buf + f->used;

	f->text[field] = NULL;
	if (!s || f->used >= sizeof(f->buf))
		return;
	f->used += text_clean(s, len, at, sizeof(f->buf) - f->used) + 1;
	f->text[field] = at;
}

void alert_fields_put(struct alert_fields *f, enum alert_field field, const char *text)
{
	put_bytes(f, field, text, text ? strlen(text) : 0);
}

void alert_fields_put_json(struct alert_fields *f, enum alert_field field, const char *text)
{
	f->text[field] = NULL;
	if (text && strlen(text) < sizeof(f->buf) - f->used)
		put_clean(f, field, text);
}

/* ---- the history ---- */

unsigned alert_history_length(const struct lutra_evidence *ev)
{
	unsigned syscalls = ev->syscalls < LUTRA_HISTORY ? (unsigned)ev->syscalls : LUTRA_HISTORY;
	unsigned first = 0;

	/*
	 * The history has at least as many entries as the lineage made system calls. Objects add
	 * more. An entry that was never written is all 0.
	 */
	while (first < LUTRA_HISTORY - syscalls && !ev->history[first].nr_role &&
	       !ev->history[first].weight)
		first++;
	return LUTRA_HISTORY - first;
}

void alert_history_name(const struct lutra_history *h, const struct policy *p,
			char buf[static ALERT_HISTORY_NAME])
{
	unsigned number = h->nr_role & LUTRA_HISTORY_NR;
	const struct policy_key *key;

	if (!(h->nr_role & LUTRA_HISTORY_OBJECT)) {
		char name[32];

		snprintf(buf, ALERT_HISTORY_NAME, "%s",
			 syscall_name(NULL, number, name, sizeof(name)));
		return;
	}
	key = p && number >= LUTRA_KEY_FIRST ? policy_key_by_number(p, number) : NULL;
	if (number == LUTRA_KEY_NEW)
		snprintf(buf, ALERT_HISTORY_NAME, "new object");
	else if (key)
		text_clean(key->name, strnlen(key->name, sizeof(key->name)), buf,
			   ALERT_HISTORY_NAME);
	else
		snprintf(buf, ALERT_HISTORY_NAME, "object %u", number);
}

/* Writes a name, with "%" and two digits in place of each character that separates entries. */
static void escape_name(const char *name, char buf[static 3 * ALERT_HISTORY_NAME])
{
	size_t n = 0;

	for (; *name; name++) {
		if (strchr(" ,%", *name))
			n += (size_t)sprintf(buf + n, "%%%02x", (unsigned)(unsigned char)*name);
		else
			buf[n++] = *name;
	}
	buf[n] = '\0';
}

/*
 * Writes the history, "NAME ROLE WEIGHT[ novel],…". The name of an object is escaped, and has the
 * prefix "object:".
 */
static void put_history(struct alert_fields *f, const struct lutra_evidence *ev,
			const struct policy *p)
{
	char text[HISTORY_TEXT] = "", name[ALERT_HISTORY_NAME], escaped[3 * ALERT_HISTORY_NAME];
	size_t len = 0;

	for (unsigned i = LUTRA_HISTORY - alert_history_length(ev); i < LUTRA_HISTORY; i++) {
		const struct lutra_history *h = &ev->history[i];
		bool is_object = h->nr_role & LUTRA_HISTORY_OBJECT;

		alert_history_name(h, p, name);
		escape_name(name, escaped);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s %s %u%s",
					len ? "," : "", is_object ? "object:" : "", escaped,
					role_name(h->nr_role >> 12 & 7), h->weight,
					h->nr_role & LUTRA_HISTORY_NOVEL ? " novel" : "");
	}
	put_clean(f, ALERT_HISTORY, text);
}

/* Writes "session USER TERMINAL PROGRAM"; the terminal is "-" if there is none. */
static void put_session(struct alert_fields *f, const struct lutra_evidence *ev)
{
	const struct lutra_object *o = &ev->object;
	char terminal[4 * sizeof(o->addr)], path[ALERT_PATH_TEXT], buf[ALERT_TEXT],
		user[16] = "root";
	unsigned uid = o->mode | (unsigned)o->port << 16;

	text_clean((const char *)o->addr, strnlen((const char *)o->addr, sizeof(o->addr)), terminal,
		   sizeof(terminal));
	text_clean(ev->str, ev->str_len, path, sizeof(path));
	if (uid)
		snprintf(user, sizeof(user), "uid-%u", uid);
	snprintf(buf, sizeof(buf), "session %s %s %s", user, *terminal ? terminal : "-", path);
	put_clean(f, ALERT_OBJECT, buf);
	put_clean(f, ALERT_PATH, path);
}

static void put_object_fields(struct alert_fields *f, const struct lutra_evidence *ev)
{
	char buf[ALERT_TEXT];

	if (ev->rule == LUTRA_RULE_SESSION) {
		put_session(f, ev);
		return;
	}
	alert_object_text(&ev->object, ev->str, ev->str_len, buf);
	put_clean(f, ALERT_OBJECT, buf);
	if (ev->object.op == LUTRA_OP_NONE)
		return;
	alert_path_text(&ev->object, ev->str, ev->str_len, buf);
	put_clean(f, ALERT_PATH, buf);
}

/* Returns a threshold; 0: the policy does not have its level. */
static int32_t threshold_or_0(int32_t threshold)
{
	return threshold == LUTRA_THRESHOLD_OFF ? 0 : threshold;
}

static void put_evidence(struct alert_fields *f, const struct lutra_evidence *ev,
			 const struct policy *p)
{
	char name[32];

	f->number[ALERT_PID] = ev->tgid;
	f->number[ALERT_TID] = ev->tid;
	f->number[ALERT_PPID] = ev->ppid;
	f->number[ALERT_REFUSED] = ev->refused;
	f->number[ALERT_FALLBACK] = ev->fallback;
	f->number[ALERT_EXEC_SESSION] = ev->exec_session != 0;
	f->number[ALERT_LEVEL] = ev->level;
	f->number[ALERT_THRESHOLD] = threshold_or_0(ev->threshold);
	f->number[ALERT_NOVELTY] = ev->novelty;
	f->number[ALERT_NOVELTY_THRESHOLD] = threshold_or_0(ev->novelty_threshold);
	f->number[ALERT_WEIGHT0] = ev->weight[0];
	f->number[ALERT_WEIGHT1] = ev->weight[1];
	f->number[ALERT_WEIGHT2] = ev->weight[2];
	f->number[ALERT_SYSCALLS] = (int64_t)ev->syscalls;
	f->number[ALERT_SINCE_NS] = (int64_t)ev->since_ns;
	f->number[ALERT_SINCE_SYSCALLS] = ev->since_syscalls;
	f->number[ALERT_POLICY_VERSION] = ev->policy_version;
	put_clean(f, ALERT_VERDICT, verdict_name(ev->verdict));
	put_clean(f, ALERT_MODE, mode_name(ev->mode));
	put_clean(f, ALERT_RULE, rule_name(ev->rule));
	put_clean(f, ALERT_KIND, kind_name(ev->kind));
	put_clean(f, ALERT_ROLE, role_name(ev->role));
	put_clean(f, ALERT_SYSCALL, syscall_name(NULL, ev->nr, name, sizeof(name)));
	put_bytes(f, ALERT_COMM, ev->comm, strnlen(ev->comm, sizeof(ev->comm)));
	put_object_fields(f, ev);
	if (ev->starter_len)
		put_bytes(f, ALERT_STARTER, alert_starter(ev), ev->starter_len);
	put_history(f, ev, p);
}

static void put_container(struct alert_fields *f, const struct alert *a)
{
	const struct identity *w = &a->identity;

	alert_fields_put(f, ALERT_CONTAINER, a->name);
	alert_fields_put(f, ALERT_CONTAINER_ID, w->id);
	alert_fields_put(f, ALERT_IMAGE, w->image);
	alert_fields_put(f, ALERT_CGROUP, a->cgroup);
	alert_fields_put(f, ALERT_POLICY, a->policy_dir);
	if (a->policy_sha256 && *a->policy_sha256)
		put_clean(f, ALERT_POLICY_SHA256, a->policy_sha256);
	if (w->engine != ENGINE_UNKNOWN)
		put_clean(f, ALERT_ENGINE, engine_name(w->engine));
	alert_fields_put(f, ALERT_DIGEST, w->digest);
	alert_fields_put(f, ALERT_POD, w->pod);
	alert_fields_put(f, ALERT_POD_NAMESPACE, w->pod_namespace);
}

void alert_fields_set(struct alert_fields *f, const struct alert *a, const struct policy *p)
{
	memset(f, 0, offsetof(struct alert_fields, buf));
	f->number[ALERT_TIME] = (int64_t)a->time_ns;
	put_evidence(f, &a->evidence, p);
	put_container(f, a);
}
