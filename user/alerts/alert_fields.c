/* SPDX-License-Identifier: Apache-2.0 */
/* Events made flat, and from there in words and as JSON. */
#include "user/alerts/alert_fields.h"

#include <stdio.h>
#include <string.h>
#include <sys/syslog.h>
#include <unistd.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "user/sys/clock.h"

#define NGRAM_CALLS 8 /* the calls whose pairs the three table levels weigh */
#define SENTENCE_NAME 128
#define SENTENCE_OBJECT 1400
#define LEVEL_ONE 4096.0

enum type { TEXT, INT, BOOL };

/* key: in output_fields; NULL: not there as it stands. */
static const struct {
	const char *column, *key;
	enum type type;
} fields[ALERT_FIELDS] = {
	[ALERT_TIME] = {"time_ns", "evt.time", INT},
	[ALERT_CONTAINER_ID] = {"container_id", "container.id", TEXT},
	[ALERT_CONTAINER] = {"container", "container.name", TEXT},
	[ALERT_IMAGE] = {"image", "container.image", TEXT},
	[ALERT_CGROUP] = {"cgroup", "lutra.cgroup", TEXT},
	[ALERT_VERDICT] = {"verdict", "lutra.verdict", TEXT},
	[ALERT_MODE] = {"mode", "lutra.mode", TEXT},
	[ALERT_GROUP] = {"rule_group", "lutra.group", TEXT},
	[ALERT_KIND] = {"kind", "lutra.kind", TEXT},
	[ALERT_ROLE] = {"role", "lutra.role", TEXT},
	[ALERT_CALL] = {"call", "evt.type", TEXT},
	[ALERT_OBJECT] = {"object", "lutra.object", TEXT},
	[ALERT_PATH] = {"path", "fd.name", TEXT},
	[ALERT_COMM] = {"comm", "proc.name", TEXT},
	[ALERT_PID] = {"pid", "proc.pid", INT},
	[ALERT_TID] = {"tid", "thread.tid", INT},
	[ALERT_PPID] = {"ppid", "proc.ppid", INT},
	[ALERT_REFUSED] = {"refused", "lutra.refused", BOOL},
	[ALERT_STANDIN] = {"standin", "lutra.standin", BOOL},
	[ALERT_A] = {"a", "lutra.a", INT},
	[ALERT_B] = {"b", "lutra.b", INT},
	[ALERT_TH_A] = {"th_a", "lutra.threshold_a", INT},
	[ALERT_TH_B] = {"th_b", "lutra.threshold_b", INT},
	[ALERT_WEIGHT0] = {"weight0", NULL, INT},
	[ALERT_WEIGHT1] = {"weight1", NULL, INT},
	[ALERT_WEIGHT2] = {"weight2", NULL, INT},
	[ALERT_CALLS] = {"calls", "lutra.calls", INT},
	[ALERT_SINCE_NS] = {"since_ns", "lutra.since_ns", INT},
	[ALERT_SINCE_CALLS] = {"since_calls", "lutra.since_calls", INT},
	[ALERT_POLICY] = {"policy", "lutra.policy", TEXT},
	[ALERT_POLICY_VERSION] = {"policy_version", "lutra.policy_version", INT},
	[ALERT_LINEAGE] = {"lineage", "lutra.lineage", TEXT},
	[ALERT_SESSION] = {"exec_session", "lutra.exec_session", BOOL},
	[ALERT_ENGINE] = {"engine", "container.engine", TEXT},
	[ALERT_DIGEST] = {"digest", "container.image.digest", TEXT},
	[ALERT_POD] = {"pod", "k8s.pod.name", TEXT},
	[ALERT_POD_NAMESPACE] = {"pod_namespace", "k8s.ns.name", TEXT},
	[ALERT_HISTORY] = {"history", NULL, TEXT},
};

const char *alert_column(enum alert_field f)
{
	return fields[f].column;
}

bool alert_is_text(enum alert_field f)
{
	return fields[f].type == TEXT;
}

/* Bytes of s that fit into max without cutting a character in two. */
static size_t whole(const char *s, size_t max)
{
	size_t len = strnlen(s, max);

	if (s[len] == '\0')
		return len;
	while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* ---- flatten ---- */

void alert_put(struct alert *a, enum alert_field f, const char *s)
{
	size_t left = sizeof(a->buf) - a->used, len;

	a->text[f] = NULL;
	if (!s || left == 0)
		return;
	len = whole(s, left - 1);
	a->text[f] = memcpy(a->buf + a->used, s, len);
	a->buf[a->used + len] = '\0';
	a->used += len + 1;
}

/* The same of bytes that may be anything. */
static void put_clean(struct alert *a, enum alert_field f, const char *s, size_t len)
{
	char *at = a->buf + a->used;

	a->text[f] = NULL;
	if (!s || a->used >= sizeof(a->buf))
		return;
	a->used += text_clean(s, len, at, sizeof(a->buf) - a->used) + 1;
	a->text[f] = at;
}

static void put_name(struct alert *a, enum alert_field f, const char *s)
{
	put_clean(a, f, s, s ? strlen(s) : 0);
}

static void put_history(struct alert *a, const struct lutra_evidence *ev)
{
	unsigned n = ev->syscalls < LUTRA_HISTORY ? (unsigned)ev->syscalls : LUTRA_HISTORY;
	char text[LUTRA_HISTORY * 64], call[32];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = LUTRA_HISTORY - n; i < LUTRA_HISTORY; i++) {
		const struct lutra_history *p = &ev->history[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s %u%s",
					len ? "," : "",
					syscall_name(NULL, p->nr_role & 0xfff, call, sizeof(call)),
					role_name(p->nr_role >> 12 & 7), p->weight,
					p->nr_role & LUTRA_HISTORY_NOVEL ? " novel" : "");
	}
	alert_put(a, ALERT_HISTORY, text);
}

