/* SPDX-License-Identifier: Apache-2.0 */
/* The unseen in words and as JSON. trainer/rules/calibration/unseen.c computes it. */
#include "lib/policy/policy_unseen.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/number.h"

#define DAY_HOURS 24

static const struct {
	const char *key;	/* in JSON */
	const char *one, *many; /* in words */
} kinds[POLICY_UNSEEN_KINDS] = {
	[POLICY_UNSEEN_FILES_READ] = {"files_read", "new file read", "new files read"},
	[POLICY_UNSEEN_FILES_WRITTEN] = {"files_written", "new file written", "new files written"},
	[POLICY_UNSEEN_NAMES] = {"names", "new name changed", "new names changed"},
	[POLICY_UNSEEN_PROGRAMS] = {"programs", "new program", "new programs"},
	[POLICY_UNSEEN_ADDRESSES] = {"addresses", "new address", "new addresses"},
	[POLICY_UNSEEN_CAPABILITIES] = {"capabilities", "new capability", "new capabilities"},
	[POLICY_UNSEEN_CALLS] = {"calls", "new system call", "new system calls"},
};

unsigned policy_unseen_kind(unsigned rule)
{
	if (rule_get(rule)->action < LUTRA_ACTION_ALERT)
		return POLICY_UNSEEN_KINDS;
	switch (rule) {
	case LUTRA_RULE_NEW_HOOKABLE:
		return POLICY_UNSEEN_CALLS;
	case LUTRA_RULE_EXEC:
	case LUTRA_RULE_EXEC_FRESH:
	case LUTRA_RULE_MAPX:
	case LUTRA_RULE_UPDATED:
		return POLICY_UNSEEN_PROGRAMS;
	case LUTRA_RULE_CONNECT:
	case LUTRA_RULE_BIND:
	case LUTRA_RULE_SEND:
		return POLICY_UNSEEN_ADDRESSES;
	case LUTRA_RULE_WX:
	case LUTRA_RULE_CAPABLE:
		return POLICY_UNSEEN_CAPABILITIES;
	case LUTRA_RULE_OPEN_READ_PROTECTED:
	case LUTRA_RULE_OPEN_READ_ELSEWHERE:
	case LUTRA_RULE_OPEN_READ_NEW_USE:
	case LUTRA_RULE_OPEN_READ_NEW_ROLE:
	case LUTRA_RULE_OPEN_READ_SIBLING:
	case LUTRA_RULE_OPEN_DIR:
		return POLICY_UNSEEN_FILES_READ;
	case LUTRA_RULE_OPEN_WRITE_PROTECTED:
	case LUTRA_RULE_OPEN_WRITE_PROGRAM_DIR:
	case LUTRA_RULE_OPEN_WRITE_DATA_DIR:
	case LUTRA_RULE_OPEN_WRITE_ELSEWHERE:
	case LUTRA_RULE_OPEN_WRITE_NEW_USE:
	case LUTRA_RULE_OPEN_WRITE_NEW_ROLE:
		return POLICY_UNSEEN_FILES_WRITTEN;
	case LUTRA_RULE_PATH_PROTECTED:
	case LUTRA_RULE_PATH_PROGRAM_DIR:
	case LUTRA_RULE_PATH_DATA_DIR:
	case LUTRA_RULE_PATH_ELSEWHERE:
	case LUTRA_RULE_PATH_NEW_USE:
		return POLICY_UNSEEN_NAMES;
	default:
		return POLICY_UNSEEN_KINDS;
	}
}

double policy_unseen_per_hour(const struct policy_unseen *u)
{
	if (!u->runs || !(u->hours > 0))
		return 0;
	return (u->all.things ? u->all.things : 1) / u->hours;
}

void policy_unseen_rate_text(double per_hour, const char *one, const char *many, char *buf,
			     size_t size)
{
	double hours = per_hour > 0 ? 1 / per_hour : INFINITY;

	if (per_hour >= 1.5)
		snprintf(buf, size, "%.0f %s an hour", per_hour, many);
	else if (hours < 1.5)
		snprintf(buf, size, "one %s an hour", one);
	else if (hours < 1.5 * DAY_HOURS)
		snprintf(buf, size, "one %s every %.0f hours", one, hours);
	else
		snprintf(buf, size, "one %s every %.0f days", one, hours / DAY_HOURS);
}

