/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The incidents that may still grow, and which of them an event belongs to. Pure: no store, no
 * clock; the time is that of the events. Used on one thread.
 *
 *   lineage  an event of a process that raised an event of the incident before, or of a descendant
 *            of it, belongs to it for INCIDENT_LINEAGE_NS after the last
 *   time     another event of the container belongs to it for INCIDENT_GAP_NS after the last that had
 *            to be told, until the incident is INCIDENT_LONG_NS old
 *   session  a session with a terminal is an incident of its own. By time alone, an incident that a
 *            session began takes only events of sessions, and another one takes none of them
 *   image    during a maintenance all events of an image are one incident
 */
#ifndef LUTRA_USER_INCIDENTS_INCIDENT_TABLE_H
#define LUTRA_USER_INCIDENTS_INCIDENT_TABLE_H

#include "user/incidents/incident.h"

#define INCIDENT_GAP_NS (60 * NSEC_PER_SEC)
#define INCIDENT_QUIET_NS (300 * NSEC_PER_SEC) /* what is told later is told again */
#define INCIDENT_LONG_NS (3600 * NSEC_PER_SEC)
#define INCIDENT_LINEAGE_NS (3600 * NSEC_PER_SEC)
#define INCIDENT_TABLE_MAX 512 /* incidents that may grow; the one that was quiet longest leaves */
#define INCIDENT_SESSIONS 256  /* sessions without an incident that are remembered */

/* A session that began, and that is no incident yet. */
struct incident_waiting {
	struct incident_session session;
	uint64_t time_ns;
	bool kept; /* its event is in the store */
	char cgroup[512];
};

struct incident_table {
	struct incident *first;
	unsigned n;
	uint64_t last_id;
	struct incident_waiting waiting[INCIDENT_SESSIONS];
	unsigned next_waiting;
};

void incident_table_done(struct incident_table *t);
/* Finds an incident by its id. NULL: the table does not have it, so it cannot grow any more. */
struct incident *incident_table_get(struct incident_table *t, uint64_t id);
/* Adds an empty incident with an id. NULL: out of memory. */
struct incident *incident_table_add(struct incident_table *t, uint64_t id);

/* What became of an event. */
struct incident_placed {
	struct incident *incident; /* NULL: it belongs to none */
	bool opened;		   /* the incident begins with this event */
	bool grew; /* as incident_add() says, or it goes on after INCIDENT_QUIET_NS */
	/* The session's own event, which was kept before, belongs to the incident too; 0: none. */
	uint64_t session_time_ns;
	uint32_t session_pid;
};

/*
 * Finds the incident that an event belongs to, or opens one, and adds the event to it. told: the
 * event has to be told, so it may open one; an event of rule session: it is kept. maintenance: that of
 * the image, NULL: none. Returns 0 or -ENOMEM.
 */
int incident_table_place(struct incident_table *t, const struct alert_fields *f, bool told,
			 const struct incident_maintenance *maintenance,
			 struct incident_placed *ret);
/* Frees the incidents that cannot grow any more at a time. */
void incident_table_expire(struct incident_table *t, uint64_t now_ns);

#endif
