/* SPDX-License-Identifier: Apache-2.0 */
/* Prints findings and incidents as JSON. Any thread. */
#include "user/incidents/incident_json.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "user/alerts/alert_text.h"
#include "user/sys/clock.h"

/* ---- the parts of an incident ---- */

/* Returns a text as a JSON string, or JSON null if it is empty or NULL. */
static json_t *text_unless_empty(const char *s)
{
	return s && *s ? json_string(s) : json_null();
}

static json_t *kinds_to_json(const struct incident *i)
{
	unsigned kinds = i->kinds[0] | i->kinds[1] | i->stored_kinds;
	json_t *list = json_array();

	for (unsigned k = 0; k < INCIDENT_KINDS; k++)
		if (kinds & 1u << k)
			json_array_append_new(list, json_string(incident_kind_name(k)));
	return list;
}

static json_t *session_to_json(const struct incident_session *s)
{
	if (!s->pid)
		return NULL;
	return json_pack("{s:o, s:o, s:o, s:I}", "user", text_unless_empty(s->user), "terminal",
			 text_unless_empty(s->terminal), "program", text_unless_empty(s->program),
			 "pid", (json_int_t)s->pid);
}

static json_t *incident_maintenance_to_json(const struct incident_maintenance *m)
{
	char time[CLOCK_TEXT];

	if (!m->until_ns)
		return NULL;
	return json_pack("{s:s, s:s, s:I}", "reason", m->reason, "until",
			 clock_format(m->until_ns, time), "until_ns", (json_int_t)m->until_ns);
}

static json_t *processes_to_json(const struct incident *i)
{
	json_t *list = json_array();

	for (unsigned k = 0; k < i->n_processes; k++) {
		const struct incident_process *p = &i->process[k];

		json_array_append_new(list,
				      json_pack("{s:I, s:I, s:s, s:I}", "pid", (json_int_t)p->pid,
						"ppid", (json_int_t)p->ppid, "name", p->name,
						"events", (json_int_t)p->events));
	}
	return list;
}

/* Prints a value and drops it. NULL stays NULL. */
static char *dump_value(json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	json_decref(j);
	return text;
}

int incident_row_make(struct incident_made_row *ret, const struct incident *i)
{
	*ret = (struct incident_made_row){
		.kinds = dump_value(kinds_to_json(i)),
		.session = dump_value(session_to_json(&i->session)),
		.maintenance = dump_value(incident_maintenance_to_json(&i->maintenance)),
		.processes = dump_value(processes_to_json(i))};
	incident_sentence(i, ret->sentence);
	ret->row = (struct incident_row){
		.id = i->id,
		.begin_ns = i->begin_ns,
		.end_ns = i->end_ns,
		.events = i->events,
		.refused = i->refused,
		.killed = i->killed,
		.container = i->container,
		.container_id = i->container_id,
		.image = i->image,
		.engine = i->engine,
		.pod = i->pod,
		.state = i->is_closed ? "closed" : "open",
		.severity = incident_severity_name(incident_severity(i)),
		.sentence = ret->sentence,
		.note = *i->note ? i->note : NULL,
		.kinds = ret->kinds,
		.session = ret->session,
		.maintenance = ret->maintenance,
		.processes = ret->processes,
	};
	if (ret->kinds && ret->processes && (ret->session || !i->session.pid) &&
	    (ret->maintenance || !i->maintenance.until_ns))
		return 0;
	incident_row_done(ret);
	return -ENOMEM;
}

void incident_row_done(struct incident_made_row *r)
{
	free(r->kinds);
	free(r->session);
	free(r->maintenance);
	free(r->processes);
	*r = (struct incident_made_row){};
}

/* ---- back ---- */

json_t *incident_json_text(const char *text)
{
	json_t *j = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return j ? j : json_null();
}

static const char *member_text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static unsigned read_kinds(const char *text)
{
	json_auto_t *list = incident_json_text(text);
	unsigned kinds = 0;
	json_t *name;
	size_t k;

	json_array_foreach (list, k, name)
		if (json_is_string(name))
			kinds |= 1u << incident_kind_find(json_string_value(name));
	return kinds & ((1u << INCIDENT_KINDS) - 1);
}

void incident_from_row(struct incident *i, const struct incident_row *row)
{
	json_auto_t *session = incident_json_text(row->session);
	json_auto_t *maintenance = incident_json_text(row->maintenance);

	i->stored_kinds = read_kinds(row->kinds);
	i->stored_severity = incident_severity_find(row->severity ? row->severity : "");

	if (json_is_object(session)) {
		i->session.pid = (uint32_t)json_integer_value(json_object_get(session, "pid"));
		TEXT_COPY(i->session.user, member_text(session, "user"));
		TEXT_COPY(i->session.terminal, member_text(session, "terminal"));
		TEXT_COPY(i->session.program, member_text(session, "program"));
		i->kinds[1] |= 1u << INCIDENT_SESSION;
		i->own_session = true;
	}
	if (json_is_object(maintenance)) {
		i->maintenance.until_ns =
			(uint64_t)json_integer_value(json_object_get(maintenance, "until_ns"));
		TEXT_COPY(i->maintenance.reason, member_text(maintenance, "reason"));
	}
	TEXT_COPY(i->note, row->note ? row->note : "");
	i->is_closed = row->state && strcmp(row->state, "closed") == 0;
}

/* ---- the API ---- */