/* Writes the rate of each kind that has one. */
static void kinds_text(const struct policy_unseen *u, char *buf, size_t size)
{
	const char *sep = "about ";
	char rate[96];
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < POLICY_UNSEEN_KINDS && n < size; i++) {
		if (!u->kind[i].things)
			continue;
		policy_unseen_rate_text(u->kind[i].things / u->hours, kinds[i].one, kinds[i].many,
					rate, sizeof(rate));
		n += (size_t)snprintf(buf + n, size - n, "%s%s", sep, rate);
		sep = ", ";
	}
}

void policy_unseen_text(const struct policy_unseen *u, char ret[static POLICY_UNSEEN_TEXT])
{
	char parts[POLICY_UNSEEN_TEXT - 160], low[NUMBER_TEXT], high[NUMBER_TEXT];

	if (!u->runs || !(u->hours > 0)) {
		snprintf(ret, POLICY_UNSEEN_TEXT, "not known: it takes two runs");
		return;
	}
	if (!u->all.things) {
		snprintf(ret, POLICY_UNSEEN_TEXT,
			 "nothing was in one run only, of %u in %s h: at most %s new things an "
			 "hour at the end of training (95 %%)",
			 u->runs, number_text(u->hours, 3, low),
			 number_text(u->all.per_hour_95[1], 3, high));
		return;
	}
	kinds_text(u, parts, sizeof(parts));
	snprintf(ret, POLICY_UNSEEN_TEXT,
		 "%s at the end of training; in all %s to %s an hour (95 %%)", parts,
		 number_text(u->all.per_hour_95[0], 3, low),
		 number_text(u->all.per_hour_95[1], 3, high));
}

/* ---- JSON ---- */

static json_t *rate_to_json(const struct policy_unseen_rate *r)
{
	return json_pack("{s:I, s:[f, f]}", "things", (json_int_t)r->things, "per_hour_95",
			 r->per_hour_95[0], r->per_hour_95[1]);
}

json_t *policy_unseen_encode(const struct policy_unseen *u)
{
	json_t *by_kind = json_object();

	for (unsigned i = 0; i < POLICY_UNSEEN_KINDS; i++)
		json_object_set_new(by_kind, kinds[i].key, rate_to_json(&u->kind[i]));
	return json_pack("{s:I, s:f, s:I, s:[f, f], s:o}", "runs", (json_int_t)u->runs, "hours",
			 u->hours, "things", (json_int_t)u->all.things, "per_hour_95",
			 u->all.per_hour_95[0], u->all.per_hour_95[1], "kinds", by_kind);
}

static int set_rate(json_int_t things, double low, double high, struct policy_unseen_rate *ret)
{
	if (things < 0 || things > UINT32_MAX || !(low >= 0 && low <= high) || !isfinite(high))
		return -EBADMSG;
	*ret = (struct policy_unseen_rate){(uint32_t)things, {low, high}};
	return 0;
}

static int rate_from_json(json_t *j, struct policy_unseen_rate *ret)
{
	json_int_t things;
	double low, high;

	if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:I, s:[F, F]}", "things", &things,
			   "per_hour_95", &low, &high) < 0)
		return -EBADMSG;
	return set_rate(things, low, high, ret);
}

int policy_unseen_decode(json_t *j, struct policy_unseen *ret, struct err *err)
{
	struct policy_unseen u = {};
	json_int_t runs, things;
	json_t *by_kind;
	double low, high;
	json_error_t je;

	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:I, s:F, s:I, s:[F, F], s:o}", "runs", &runs,
			   "hours", &u.hours, "things", &things, "per_hour_95", &low, &high,
			   "kinds", &by_kind) < 0)
		return err_set(err, -EBADMSG, "unseen: %s", je.text);
	if (runs < 0 || runs > UINT32_MAX || !(u.hours >= 0) || !isfinite(u.hours) ||
	    set_rate(things, low, high, &u.all) < 0)
		return err_set(err, -EBADMSG, "unseen: a number is out of range");
	u.runs = (uint32_t)runs;
	for (unsigned i = 0; i < POLICY_UNSEEN_KINDS; i++)
		if (rate_from_json(json_object_get(by_kind, kinds[i].key), &u.kind[i]) < 0)
			return err_set(err, -EBADMSG, "unseen.kinds.%s: not a rate", kinds[i].key);
	if (json_object_size(by_kind) != POLICY_UNSEEN_KINDS)
		return err_set(err, -EBADMSG, "unseen.kinds: a kind is not known");
	*ret = u;
	return 0;
}
