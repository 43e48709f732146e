/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps findings and incidents, in memory and in the store. */
#include "user/pipeline/tracker.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "lutra/types.h"
#include "user/incidents/incident_table.h"
#include "user/sys/clock.h"
#include "user/sys/log.h"

#define CACHE 512	       /* findings in memory, by the hash in their id */
#define SESSIONS_KEPT 256      /* kinds of sessions whose last event is remembered */
#define UPDATE_NS NSEC_PER_SEC /* between two messages of an incident */
#define RELOAD_MAX 256	       /* incidents that may go on after a restart */
#define RELOAD_EVENTS 512      /* events of each that are read again */
#define CLAIMS_MAX 128

struct cached_finding {
	struct finding x;
	uint64_t incident; /* that it was linked to last; 0: none */
	bool unwritten;
};

/* A session's event that was stored before its incident began. */
struct claim {
	uint64_t time_ns, incident;
	uint32_t pid;
};

/* A kind of session: an image and a program. */
struct kept_session {
	char key[FINDING_ID]; /* as the id of a finding; "": free */
	uint64_t time_ns;
};

struct tracker {
	struct maintenance *maintenance;
	struct store *store; /* NULL: none, or not open */
	struct incident_table table;
	struct cached_finding *cache; /* CACHE of them */
	struct kept_session session[SESSIONS_KEPT];
	struct claim claim[CLAIMS_MAX];
	unsigned n_claims;
	unsigned n_unwritten; /* incidents and links that wait for the store */
	uint64_t
		accepted_ns; /* when a finding was accepted last, CLOCK_REALTIME; 0: not since the start */
	atomic_uint_least64_t opened;
	bool log; /* write incidents to the log */
	char host[64];
};

int tracker_new(struct tracker **ret, struct maintenance *maintenance, bool log)
{
	struct tracker *t = calloc(1, sizeof(*t));

	if (t)
		t->cache = calloc(CACHE, sizeof(*t->cache));
	if (!t || !t->cache) {
		free(t);
		return -ENOMEM;
	}
	t->maintenance = maintenance;
	t->log = log;
	gethostname(t->host, sizeof(t->host) - 1);
	*ret = t;
	return 0;
}

void tracker_free(struct tracker *t)
{
	if (!t)
		return;
	incident_table_done(&t->table);
	free(t->cache);
	free(t);
}

uint64_t tracker_opened(const struct tracker *t)
{
	return atomic_load(&t->opened);
}

/* ---- findings ---- */

/* The last 32 bits of an id choose the place: ids are hashes. */
static unsigned id_place(const char *id, unsigned n)
{
	return (unsigned)strtoul(id + FINDING_ID - 1 - 8, NULL, 16) % n;
}

static int write_finding(struct tracker *t, const struct finding *x, unsigned *ret_lost,
			 struct err *err)
{
	int r = store_put_finding(t->store, x, ret_lost, err);

	if (r == 0 && *x->accepted)
		r = store_set_finding_state(t->store, x->id, x->state, x->accepted, ret_lost, err);
	return r;
}

/*
 * Returns the finding of an alert, from the cache, from the store, or as a new one. If another finding
 * has its place in the cache, that one is written to the store first.
 */
static struct cached_finding *get_finding(struct tracker *t, const struct alert_fields *f)
{
	struct cached_finding *c;
	struct finding x;
	struct err err;

	finding_describe(&x, f);
	c = &t->cache[id_place(x.id, CACHE)];
	if (strcmp(c->x.id, x.id) == 0)
		return c;
	if (c->unwritten && t->store && write_finding(t, &c->x, NULL, &err) < 0)
		log_debug("%s", err.msg);
	*c = (struct cached_finding){.x = x};
	if (t->store && store_get_finding(t->store, x.id, &x, &err) == 0)
		c->x = x;
	return c;
}

/*
 * What was accepted did not cover this alert of the finding, so a person has to look at the finding
 * again. The entry that accepted the rest of it stays named. An event from before the last change may
 * have been judged without the entry.
 */
static void reopen_finding(const struct tracker *t, struct finding *x, const struct alert_fields *f)
{
	if (*x->accepted && (uint64_t)f->number[ALERT_TIME] > t->accepted_ns)
		TEXT_COPY(x->state, "new");
}

/* Links a finding to the incident of its event. */
static void link_finding(struct tracker *t, struct cached_finding *c, struct incident *i)
{
	struct err err;

	if (!i || c->incident == i->id)
		return;
	c->incident = i->id;
	if (t->store && store_link_finding(t->store, i->id, c->x.id, NULL, &err) < 0)
		log_debug("%s", err.msg);
}

/* ---- sessions ---- */

/*
 * Returns true if the event of a session is kept: there is a terminal, or no session of the image ran
 * this program for a day. A health check comes every few seconds.
 */