json_t *incident_row_to_json(const struct incident_row *row)
{
	json_t *maintenance = incident_json_text(row->maintenance), *o;
	char begin[CLOCK_TEXT], end[CLOCK_TEXT];

	if (json_is_object(maintenance))
		json_object_del(maintenance, "until_ns");
	o = json_pack(
		"{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "id", (json_int_t)row->id, "state",
		text_unless_empty(row->state), "severity", text_unless_empty(row->severity),
		"sentence", text_unless_empty(row->sentence), "container",
		text_unless_empty(row->container), "container_id",
		text_unless_empty(row->container_id), "image", text_unless_empty(row->image),
		"begin", clock_format(row->begin_ns, begin), "end", clock_format(row->end_ns, end));
	json_object_update_new(
		o, json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I}", "events",
			     (json_int_t)row->events, "refused", (json_int_t)row->refused, "killed",
			     (json_int_t)row->killed, "kinds", incident_json_text(row->kinds),
			     "session", incident_json_text(row->session), "maintenance",
			     maintenance, "note", text_unless_empty(row->note), "findings",
			     (json_int_t)row->findings));
	return o;
}

struct alert_json *incident_stream_text(const struct incident *i, uint64_t findings)
{
	json_auto_t *j = NULL;
	struct incident_made_row made;
	struct alert_json *a;

	if (incident_row_make(&made, i) < 0)
		return NULL;
	made.row.findings = findings;
	j = incident_row_to_json(&made.row);
	a = alert_json_of_object(j, incident_syslog_level(i), "Incident", made.sentence,
				 i->container);
	if (a)
		a->is_incident = true;
	incident_row_done(&made);
	return a;
}

/* ---- the message ---- */

struct alert_json *incident_message(const struct incident *i, bool updated)
{
	char time[CLOCK_TEXT], sentence[INCIDENT_TEXT], text[INCIDENT_TEXT + 64], host[256] = "";
	const char *severity = incident_severity_name(incident_severity(i));
	int level = incident_syslog_level(i);
	json_auto_t *j = NULL, *fields = NULL;

	gethostname(host, sizeof(host) - 1);
	incident_sentence(i, sentence);
	snprintf(text, sizeof(text), "incident %llu (%s)%s: %s", (unsigned long long)i->id,
		 severity, updated ? " has grown" : "", sentence);
	fields = json_pack(
		"{s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:b}", "evt.time", (json_int_t)i->end_ns,
		"container.id", text_unless_empty(i->container_id), "container.name",
		text_unless_empty(i->container), "container.image", text_unless_empty(i->image),
		"container.engine", text_unless_empty(i->engine), "k8s.pod.name",
		text_unless_empty(i->pod), "lutra.incident", (json_int_t)i->id, "lutra.severity",
		severity, "lutra.update", updated);
	json_object_update_new(
		fields,
		json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "lutra.events", (json_int_t)i->events,
			  "lutra.refused_events", (json_int_t)i->refused, "lutra.killed_events",
			  (json_int_t)i->killed, "lutra.kinds", kinds_to_json(i), "lutra.session",
			  session_to_json(&i->session) ?: json_null(), "lutra.maintenance",
			  incident_maintenance_to_json(&i->maintenance) ?: json_null()));
	j = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:[s, s, s], s:O}", "time",
		      clock_format(i->end_ns, time), "rule", updated ? "Incident grew" : "Incident",
		      "priority", alert_level_priority(level), "source", "syscall", "hostname",
		      text_json(host, strlen(host)), "output", text, "tags", "lutra", "container",
		      "incident", "output_fields", fields);
	return alert_json_print(j, level, i->container);
}

/* ---- findings ---- */

static json_t *names_to_json(const struct finding_names *l)
{
	json_t *list = json_array();

	for (unsigned k = 0; k < l->n; k++)
		json_array_append_new(list, json_string(l->name[k]));
	return list;
}

char *finding_names_text(const struct finding_names *l)
{
	return dump_value(names_to_json(l));
}

void finding_names_read(struct finding_names *ret, const char *text)
{
	json_auto_t *list = incident_json_text(text);
	json_t *name;
	size_t k;

	ret->n = 0;
	json_array_foreach (list, k, name)
		if (json_is_string(name) && ret->n < FINDING_NAMES) {
			TEXT_COPY(ret->name[ret->n], json_string_value(name));
			ret->n++;
		}
}

json_t *finding_to_json(const struct finding *x)
{
	char first[CLOCK_TEXT], last[CLOCK_TEXT];
	json_t *o;

	o = json_pack("{s:s, s:o, s:s, s:s, s:s, s:b, s:s, s:s, s:o}", "id", x->id, "image",
		      text_unless_empty(x->image), "rule", x->rule, "title",
		      alert_title_of(x->rule), "role", x->role, "exec_session", x->exec_session,
		      "program", x->program, "what", x->what, "example",
		      text_unless_empty(x->example));
	json_object_update_new(
		o, json_pack("{s:I, s:s, s:s, s:o, s:o, s:s, s:s, s:o}", "count",
			     (json_int_t)x->count, "first", clock_format(x->first_ns, first),
			     "last", clock_format(x->last_ns, last), "containers",
			     names_to_json(&x->containers), "hosts", names_to_json(&x->hosts),
			     "verdict", x->verdict, "state", x->state, "accepted",
			     text_unless_empty(x->accepted)));
	return o;
}
