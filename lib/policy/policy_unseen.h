/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the training runs show of what no run has shown yet. By Good and Turing (Good 1953,
 * https://doi.org/10.1093/biomet/40.3-4.237) things that are new come as often at the end of
 * training as things that exactly one run had came in the time of all runs.
 */
#ifndef LUTRA_LIB_POLICY_UNSEEN_H
#define LUTRA_LIB_POLICY_UNSEEN_H

#include <jansson.h>
#include <stdint.h>

#include "lib/base/err.h"

/* Kinds of things that a run can be the first to do. */
enum policy_unseen_kind {
	POLICY_UNSEEN_FILES_READ,
	POLICY_UNSEEN_FILES_WRITTEN,
	POLICY_UNSEEN_NAMES,	 /* made, changed or removed */
	POLICY_UNSEEN_PROGRAMS,	 /* executed, or mapped as code */
	POLICY_UNSEEN_ADDRESSES, /* connected to, bound or written to */
	POLICY_UNSEEN_CAPABILITIES,
	POLICY_UNSEEN_CALLS,
	POLICY_UNSEEN_KINDS
};

struct policy_unseen_rate {
	uint32_t things;       /* that exactly one run had */
	double per_hour_95[2]; /* interval of how many new ones come in an hour */
};

/* All zero: not known. */
struct policy_unseen {
	uint32_t runs; /* 0: not known. It takes two runs */
	double hours;  /* of these runs */
	struct policy_unseen_rate all;
	struct policy_unseen_rate kind[POLICY_UNSEEN_KINDS];
};

#define POLICY_UNSEEN_TEXT 640

/*
 * Returns the kind of thing that a rule is about. POLICY_UNSEEN_KINDS: the rule only logs, or is
 * about no thing: it judges sequences, or guards the guard.
 */
unsigned policy_unseen_kind(unsigned rule);

/*
 * Returns how many new things an hour are to be expected. Where no thing was in one run only this
 * is one in the recorded time: no lower rate was shown. 0: not known.
 */
double policy_unseen_per_hour(const struct policy_unseen *u);

/* Writes a rate in words: "one new thing every 3 hours", "12 new things an hour". */
void policy_unseen_rate_text(double per_hour, const char *one, const char *many, char *buf,
			     size_t size);

/* Writes what to expect in words, without a full stop. */
void policy_unseen_text(const struct policy_unseen *u, char ret[static POLICY_UNSEEN_TEXT]);

/* Returns {"runs", "hours", "things", "per_hour_95", "kinds"}, or NULL: out of memory. */
json_t *policy_unseen_encode(const struct policy_unseen *u);

/* Reads what policy_unseen_encode() wrote. -EBADMSG: err says why; *ret is untouched. */
int policy_unseen_decode(json_t *j, struct policy_unseen *ret, struct err *err);

#endif