static bool keep_session(struct tracker *t, const struct alert_fields *f)
{
	uint64_t time_ns = (uint64_t)f->number[ALERT_TIME];
	struct incident_session s;
	struct kept_session *k;
	struct finding x;

	incident_read_session(&s, f);
	finding_describe(&x, f);
	k = &t->session[id_place(x.id, SESSIONS_KEPT)];
	if (!*s.terminal && strcmp(k->key, x.id) == 0 && time_ns - k->time_ns < FINDING_TELL_NS)
		return false;
	memcpy(k->key, x.id, sizeof(k->key));
	k->time_ns = time_ns;
	return true;
}

/* ---- alerts ---- */

static void note_claim(struct tracker *t, const struct incident_placed *p)
{
	if (p->session_time_ns && t->n_claims < CLAIMS_MAX)
		t->claim[t->n_claims++] = (struct claim){.time_ns = p->session_time_ns,
							 .incident = p->incident->id,
							 .pid = p->session_pid};
}

static struct incident *place_alert(struct tracker *t, const struct alert_fields *f, bool told,
				    const struct incident_maintenance *m)
{
	struct incident_placed p;

	if (incident_table_place(&t->table, f, told, m, &p) < 0 || !p.incident)
		return NULL;
	note_claim(t, &p);
	if (p.opened)
		atomic_fetch_add(&t->opened, 1);
	p.incident->unsent |= p.opened || p.grew;
	t->n_unwritten += !p.incident->unwritten;
	p.incident->unwritten = true;
	return p.incident;
}

struct tracked tracker_add(struct tracker *t, struct alert_fields *f)
{
	bool is_session =
		strcmp(alert_fields_text(f, ALERT_RULE), rule_name(LUTRA_RULE_SESSION)) == 0;
	bool is_noted = finding_verdict(f->text[ALERT_VERDICT]) == LUTRA_VERDICT_ALLOW;
	struct tracked ret = {.keep = !is_session || keep_session(t, f)};
	struct cached_finding *c = is_noted ? NULL : get_finding(t, f);
	struct incident_maintenance m;
	bool maintained = maintenance_find(t->maintenance, alert_fields_text(f, ALERT_IMAGE),
					   (uint64_t)f->number[ALERT_TIME], &m);
	struct incident *i;

	if (c) {
		ret.told = finding_has_to_be_told(&c->x, f);
		finding_count(&c->x, f, t->host);
		reopen_finding(t, &c->x, f);
		/* What happens in a maintenance says nothing of the time after it. */
		if (ret.told && !maintained)
			c->x.told_ns = (uint64_t)f->number[ALERT_TIME];
		c->unwritten = true;
		alert_fields_put(f, ALERT_FINDING, c->x.id);
	}
	i = place_alert(t, f, is_session ? ret.keep : ret.told || (c && maintained),
			maintained ? &m : NULL);
	if (c)
		link_finding(t, c, i);
	f->number[ALERT_INCIDENT] = i ? (int64_t)i->id : 0;
	ret.keep |= i != NULL;
	return ret;
}

void tracker_set_incident(struct tracker *t, uint64_t id, const char *state, const char *note)
{
	struct incident *i = incident_table_get(&t->table, id);

	if (!i)
		return;
	if (state)
		i->is_closed = strcmp(state, "closed") == 0;
	if (note)
		TEXT_COPY(i->note, note);
}

void tracker_set_finding(struct tracker *t, const char *id, const char *state, const char *accepted,
			 uint64_t time_ns)
{
	struct cached_finding *c = &t->cache[id_place(id, CACHE)];

	if (accepted && time_ns > t->accepted_ns)
		t->accepted_ns = time_ns;
	if (strcmp(c->x.id, id) != 0)
		return;
	TEXT_COPY(c->x.state, state);
	TEXT_COPY(c->x.accepted, accepted ? accepted : "");
}

/* ---- the store ---- */

bool tracker_is_full(const struct tracker *t)
{
	return t->n_unwritten >= INCIDENT_TABLE_MAX / 2 || t->n_claims >= CLAIMS_MAX / 2;
}

static int write_incident(struct tracker *t, struct incident *i, unsigned *ret_lost,
			  struct err *err)
{
	struct incident_made_row made;
	int r = incident_row_make(&made, i);

	if (r < 0)
		return err_oom(err);
	r = store_put_incident(t->store, &made.row, ret_lost, err);
	incident_row_done(&made);
	if (r == 0)
		i->unwritten = false;
	return r;
}

static int write_findings(struct tracker *t, unsigned *ret_lost, struct err *err)
{
	int r = 0;

	for (unsigned k = 0; k < CACHE && r == 0; k++) {
		if (!t->cache[k].unwritten)
			continue;
		r = write_finding(t, &t->cache[k].x, ret_lost, err);
		t->cache[k].unwritten = r < 0;
	}
	return r;
}

