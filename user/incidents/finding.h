/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding: all alerts of an image that are the same to a person. They have the same rule, role and
 * program and touch objects of one class. Either all are of exec sessions, or none is. Pure: no
 * store, no clock. Any thread.
 */
#ifndef LUTRA_USER_INCIDENTS_FINDING_H
#define LUTRA_USER_INCIDENTS_FINDING_H

#include "user/alerts/alert_fields.h"

#define FINDING_ID 18 /* bytes: "f", 16 hex digits, NUL */
#define FINDING_NAMES 16
#define FINDING_TELL_NS 86400000000000ull /* an alert of a finding is told once in so long */

/* A bounded list of names, the oldest first. */
struct finding_names {
	unsigned n;
	char name[FINDING_NAMES][64];
};

struct finding {
	char id[FINDING_ID];
	char image[256]; /* "": unknown */
	char rule[16], role[16];
	char program[64];
	char what[512];	   /* the class in words: "connect private port 443" */
	char example[512]; /* the last object in words; "": a system call */
	char path_example[512];
	char verdict[8]; /* the gravest */
	char state[12];	 /* "new" or "accepted" */
	char accepted[64];
	bool exec_session;
	uint64_t count, first_ns, last_ns; /* CLOCK_REALTIME */
	uint64_t told_ns;		   /* when it was told last; 0: never */
	struct finding_names containers, hosts;
};

/* Fills in id, what it is made of, and state "new". Nothing is counted yet. */
void finding_describe(struct finding *ret, const struct alert_fields *f);
/* Counts an alert of the finding. host: the name of this host. */
void finding_count(struct finding *x, const struct alert_fields *f, const char *host);
/*
 * Returns true if an alert has to be told, in the log and by an incident: something was refused or
 * killed, or no alert of the finding was told for FINDING_TELL_NS.
 */
bool finding_has_to_be_told(const struct finding *x, const struct alert_fields *f);

/* Returns how grave a verdict is, enum lutra_verdict. An unknown name is LUTRA_VERDICT_ALLOW. */
unsigned finding_verdict(const char *name);

#endif
