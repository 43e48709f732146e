/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts by minute, in a ring. */
#include "user/api/routes/tally.h"

#include <stdbool.h>
#include <string.h>

#include "lib/abi/names.h"

#define MINUTE_NS (60 * NSEC_PER_SEC)

void tally_add(struct tally *t, uint64_t now_ns, unsigned verdict)
{
	uint64_t minute = now_ns / MINUTE_NS;

	if (!t->first_minute)
		t->first_minute = t->last_minute = minute;
	/* Minutes without a verdict begin empty. A clock that was set back counts in the last one. */
	if (minute > t->last_minute + TALLY_MINUTES)
		t->last_minute = minute - TALLY_MINUTES;
	while (t->last_minute < minute)
		memset(t->n[++t->last_minute % TALLY_MINUTES], 0, sizeof(t->n[0]));
	if (verdict <= LUTRA_VERDICT_KILL)
		t->n[t->last_minute % TALLY_MINUTES][verdict]++;
}

static uint32_t count_of_minute(const struct tally *t, uint64_t minute, unsigned verdict)
{
	bool known = t->first_minute && minute >= t->first_minute && minute <= t->last_minute &&
		     minute + TALLY_MINUTES > t->last_minute;

	return known ? t->n[minute % TALLY_MINUTES][verdict] : 0;
}

json_t *tally_to_json(const struct tally *t, uint64_t now_ns, unsigned minutes)
{
	uint64_t last = now_ns / MINUTE_NS, first = last - minutes + 1, begin_s = first * 60;
	json_t *j = json_pack("{s:I}", "first", (json_int_t)begin_s);

	for (unsigned v = 0; j && v <= LUTRA_VERDICT_KILL; v++) {
		json_t *list = json_array();

		for (uint64_t m = first; m <= last; m++)
			json_array_append_new(list, json_integer(count_of_minute(t, m, v)));
		json_object_set_new(j, verdict_name(v), list);
	}
	return j;
}
