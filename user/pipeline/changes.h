/* SPDX-License-Identifier: Apache-2.0 */
/* What the main thread wants changed in the store: a bounded list that the pipeline's thread takes. */
#ifndef LUTRA_USER_PIPELINE_CHANGES_H
#define LUTRA_USER_PIPELINE_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "user/incidents/finding.h"

struct change {
	struct change *next;
	bool is_finding;
	uint64_t incident;	  /* unless it is a finding */
	char finding[FINDING_ID]; /* if it is */
	uint64_t time_ns;	  /* when it was asked for, CLOCK_REALTIME; of a finding */
	char *state;		  /* NULL: it stays */
	char *text;		  /* note, or accepted; NULL: the note stays, nothing is accepted */
};

struct changes;

/* Returns 0 or -ENOMEM. */
int changes_new(struct changes **ret);
void changes_free(struct changes *all);
/* Adds a copy of a change with copies of the texts. -EBUSY: too many wait. -ENOMEM. Any thread. */
int changes_put(struct changes *all, const struct change *c, const char *state, const char *text);
/* Takes the list, the oldest first; each is to be freed with change_free(). Any thread. */
struct change *changes_take(struct changes *all);
void change_free(struct change *c);

#endif