int tracker_write(struct tracker *t, unsigned *ret_lost, struct err *err)
{
	int r = 0;

	if (!t->store)
		return 0;
	for (struct incident *i = t->table.first; i && r == 0; i = i->next)
		if (i->unwritten)
			r = write_incident(t, i, ret_lost, err);
	for (unsigned k = 0; k < t->n_claims && r == 0; k++)
		r = store_claim_event(t->store, t->claim[k].time_ns, t->claim[k].pid,
				      t->claim[k].incident, ret_lost, err);
	if (r == 0)
		r = write_findings(t, ret_lost, err);
	t->n_claims = 0;
	t->n_unwritten = 0;
	if (r < 0)
		tracker_lost(t);
	return r;
}

void tracker_lost(struct tracker *t)
{
	for (struct incident *i = t->table.first; i; i = i->next)
		i->unwritten = true;
	for (unsigned k = 0; k < CACHE; k++) {
		t->cache[k].unwritten = *t->cache[k].x.id != '\0';
		t->cache[k].incident = 0;
	}
}

/* ---- after a restart ---- */

struct reload {
	struct tracker *t;
	struct incident *incident;
};

static int reload_event(void *ctx, int64_t id, const struct alert_fields *f)
{
	struct reload *r = ctx;

	(void)id;
	if (!*r->incident->cgroup)
		incident_begin(r->incident, f);
	incident_add(r->incident, f);
	return 0;
}

/* Adds an incident that may go on to the table; its events are read afterwards. */
static int reload_incident(void *ctx, const struct incident_row *row)
{
	struct reload *r = ctx;
	struct incident *i = incident_table_add(&r->t->table, row->id);

	if (!i)
		return -ENOMEM;
	incident_from_row(i, row);
	i->events = row->events;
	i->refused = row->refused;
	i->killed = row->killed;
	i->begin_ns = row->begin_ns;
	i->end_ns = i->told_ns = row->end_ns;
	i->sent_ns = 1;
	return 0;
}

/*
 * Reads the oldest events of an incident again: what was done, and by which processes. How many there
 * are is known from its row.
 */
static int reload_events(struct tracker *t, struct incident *i, struct err *err)
{
	const struct store_query q = {
		.incident = i->id, .limit = RELOAD_EVENTS, .oldest_first = true};
	struct reload r = {.t = t, .incident = i};
	uint64_t begin_ns = i->begin_ns, events = i->events, refused = i->refused,
		 killed = i->killed;
	int n = store_select(t->store, &q, reload_event, &r, err);

	i->begin_ns = begin_ns;
	i->events = events;
	i->refused = refused;
	i->killed = killed;
	return n;
}

int tracker_set_store(struct tracker *t, struct store *s, struct err *err)
{
	const struct store_incident_query q = {.state = "open",
					       .since_ns =
						       clock_realtime_ns() - INCIDENT_LINEAGE_NS,
					       .or_maintenance = true,
					       .limit = RELOAD_MAX};
	struct reload reload = {.t = t};
	uint64_t last = 0;
	int r = 0;

	t->store = s;
	if (s)
		r = store_last_incident(s, &last, err);
	if (!s || r < 0)
		return r;
	/* What happened without a store has ids already: it is written with the next batch. */
	if (t->table.last_id == 0) {
		r = store_select_incidents(s, &q, reload_incident, &reload, err);
		incident_table_expire(&t->table, clock_realtime_ns());
		for (struct incident *i = t->table.first; i && r == 0; i = i->next)
			r = reload_events(t, i, err);
	}
	if (last > t->table.last_id)
		t->table.last_id = last;
	return r;
}

/* ---- messages ---- */

static void send_incident(const struct tracker *t, struct incident *i, struct outputs *outputs,
			  struct subscribers *subscribers)
{
	_cleanup_(alert_json_unrefp) struct alert_json *message = incident_message(i, i->sent_ns);
	_cleanup_(alert_json_unrefp) struct alert_json *object = NULL;
	uint64_t findings = 0; /* known where there is a store */

	if (subscribers_choose(subscribers, false, true, false)) {
		if (t->store)
			store_count_findings(t->store, i->id, &findings, NULL);
		object = incident_stream_text(i, findings);
	}
	if (object)
		subscribers_put(subscribers, object);
	if (!message)
		return;
	if (t->log)
		log_warning("%s", message->sentence);
	if (outputs)
		outputs_put_incident(outputs, *i->cgroup ? i->cgroup : i->container, i->container,
				     message);
}

bool tracker_send(struct tracker *t, struct outputs *outputs, struct subscribers *subscribers)
{
	uint64_t now_ns = clock_now_ns();
	bool waits = false;

	for (struct incident *i = t->table.first; i; i = i->next) {
		if (!i->unsent)
			continue;
		if (i->sent_ns && now_ns - i->sent_ns < UPDATE_NS) {
			waits = true;
			continue;
		}
		send_incident(t, i, outputs, subscribers);
		i->unsent = false;
		i->sent_ns = now_ns;
	}
	incident_table_expire(&t->table, clock_realtime_ns());
	return waits;
}
