/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an alert came: what was expected in its place, as it was stored with the event. A policy that
 * changed since then changes nothing of it.
 */
#include "user/api/routes/api_impl.h"
#include "user/alerts/expected.h"

json_t *api_why_json(const struct alert_fields *a, const json_t *alert)
{
	const json_t *fields = json_object_get(alert, "output_fields");
	json_t *j = a->text[ALERT_EXPECTED] ? json_loads(a->text[ALERT_EXPECTED], 0, NULL) : NULL;

	if (!j)
		j = expected_of_stored(a, json_object_get(fields, "lutra.history"));
	if (!j)
		return json_pack("{s:s, s:[], s:[]}", "error",
				 "it was not stored with the event, and the policy that judged is "
				 "not there any more",
				 "calls", "objects");
	json_object_set_new(j, "error", json_null());
	return j;
}
