/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a benign run by a policy in mode audit, puts what is alerted to findings and incidents as
 * lutrad does, and prints as JSON how many incidents there are, and how many each event of the
 * run's manifest has.
 *
 * usage: replay_incidents POLICY TRACE.ltr [RUN.json]
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench/alarms/judged_run.h"
#include "lib/base/array.h"
#include "lib/replay/replay.h"
#include "lib/replay/tasks.h"
#include "lib/trace/trace.h"
#include "trainer/data/names/intern.h"
#include "user/incidents/finding.h"
#include "user/incidents/incident_table.h"

#define PARENTS 6
#define EVENT_INCIDENTS 64 /* distinct incidents of an event that are told apart */

/* A task of the run, copied by fork. */
struct seen_task {
	bool exec_session;
	char comm[16];
	uint32_t pid;		  /* whose entry this is; 0: none yet */
	uint32_t parent[PARENTS]; /* the nearest first; 0: none */
	char parent_comm[PARENTS][16];
};

/* A rare event of the manifest. */
struct rare_event {
	uint64_t begin_ns, end_ns;
	uint64_t told; /* alerts that had to be told */
	uint64_t incident[EVENT_INCIDENTS];
	size_t n_incidents;
};

/* A run under way. */
struct counting {
	struct tasks tasks; /* struct seen_task */
	struct replay *replay;
	struct incident_table table;
	struct intern *findings; /* ids */
	uint64_t *told_ns;	 /* of each of them */
	size_t told_size;
	struct rare_event *events; /* (n_events) */
	size_t n_events;
	uint64_t alerts, told, start_ns, stop_ns;
	struct alert_fields fields;
};

/* ---- tasks ---- */

/* A fork copied the entry: what it was becomes the parent. */
static void follow_task(struct seen_task *t, uint32_t pid)
{
	if (t->pid == pid)
		return;
	if (t->pid) {
		memmove(&t->parent[1], t->parent, sizeof(t->parent) - sizeof(t->parent[0]));
		memmove(t->parent_comm[1], t->parent_comm,
			sizeof(t->parent_comm) - sizeof(t->comm));
		t->parent[0] = t->pid;
		memcpy(t->parent_comm[0], t->comm, sizeof(t->comm));
	}
	t->pid = pid;
}

static void set_comm(struct seen_task *t, const char *path, size_t len)
{
	const char *slash = memrchr(path, '/', len);
	size_t skip = slash ? (size_t)(slash + 1 - path) : 0;

	snprintf(t->comm, sizeof(t->comm), "%.*s", (int)(len - skip), path + skip);
}

static void describe_ancestors(const struct seen_task *t, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%s[%u]", t->comm, t->pid);

	for (int i = 0; i < PARENTS && t->parent[i] && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, " < %s[%u]", t->parent_comm[i],
				      t->parent[i]);
}

/* ---- alerts ---- */

static struct lutra_evidence evidence_of(const struct lutra_record *rec, const struct seen_task *t)
{
	struct lutra_evidence ev = {.ts_ns = rec->ts_ns,
				    .tid = rec->tid,
				    .tgid = rec->tgid,
				    .ppid = t->parent[0],
				    .nr = rec->nr,
				    .mode = LUTRA_MODE_AUDIT,
				    .exec_session = t->exec_session ? LUTRA_SESSION_AUDITED : 0};

	memcpy(ev.comm, t->comm, sizeof(ev.comm));
	return ev;
}

static void note_event(struct counting *c, uint64_t now_ns, const struct incident *i, bool told)
{
	for (size_t k = 0; k < c->n_events; k++) {
		struct rare_event *e = &c->events[k];
		size_t at = 0;

		if (now_ns < e->begin_ns || now_ns > e->end_ns || !told)
			continue;
		e->told++;
		while (i && at < e->n_incidents && e->incident[at] != i->id)
			at++;
		if (i && at == e->n_incidents && at < EVENT_INCIDENTS)
			e->incident[e->n_incidents++] = i->id;
	}
}

