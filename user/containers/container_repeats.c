/* SPDX-License-Identifier: Apache-2.0 */
/* The alerts of a container that are reported once, as JSON: those that came again. */
#include "user/containers/containers_impl.h"

#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "user/alerts/alert_text.h"
#include "user/sys/clock.h"

/* What came again most often comes first. */
static int compare_by_repeats(const void *a, const void *b)
{
	const struct lutra_reported *x = a, *y = b;

	if (x->repeated != y->repeated)
		return x->repeated > y->repeated ? -1 : 1;
	return (x->last_ns < y->last_ns) - (x->last_ns > y->last_ns);
}

static json_t *repeat_to_json(const struct lutra_reported *t)
{
	char what[ALERT_TEXT], last[CLOCK_TEXT], name[LUTRA_REPORTED_TEXT + 4];
	bool is_cut = t->text_len == LUTRA_REPORTED_TEXT;
	int len = snprintf(name, sizeof(name), "%s%.*s", is_cut ? "…" : "", t->text_len, t->text);

	alert_object_text(&t->object, name, (size_t)len, what);
	return json_pack("{s:s, s:s, s:o, s:I, s:s}", "rule", rule_name(t->rule), "role",
			 role_name(t->role), "what", text_json(what, strlen(what)), "repeated",
			 (json_int_t)t->repeated, "last",
			 clock_format(clock_to_realtime(t->last_ns), last));
}

json_t *container_repeats_to_json(const struct container *c, size_t max)
{
	struct lutra_reported *reported = calloc(LUTRA_REPORTED, sizeof(*reported));
	json_t *j = json_array();
	int n = reported ? guard_reported(c->all->parts.guard, c->slot, reported) : 0;

	if (n > 0)
		qsort(reported, (size_t)n, sizeof(*reported), compare_by_repeats);
	for (int i = 0; i < n && (size_t)i < max && reported[i].repeated; i++)
		json_array_append_new(j, repeat_to_json(&reported[i]));
	free(reported);
	return j;
}

uint64_t reported_last_refusal_ns(const struct lutra_reported *reported, size_t n, uint32_t rules)
{
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		const struct lutra_reported *t = &reported[i];

		if (t->repeated && t->rule < LUTRA_RULE_COUNT && rules >> t->rule & 1 &&
		    t->role != LUTRA_ROLE_SESSION && t->last_ns > last)
			last = t->last_ns;
	}
	return last;
}

uint64_t container_last_refusal_ns(const struct container *c)
{
	struct lutra_reported *reported = calloc(LUTRA_REPORTED, sizeof(*reported));
	int n = reported ? guard_reported(c->all->parts.guard, c->slot, reported) : 0;
	uint64_t last =
		n > 0 ? reported_last_refusal_ns(reported, (size_t)n, c->refusing_rules) : 0;

	free(reported);
	return last;
}
