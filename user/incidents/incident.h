/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An incident: what happened in one container, in one piece. It is made of alerts, one after the
 * other. Pure: no store, no clock. Any thread.
 */
#ifndef LUTRA_USER_INCIDENTS_INCIDENT_H
#define LUTRA_USER_INCIDENTS_INCIDENT_H

#include "user/alerts/alert_fields.h"

#define INCIDENT_PROCESSES 48
#define INCIDENT_TEXT 1024
#define INCIDENT_WORDS 256

/* A kind of unusual event: the group that its rule belongs to. */
enum incident_kind {
	INCIDENT_SESSION,
	INCIDENT_PROGRAM,
	INCIDENT_NETWORK,
	INCIDENT_MEMORY,
	INCIDENT_PRIVILEGE,
	INCIDENT_READ,
	INCIDENT_WRITE,
	INCIDENT_NAME,
	INCIDENT_SEQUENCE,
	INCIDENT_GUARD,
	INCIDENT_POLICY,
	INCIDENT_KINDS
};

enum incident_severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

/* A process that raised an event, or an ancestor of one (events 0). */
struct incident_process {
	uint32_t pid, ppid; /* ppid 0: unknown */
	uint32_t events;
	char name[64];
};

/* What a person opened from outside, with "podman exec" for example. pid 0: not known. */
struct incident_session {
	uint32_t pid;
	char user[64];
	char terminal[32]; /* "": none */
	char program[256];
};

/* The maintenance during which the incident happens. until_ns 0: none. */
struct incident_maintenance {
	uint64_t until_ns; /* CLOCK_REALTIME */
	char reason[256];
};

/* What was done of one kind, for the sentence. */
struct incident_act {
	uint64_t n;		    /* events of the kind, of verdict alert or graver */
	uint64_t same;		    /* of these, those that did what words say */
	uint64_t order;		    /* its place among the kinds, from 1 */
	unsigned verdict;	    /* of the event that words are of */
	char words[INCIDENT_WORDS]; /* the first of the gravest: "read /etc/shadow" */
};

struct incident {
	struct incident *next; /* of the table */
	uint64_t id;
	uint64_t begin_ns, end_ns; /* CLOCK_REALTIME */
	uint64_t events, refused, killed;
	char container[128], container_id[80], image[256], engine[16], pod[256]; /* "": unknown */
	char cgroup[512]; /* tells containers apart; not stored */
	char program[64]; /* of the service's first event; "": it has none */
	char note[INCIDENT_TEXT];
	bool is_closed;
	unsigned kinds[2]; /* bit for each kind: of the service, of exec sessions */
	unsigned strong;   /* bit for each kind with an event that is grave by itself */
	struct incident_act act[2][INCIDENT_KINDS]; /* of the service, of exec sessions */
	struct incident_session session;
	struct incident_maintenance maintenance;
	struct incident_process process[INCIDENT_PROCESSES];
	unsigned n_processes;
	/* What the store knew of it at a restart: more than the events that were read again show. */
	unsigned stored_kinds;
	enum incident_severity stored_severity;
	bool own_session; /* its first event is of an exec session */
	/* What only the table writes. */
	uint64_t told_ns; /* of the last event that had to be told, CLOCK_REALTIME */
	/* What only the owner of the table writes. */
	uint64_t
		sent_ns; /* of its last message, CLOCK_MONOTONIC; 0: none yet; 1: before a restart */
	bool unsent;	 /* it is new or has grown since */
	bool unwritten;	 /* it has changed since it was written to the store */
};

/* Returns the kind that a rule belongs to, by its name. */
enum incident_kind incident_kind_of(const char *rule);
const char *incident_kind_name(enum incident_kind k);
const char *incident_severity_name(enum incident_severity s);
/* Finds a kind by its name. Returns INCIDENT_KINDS if there is none. */
enum incident_kind incident_kind_find(const char *name);
/* Finds a severity by its name. An unknown one is SEVERITY_LOW. */
enum incident_severity incident_severity_find(const char *name);

/* Sets container, image, begin and own_session from the first event. */
void incident_begin(struct incident *i, const struct alert_fields *f);
/*
 * Adds an event. Returns true if the incident grew in kind, of the service or of its sessions, or
 * something was refused or killed for the first time.
 */
bool incident_add(struct incident *i, const struct alert_fields *f);
/* Adds a session that is known already; the first one stays. */
void incident_set_session(struct incident *i, const struct incident_session *s);
/* Reads the session of an event of the rule session. */
void incident_read_session(struct incident_session *ret, const struct alert_fields *f);

/*
 * Returns how bad it is. Kinds count, not events: two weak signs of different kinds weigh more than
 * ten of one kind. What was refused is high at least, and a killed process or an attack on the guard is
 * critical.
 */
enum incident_severity incident_severity(const struct incident *i);
/* Says in words what happened; INCIDENT_TEXT bytes. */
void incident_sentence(const struct incident *i, char buf[static INCIDENT_TEXT]);
/* Says what an event did: "read /etc/shadow". */
void incident_act_words(const struct alert_fields *f, char buf[static INCIDENT_WORDS]);
/* Returns the priority of its message, as a level of syslog. */
int incident_syslog_level(const struct incident *i);
/* Returns true if the process of an event, or an ancestor of it, raised an event of the incident. */
bool incident_has_lineage(const struct incident *i, const struct alert_fields *f);

/* A process in the text of ALERT_ANCESTORS: "sh[12] < python3[10] < [8]". */
struct incident_ancestor {
	uint32_t pid;
	char name[64]; /* "": unknown */
};
#define INCIDENT_ANCESTORS 10
/* Reads the processes of that text, the event's own first. Returns how many. */
unsigned incident_read_ancestors(const char *text,
				 struct incident_ancestor ret[static INCIDENT_ANCESTORS]);

#endif
