/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which alerts belong together. */
#include "user/incidents/incident_table.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/list.h"
#include "lib/base/text.h"
#include "lutra/types.h"
#include "user/incidents/finding.h"

#define WAIT_NS (86400 * NSEC_PER_SEC) /* how long a session is remembered */
/* For so long an event of no known session counts as one of the container's last session. */
#define WAIT_ALONE_NS (60 * NSEC_PER_SEC)

/* ---- the table ---- */

void incident_table_done(struct incident_table *t)
{
	while (t->first)
		free(LIST_POP(t->first));
	t->n = 0;
}

struct incident *incident_table_get(struct incident_table *t, uint64_t id)
{
	struct incident *i = t->first;

	while (i && i->id != id)
		i = i->next;
	return i;
}

static void drop_incident(struct incident_table *t, struct incident *i)
{
	LIST_REMOVE(t->first, i);
	free(i);
	t->n--;
}

static void drop_quietest(struct incident_table *t)
{
	struct incident *quietest = t->first;

	for (struct incident *i = t->first; i; i = i->next)
		if (i->end_ns < quietest->end_ns)
			quietest = i;
	if (quietest)
		drop_incident(t, quietest);
}

struct incident *incident_table_add(struct incident_table *t, uint64_t id)
{
	struct incident *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	if (t->n >= INCIDENT_TABLE_MAX)
		drop_quietest(t);
	i->id = id;
	LIST_PUSH(t->first, i);
	t->n++;
	if (id > t->last_id)
		t->last_id = id;
	return i;
}

static bool is_over(const struct incident *i, uint64_t now_ns)
{
	if (i->is_closed)
		return true;
	if (i->maintenance.until_ns)
		return now_ns > i->maintenance.until_ns;
	return now_ns > i->end_ns && now_ns - i->end_ns > INCIDENT_LINEAGE_NS;
}

void incident_table_expire(struct incident_table *t, uint64_t now_ns)
{
	struct incident *next;

	for (struct incident *i = t->first; i; i = next) {
		next = i->next;
		if (is_over(i, now_ns))
			drop_incident(t, i);
	}
}

/* ---- sessions that are no incident yet ---- */

static bool is_session(const struct alert_fields *f)
{
	return strcmp(alert_fields_text(f, ALERT_RULE), rule_name(LUTRA_RULE_SESSION)) == 0;
}

static void remember_session(struct incident_table *t, const struct alert_fields *f, bool kept)
{
	struct incident_waiting *w = &t->waiting[t->next_waiting++ % INCIDENT_SESSIONS];

	incident_read_session(&w->session, f);
	w->time_ns = (uint64_t)f->number[ALERT_TIME];
	w->kept = kept;
	TEXT_COPY(w->cgroup, alert_fields_text(f, ALERT_CGROUP));
}

/* Returns true if an event is of the session: its process is the session's first, or descends from it. */
static bool is_of_session(const struct incident_waiting *w, const struct alert_fields *f)
{
	struct incident_ancestor a[INCIDENT_ANCESTORS];
	unsigned n = incident_read_ancestors(f->text[ALERT_ANCESTORS], a);

	if (w->session.pid == (uint32_t)f->number[ALERT_PID] ||
	    w->session.pid == (uint32_t)f->number[ALERT_PPID])
		return true;
	for (unsigned k = 1; k < n; k++)
		if (a[k].pid == w->session.pid)
			return true;
	return false;
}

/*
 * Finds the remembered session of an event: the one that an ancestor belongs to, else the last one of
 * the container, if it began at most WAIT_ALONE_NS before. NULL: none.
 */
static struct incident_waiting *find_waiting(struct incident_table *t, const struct alert_fields *f)
{
	uint64_t now_ns = (uint64_t)f->number[ALERT_TIME];
	struct incident_waiting *last = NULL;

	for (unsigned k = 0; k < INCIDENT_SESSIONS; k++) {
		struct incident_waiting *w = &t->waiting[k];

		if (!w->session.pid || now_ns < w->time_ns || now_ns - w->time_ns > WAIT_NS ||
		    strcmp(w->cgroup, alert_fields_text(f, ALERT_CGROUP)) != 0)
			continue;
		if (is_of_session(w, f))
			return w;
		if (now_ns - w->time_ns <= WAIT_ALONE_NS && (!last || w->time_ns > last->time_ns))
			last = w;
	}
	return last;
}

/* Returns true if the event is of a remembered session by its lineage. */
static bool is_of_remembered(const struct incident_table *t, const struct alert_fields *f)
{
	for (unsigned k = 0; k < INCIDENT_SESSIONS; k++) {
		const struct incident_waiting *w = &t->waiting[k];

		if (w->session.pid && strcmp(w->cgroup, alert_fields_text(f, ALERT_CGROUP)) == 0 &&
		    is_of_session(w, f))
			return true;
	}
	return false;
}

/* Gives the incident the session that its event belongs to, if the session is remembered. */
static void take_session(struct incident_table *t, const struct alert_fields *f,
			 struct incident_placed *ret)
{
	struct incident_waiting *w;

