/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and incidents in the event store. */
#ifndef LUTRA_USER_STORE_STORE_INCIDENTS_H
#define LUTRA_USER_STORE_STORE_INCIDENTS_H

#include "user/incidents/incident_json.h"
#include "user/store/store.h"

/* ---- writing: each is part of the open transaction, or opens one. Errors as store_add(). ---- */

/* Adds a finding or replaces it; state and accepted of one that is there stay. */
int store_put_finding(struct store *s, const struct finding *x, unsigned *ret_lost,
		      struct err *err);
/* Sets state and accepted of a finding. accepted NULL: none. */
int store_set_finding_state(struct store *s, const char *id, const char *state,
			    const char *accepted, unsigned *ret_lost, struct err *err);
/* Adds an incident or replaces it; state and note of one that is there stay. */
int store_put_incident(struct store *s, const struct incident_row *row, unsigned *ret_lost,
		       struct err *err);
/* Sets state and note of an incident; NULL: it stays. */
int store_set_incident(struct store *s, uint64_t id, const char *state, const char *note,
		       unsigned *ret_lost, struct err *err);
/* Notes that an incident has a finding. */
int store_link_finding(struct store *s, uint64_t incident, const char *finding, unsigned *ret_lost,
		       struct err *err);
/* Gives the event of a process at a time to an incident. */
int store_claim_event(struct store *s, uint64_t time_ns, uint32_t pid, uint64_t incident,
		      unsigned *ret_lost, struct err *err);

/* ---- reading ---- */

/* Reads a finding. -ENOENT: there is none. -EIO. */
int store_get_finding(struct store *s, const char *id, struct finding *ret, struct err *err);

struct store_finding_query {
	const char *image, *state; /* NULL: any */
	bool has_entry;		   /* an entry of a policy accepts it, or a part of it */
	uint64_t incident;	   /* 0: any */
	uint64_t before_ns;	   /* and before_id: older than this one; 0: from the newest */
	const char *before_id;
	uint32_t limit;
};

/* Calls on_finding for the findings that match, that with the newest alert first. Else as store_select(). */
int store_select_findings(struct store *s, const struct store_finding_query *q,
			  int (*on_finding)(void *ctx, const struct finding *x), void *ctx,
			  struct err *err);

struct store_incident_query {
	uint64_t id;					      /* 0: any */
	const char *state, *container, *container_id, *image; /* NULL: any */
	uint64_t since_ns, until_ns; /* it ended not before, began not after; 0: any */
	bool or_maintenance;	     /* whenever it ended, if it is of a maintenance */
	uint64_t before_id;	     /* 0: from the newest */
	uint32_t limit;
};

/* Calls on_incident for the incidents that match, the newest first. Else as store_select(). */
int store_select_incidents(struct store *s, const struct store_incident_query *q,
			   int (*on_incident)(void *ctx, const struct incident_row *row), void *ctx,
			   struct err *err);
/* Counts the open incidents. -EIO. */
int store_count_open(struct store *s, uint64_t *ret, struct err *err);
/* Counts the findings of an incident. -EIO. */
int store_count_findings(struct store *s, uint64_t incident, uint64_t *ret, struct err *err);
/* Reads the greatest id that an incident had; 0: none. -EIO. */
int store_last_incident(struct store *s, uint64_t *ret, struct err *err);

#endif