/* Counts an alert to its finding. Returns 1 if it has to be told, 0, or -errno. */
static int count_finding(struct counting *c)
{
	struct finding x;
	uint32_t i;
	int r;

	finding_describe(&x, &c->fields);
	r = intern_add(c->findings, x.id, strlen(x.id), &i);
	if (r == 0)
		r = ARRAY_RESERVE(c->told_ns, c->told_size, i + 1);
	if (r < 0)
		return r;
	x.told_ns = c->told_ns[i];
	if (!finding_has_to_be_told(&x, &c->fields))
		return 0;
	c->told_ns[i] = (uint64_t)c->fields.number[ALERT_TIME];
	return 1;
}

/* Puts evidence to its finding and incident. */
static int place_evidence(struct counting *c, const struct lutra_evidence *ev, const char *str,
			  size_t len, const struct seen_task *t)
{
	const struct alert_container container = {.name = "container", .cgroup = "/container"};
	_cleanup_free_ struct alert *a = alert_new(ev, str, len, &container);
	struct incident_placed placed;
	char ancestors[512];
	int told = 0;

	if (!a)
		return -ENOMEM;
	a->time_ns = ev->ts_ns;
	alert_fields_set(&c->fields, a, NULL);
	describe_ancestors(t, ancestors, sizeof(ancestors));
	alert_fields_put(&c->fields, ALERT_ANCESTORS, ancestors);
	if (ev->verdict >= LUTRA_VERDICT_ALERT) {
		told = count_finding(c);
		c->alerts++;
		c->told += told > 0;
	}
	if (told < 0 || incident_table_place(&c->table, &c->fields, told > 0, NULL, &placed) < 0)
		return -ENOMEM;
	note_event(c, ev->ts_ns, placed.incident, told > 0);
	return 0;
}

static int place_session(struct counting *c, const struct lutra_record *rec, const char *str,
			 size_t len, const struct seen_task *t)
{
	struct lutra_evidence ev = evidence_of(rec, t);

	ev.rule = LUTRA_RULE_SESSION;
	ev.verdict = LUTRA_VERDICT_ALLOW;
	ev.role = LUTRA_ROLE_SESSION;
	ev.object = (struct lutra_object){.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH};
	return place_evidence(c, &ev, str, len, t);
}

/* ---- records ---- */

/* Alerts that are not told again by the kernel do not reach lutrad. */
static int place_matches(struct counting *c, const struct lutra_record *rec, const char *str,
			 size_t len, const struct seen_task *t, const struct replay_step *step)
{
	struct lutra_evidence ev = evidence_of(rec, t);
	int r = 0;

	ev.role = step->role;
	if (step->is_object)
		ev.object = step->object;
	for (unsigned i = 0; i < step->n_matches && r == 0; i++) {
		const struct replay_match *m = &step->match[i];

		ev.rule = m->rule;
		ev.kind = m->kind;
		ev.verdict = m->verdict;
		if (m->verdict >= LUTRA_VERDICT_ALERT && !m->repeated)
			r = place_evidence(c, &ev, str, step->is_object ? len : 0, t);
	}
	return r;
}

static int count_record(struct counting *c, const struct lutra_record *rec, const char *str,
			size_t len)
{
	struct replay_step step;
	struct seen_task *t;
	void *entry;
	int r;

	c->start_ns = c->start_ns ? c->start_ns : rec->ts_ns;
	c->stop_ns = rec->ts_ns > c->stop_ns ? rec->ts_ns : c->stop_ns;
	if (rec->type == LUTRA_RECORD_MARK)
		return 0;
	r = tasks_step(&c->tasks, rec, &entry);
	if (r < 0)
		return r;
	t = entry;
	if (t)
		follow_task(t, rec->tgid);
	if (t && rec->type == LUTRA_RECORD_ARM) {
		t->exec_session = rec->aux == 1;
		set_comm(t, str ? str : "?", str ? len : 1);
		if (t->exec_session)
			r = place_session(c, rec, str ? str : "", str ? len : 0, t);
	}
	if (r < 0)
		return r;
	r = replay_next(c->replay, rec, str, len, &step);
	if (r <= 0 || !t)
		return r;
	if (step.is_object && step.object.op == LUTRA_OP_EXEC && str)
		set_comm(t, str, len);
	return place_matches(c, rec, str ? str : "", str ? len : 0, t, &step);
}