	/* The event of a session that begins is no act of an earlier one. */
	if (!f->number[ALERT_EXEC_SESSION] || ret->incident->session.pid || is_session(f))
		return;
	w = find_waiting(t, f);
	if (!w)
		return;
	incident_set_session(ret->incident, &w->session);
	if (w->time_ns < ret->incident->begin_ns)
		ret->incident->begin_ns = w->time_ns;
	if (w->kept) {
		ret->incident->events++;
		ret->session_time_ns = w->time_ns;
		ret->session_pid = w->session.pid;
	}
	*w = (struct incident_waiting){};
}

/* ---- what belongs together ---- */

static bool is_same_container(const struct incident *i, const struct alert_fields *f)
{
	const char *cgroup = alert_fields_text(f, ALERT_CGROUP);

	if (*cgroup || *i->cgroup)
		return strcmp(i->cgroup, cgroup) == 0;
	return strcmp(i->container, alert_fields_text(f, ALERT_CONTAINER)) == 0;
}

/*
 * Returns true if the event is near enough in time, whatever its process is. An attack on the service
 * must not hide in a session's incident, nor a session keep a service's incident from being told.
 */
static bool is_near(const struct incident *i, const struct alert_fields *f)
{
	uint64_t now_ns = (uint64_t)f->number[ALERT_TIME];

	if (i->own_session != (f->number[ALERT_EXEC_SESSION] != 0))
		return false;
	return now_ns <= i->told_ns + INCIDENT_GAP_NS && now_ns <= i->begin_ns + INCIDENT_LONG_NS;
}

/*
 * Returns how well an event fits an incident: 2: by lineage, 1: by time, 0: not at all. What is only
 * noted belongs to an incident by its lineage alone. of_other: the event is of a remembered session. A
 * session with a terminal does not take what such a session did.
 */
static unsigned event_fits(const struct incident *i, const struct alert_fields *f, bool of_other)
{
	uint64_t now_ns = (uint64_t)f->number[ALERT_TIME];

	if (i->maintenance.until_ns || is_over(i, now_ns) || !is_same_container(i, f))
		return 0;
	if (incident_has_lineage(i, f))
		return 2;
	if (of_other && *i->session.terminal)
		return 0;
	return finding_verdict(f->text[ALERT_VERDICT]) >= LUTRA_VERDICT_ALERT && is_near(i, f);
}

static struct incident *find_incident(struct incident_table *t, const struct alert_fields *f)
{
	bool of_other = f->number[ALERT_EXEC_SESSION] && is_of_remembered(t, f);
	struct incident *best = NULL;
	unsigned best_fit = 0;

	for (struct incident *i = t->first; i; i = i->next) {
		unsigned fit = event_fits(i, f, of_other);

		if (fit > best_fit || (fit && fit == best_fit && i->end_ns > best->end_ns)) {
			best = i;
			best_fit = fit;
		}
	}
	return best;
}

static struct incident *find_maintenance(struct incident_table *t,
					 const struct incident_maintenance *m)
{
	for (struct incident *i = t->first; i; i = i->next)
		if (i->maintenance.until_ns == m->until_ns && !i->is_closed &&
		    strcmp(i->maintenance.reason, m->reason) == 0)
			return i;
	return NULL;
}

/* Returns true if an event opens an incident: a session does if a person sits at a terminal. */
static bool opens_incident(const struct alert_fields *f, bool told)
{
	struct incident_session s;

	if (!is_session(f))
		return told && finding_verdict(f->text[ALERT_VERDICT]) >= LUTRA_VERDICT_ALERT;
	incident_read_session(&s, f);
	return *s.terminal != '\0';
}

static int open_incident(struct incident_table *t, const struct alert_fields *f,
			 const struct incident_maintenance *m, struct incident_placed *ret)
{
	struct incident *i = incident_table_add(t, t->last_id + 1);

	if (!i)
		return -ENOMEM;
	incident_begin(i, f);
	if (m)
		i->maintenance = *m;
	ret->incident = i;
	ret->opened = true;
	return 0;
}

int incident_table_place(struct incident_table *t, const struct alert_fields *f, bool told,
			 const struct incident_maintenance *maintenance,
			 struct incident_placed *ret)
{
	int r = 0;

	*ret = (struct incident_placed){};
	if (maintenance)
		ret->incident = find_maintenance(t, maintenance);
	else if (!is_session(f))
		ret->incident = find_incident(t, f);
	if (!ret->incident && opens_incident(f, told))
		r = open_incident(t, f, maintenance, ret);
	if (r < 0 || (!ret->incident && !is_session(f)))
		return r;
	if (!ret->incident) {
		remember_session(t, f, told);
		return 0;
	}
	take_session(t, f, ret);
	ret->grew = incident_add(ret->incident, f);
	if (!told)
		return 0;
	ret->grew |= (uint64_t)f->number[ALERT_TIME] > ret->incident->told_ns + INCIDENT_QUIET_NS;
	ret->incident->told_ns = (uint64_t)f->number[ALERT_TIME];
	return 0;
}