static void set_numbers(struct alert *a, const struct event *e)
{
	const struct lutra_evidence *ev = e->ev;

	a->n[ALERT_TIME] = (int64_t)e->realtime_ns;
	a->n[ALERT_PID] = ev->tgid;
	a->n[ALERT_TID] = ev->tid;
	a->n[ALERT_PPID] = ev->ppid;
	a->n[ALERT_REFUSED] = ev->refused;
	a->n[ALERT_STANDIN] = ev->fallback;
	a->n[ALERT_SESSION] = ev->exec_session;
	a->n[ALERT_A] = ev->level_a;
	a->n[ALERT_B] = ev->level_b;
	a->n[ALERT_TH_A] = ev->threshold_a;
	a->n[ALERT_TH_B] = ev->threshold_b;
	a->n[ALERT_WEIGHT0] = ev->weight[0];
	a->n[ALERT_WEIGHT1] = ev->weight[1];
	a->n[ALERT_WEIGHT2] = ev->weight[2];
	a->n[ALERT_CALLS] = (int64_t)ev->syscalls;
	a->n[ALERT_SINCE_NS] = (int64_t)ev->since_ns;
	a->n[ALERT_SINCE_CALLS] = ev->since_syscalls;
	a->n[ALERT_POLICY_VERSION] = ev->policy_version;
}

static void put_who(struct alert *a, const struct identity *w)
{
	if (w->engine != ENGINE_UNKNOWN)
		alert_put(a, ALERT_ENGINE, engine_name(w->engine));
	put_name(a, ALERT_DIGEST, w->digest);
	put_name(a, ALERT_POD, w->pod);
	put_name(a, ALERT_POD_NAMESPACE, w->pod_namespace);
}

void alert_set(struct alert *a, const struct event *e)
{
	const struct lutra_evidence *ev = e->ev;
	char buf[EVENT_TEXT], call[32];

	memset(a, 0, offsetof(struct alert, buf));
	set_numbers(a, e);
	alert_put(a, ALERT_VERDICT, verdict_name(ev->verdict));
	alert_put(a, ALERT_MODE, mode_name(ev->mode));
	alert_put(a, ALERT_GROUP, rule_name(ev->rule));
	alert_put(a, ALERT_KIND, kind_name(ev->kind));
	alert_put(a, ALERT_ROLE, role_name(ev->role));
	alert_put(a, ALERT_CALL, syscall_name(NULL, ev->nr, call, sizeof(call)));
	put_clean(a, ALERT_COMM, ev->comm, strnlen(ev->comm, sizeof(ev->comm)));
	event_object(e, buf);
	alert_put(a, ALERT_OBJECT, buf);
	if (ev->object.op != LUTRA_OP_NONE) {
		event_subject(e, buf);
		alert_put(a, ALERT_PATH, buf);
	}
	put_history(a, ev);
	put_name(a, ALERT_LINEAGE, e->lineage);
	put_name(a, ALERT_CONTAINER, e->name);
	put_name(a, ALERT_CONTAINER_ID, e->id);
	put_name(a, ALERT_IMAGE, e->image);
	put_name(a, ALERT_CGROUP, e->cgroup);
	put_name(a, ALERT_POLICY, e->policy);
	if (e->who)
		put_who(a, e->who);
}

/* ---- in words ---- */

static const char *text(const struct alert *a, enum alert_field f)
{
	return a->text[f] ? a->text[f] : "?";
}

static bool verdict_is(const struct alert *a, unsigned verdict)
{
	return strcmp(text(a, ALERT_VERDICT), verdict_name(verdict)) == 0;
}

const char *alert_rule(const struct alert *a)
{
	unsigned rule;

	return rule_get(rule_find(text(a, ALERT_GROUP), &rule) < 0 ? LUTRA_RULE_NONE : rule)->title;
}

int alert_level(const struct alert *a)
{
	if (verdict_is(a, LUTRA_VERDICT_ALLOW))
		return LOG_NOTICE;
	return verdict_is(a, LUTRA_VERDICT_ALERT) ? LOG_WARNING : LOG_CRIT;
}

const char *alert_priority(const struct alert *a)
{
	switch (alert_level(a)) {
	case LOG_NOTICE:
		return "Notice";
	case LOG_WARNING:
		return "Warning";
	default:
		return "Critical";
	}
}