static int count_trace(struct counting *c, const struct policy *policy, const char *file,
		       struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	struct trace_block b;
	int r = trace_reader_new(&trace, file, err);

	c->tasks.type = (struct tasks_type){sizeof(struct seen_task), NULL, NULL};
	if (r == 0 && intern_new(&c->findings) < 0)
		r = err_oom(err);
	if (r == 0)
		r = replay_new(&c->replay, policy, LUTRA_MODE_AUDIT, err);
	if (r < 0)
		return r;
	while (r >= 0 && (r = trace_reader_block(trace, &b)) > 0) {
		for (size_t i = 0; i < b.n && r >= 0; i++) {
			size_t len;
			const char *str = trace_block_string(&b, i, &len);

			r = count_record(c, &b.rec[i], str, len);
		}
	}
	return r < 0 ? err_set(err, r, "%s: %s", file, strerror(-r)) : 0;
}

/* ---- the run's events ---- */

static int read_rare_events(struct counting *c, const json_t *events, struct err *err)
{
	const json_t *one;
	size_t i;

	c->events = calloc(json_array_size(events) + 1, sizeof(*c->events));
	if (!c->events)
		return err_oom(err);
	json_array_foreach (events, i, one) {
		struct rare_event *e = &c->events[c->n_events++];

		e->begin_ns = (uint64_t)json_integer_value(json_object_get(one, "begin_ns"));
		e->end_ns = (uint64_t)json_integer_value(json_object_get(one, "end_ns")) +
			    WINDOW_AFTER_NS;
	}
	return 0;
}

static json_t *counts_to_json(const struct counting *c, const char *file, const json_t *events)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_events; i++)
		json_array_append_new(list,
				      json_pack("{s:O, s:I, s:I}", "name",
						json_object_get(json_array_get(events, i), "name"),
						"told", (json_int_t)c->events[i].told, "incidents",
						(json_int_t)c->events[i].n_incidents));
	return json_pack("{s:s, s:f, s:I, s:I, s:I, s:o}", "file", file, "hours",
			 (double)(c->stop_ns - c->start_ns) / 3.6e12, "alerts",
			 (json_int_t)c->alerts, "told", (json_int_t)c->told, "incidents",
			 (json_int_t)c->table.last_id, "events", list);
}

int main(int argc, char **argv)
{
	_cleanup_free_ struct counting *c = calloc(1, sizeof(*c));
	_cleanup_(policy_freep) struct policy *policy = NULL;
	json_auto_t *manifest = NULL, *out = NULL;
	struct err err = {""};
	json_t *events;
	int r;

	if (argc != 3 && argc != 4) {
		fputs("usage: replay_incidents POLICY TRACE.ltr [RUN.json]\n", stderr);
		return 2;
	}
	manifest = argc == 4 ? json_load_file(argv[3], 0, NULL) : NULL;
	events = json_object_get(manifest, "events");
	r = policy_load(&policy, argv[1], &err);
	if (r == 0)
		r = read_rare_events(c, events, &err);
	if (r == 0)
		r = count_trace(c, policy, argv[2], &err);
	if (r == 0)
		out = counts_to_json(c, argv[2], events);
	replay_free(c->replay);
	tasks_reset(&c->tasks);
	incident_table_done(&c->table);
	intern_free(c->findings);
	free(c->told_ns);
	free(c->events);
	if (!out || json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) < 0) {
		fprintf(stderr, "incidents: %s\n", err.msg);
		return 1;
	}
	putchar('\n');
	return 0;
}
