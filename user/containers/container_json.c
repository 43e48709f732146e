/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a container. */
#include "user/containers/containers_impl.h"

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "user/sys/clock.h"

static json_t *counters_to_json(const struct container *c)
{
	struct lutra_counters n = {};
	json_t *j = json_object();

	guard_counters(c->all->parts.guard, c->slot, &n);
	for (unsigned i = 0; i < LUTRA_COUNTER_COUNT; i++)
		json_object_set_new(j, counter_name(i), json_integer((json_int_t)n.n[i]));
	return j;
}

/* Returns the names of the rules that only alert in the container. */
static json_t *audited_to_json(const struct container *c)
{
	uint32_t rules = container_audited_rules(c);
	json_t *list = json_array();

	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		if (rules >> g & 1)
			json_array_append_new(list, json_string(rule_name(g)));
	return list;
}

/* Returns when the first hours of a release end; null: they are over, or there is none. */
static json_t *release_to_json(const struct container *c)
{
	char time[CLOCK_TEXT];

	return c->release_rules ? json_string(clock_format(c->release_until_ns, time))
				: json_null();
}

json_t *container_to_json(const struct container *c)
{
	char time[CLOCK_TEXT], policy_time[CLOCK_TEXT], alert_time[CLOCK_TEXT];
	json_t *j = json_pack(
		"{s:o, s:s, s:o, s:s, s:o, s:s, s:s, s:b, s:b, s:i, s:o, s:o, s:b, s:o, s:o, s:b, "
		"s:b}",
		"policy", text_json_keep(c->policy_dir), "policy_sha256", c->policy_sha256,
		"accepted_sha256",
		*c->accepted_sha256 ? json_string(c->accepted_sha256) : json_null(), "policy_since",
		clock_format(c->policy_since_ns, policy_time), "policy_error",
		c->policy_error ? text_json_keep(c->policy_error) : json_null(), "mode",
		mode_name(c->mode), "since", clock_format(c->since_ns, time), "frozen", c->frozen,
		"learned", c->recorded, "slot", (int)c->slot, "counters", counters_to_json(c),
		"last_alert",
		c->alert_ns ? json_string(clock_format(c->alert_ns, alert_time)) : json_null(),
		"release", c->is_release, "audited_rules", audited_to_json(c), "release_until",
		release_to_json(c), "level_off", (int)container_is_level_off(c), "hooks_unjudged",
		(int)container_has_unjudged_hooks(c));

	if (!j)
		return NULL;
	json_object_update_new(j, identity_to_json(&c->identity));
	/* The name here is the engine's, unless another container has that. */
	json_object_set_new(j, "name", text_json_keep(c->name));
	json_object_set_new(j, "cgroup", text_json_keep(c->cgroup));
	json_object_set_new(j, "unfiltered",
			    json_boolean(guard_is_unfiltered(c->all->parts.guard, c->slot)));
	return j;
}