/* What was done about it. */
static const char *outcome(const struct alert *a)
{
	if (verdict_is(a, LUTRA_VERDICT_KILL))
		return "killed";
	if (a->n[ALERT_REFUSED])
		return "refused";
	return verdict_is(a, LUTRA_VERDICT_ALERT) ? "alert" : "noted";
}

void alert_sentence(const struct alert *a, char buf[static EVENT_TEXT])
{
	const char *object = text(a, ALERT_OBJECT), *call = text(a, ALERT_CALL);
	const char *name = text(a, ALERT_CONTAINER), *about = object[0] ? object : call;
	bool in_call = object[0] && strcmp(call, "none") != 0;

	snprintf(buf, EVENT_TEXT, "%s: %s in %s%.*s: %.*s%s%s by %s[%lld] (rule %s, role %s)",
		 outcome(a), alert_rule(a), a->n[ALERT_SESSION] ? "an exec session of " : "",
		 (int)whole(name, SENTENCE_NAME), name, (int)whole(about, SENTENCE_OBJECT), about,
		 in_call ? " in " : "", in_call ? call : "", text(a, ALERT_COMM),
		 (long long)a->n[ALERT_PID], text(a, ALERT_GROUP), text(a, ALERT_ROLE));
}

/* ---- as JSON ---- */

/* One entry of the history: "call role weight[ novel]". NULL: it is none. */
static json_t *past_json(const char *s, size_t len)
{
	char one[128], call[64], role[32], novel[8] = "";
	unsigned weight;

	if (len >= sizeof(one))
		return NULL;
	memcpy(one, s, len);
	one[len] = '\0';
	/* NOLINTNEXTLINE(cert-err34-c): digits that alert_set() wrote */
	if (sscanf(one, "%63s %31s %u %7s", call, role, &weight, novel) < 3)
		return NULL;
	return json_pack("{s:s, s:s, s:i, s:b}", "call", call, "role", role, "weight", (int)weight,
			 "novel", novel[0] != '\0');
}

static json_t *history_json(const char *s)
{
	json_t *list = json_array();

	while (s && *s) {
		size_t len = strcspn(s, ",");
		json_t *one = past_json(s, len);

		if (one)
			json_array_append_new(list, one);
		s += len + (s[len] == ',');
	}
	return list;
}

/* The names of the last calls: "read openat execve". */
static json_t *ngram_json(const json_t *history)
{
	size_t n = json_array_size(history), i = n > NGRAM_CALLS ? n - NGRAM_CALLS : 0, len = 0;
	char buf[NGRAM_CALLS * 64] = "";

	for (; i < n; i++)
		len += (size_t)snprintf(
			buf + len, sizeof(buf) - len, "%s%s", len ? " " : "",
			json_string_value(json_object_get(json_array_get(history, i), "call")));
	return json_string(buf);
}

static json_t *field_json(const struct alert *a, enum alert_field f)
{
	switch (fields[f].type) {
	case TEXT:
		return a->text[f] ? json_string(a->text[f]) : json_null();
	case BOOL:
		return json_boolean(a->n[f]);
	default:
		return json_integer(a->n[f]);
	}
}

/* score, threshold: of the level that spoke, or of A. */
static void add_derived(json_t *o, const struct alert *a)
{
	bool b = strcmp(text(a, ALERT_GROUP), rule_name(LUTRA_RULE_LEVEL_B)) == 0;
	json_t *history = history_json(a->text[ALERT_HISTORY]);

	json_object_set_new(o, "lutra.score",
			    json_real((double)a->n[b ? ALERT_B : ALERT_A] / LEVEL_ONE));
	json_object_set_new(o, "lutra.threshold",
			    json_real((double)a->n[b ? ALERT_TH_B : ALERT_TH_A] / LEVEL_ONE));
	json_object_set_new(o, "lutra.action", json_string(outcome(a)));
	json_object_set_new(o, "lutra.weights",
			    json_pack("[I, I, I]", (json_int_t)a->n[ALERT_WEIGHT0],
				      (json_int_t)a->n[ALERT_WEIGHT1],
				      (json_int_t)a->n[ALERT_WEIGHT2]));
	json_object_set_new(o, "lutra.ngram", ngram_json(history));
	json_object_set_new(o, "lutra.history", history);
}

json_t *alert_json(const struct alert *a)
{
	char time[CLOCK_TEXT], sentence[EVENT_TEXT], host[256] = "";
	const char *object = a->text[ALERT_OBJECT];
	json_t *o = json_object();

	if (!o)
		return NULL;
	gethostname(host, sizeof(host) - 1);
	for (int f = 0; f < ALERT_FIELDS; f++)
		if (fields[f].key)
			json_object_set_new(o, fields[f].key, field_json(a, f));
	add_derived(o, a);
	alert_sentence(a, sentence);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:[s, s, s], s:o}", "time",
			 clock_format((uint64_t)a->n[ALERT_TIME], time), "rule", alert_rule(a),
			 "priority", alert_priority(a), "source", "syscall", "hostname",
			 text_json(host, strlen(host)), "output", sentence, "tags", "lutra",
			 "container", object && *object ? "object" : "call", "output_fields", o);
}
