/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy of one container: that of its image with the places where its mounts show the host,
 * with the rules that are in audit for this container, and with what a new release of its image may
 * do. Runs on the main loop.
 */
#include "user/containers/containers_impl.h"
#include "user/containers/host_mounts.h"

#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "user/sys/clock.h"

/*
 * New programs and peers of a release only alert in its first hours. The system calls of a new
 * program are new too, so the levels must not kill it.
 */
#define RELEASE_RULES                                                                              \
	(1u << LUTRA_RULE_EXEC | 1u << LUTRA_RULE_CONNECT | 1u << LUTRA_RULE_BIND |                \
	 1u << LUTRA_RULE_SEND | CONTAINER_LEVEL_RULES)
#define MINUTE_NS (60 * NSEC_PER_SEC)

uint32_t container_audited_rules(const struct container *c)
{
	return c->release_rules | c->fallback_rules;
}

/* Returns true if a match of level M or N kills in the container although its action is alert. */
static bool level_kills(const struct container *c, const struct policy *p)
{
	return p->kill_matches < 2 &&
	       (c->mode == LUTRA_MODE_KILL || c->mode == LUTRA_MODE_KILL_CONTAINER);
}

const struct policy *container_view(const struct container *c, const struct policy *p,
				    struct host_view *view)
{
	const struct policy *seen = host_mounts_view(c, p, view);
	uint32_t audited = container_audited_rules(c);

	if (!p || (!audited && !c->is_release))
		return seen;
	if (seen == p)
		view->policy = *p;
	view->policy.expects_image = c->is_release;
	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++) {
		uint8_t most = level_kills(c, p) && CONTAINER_LEVEL_RULES >> g & 1
				       ? LUTRA_ACTION_LOG
				       : LUTRA_ACTION_ALERT;

		if (audited >> g & 1 && view->policy.action[g] > most)
			view->policy.action[g] = most;
	}
	return &view->policy;
}

int container_apply_again(struct container *c, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	int r = container_load_policy(c, &p, err);

	return r < 0 ? r : container_apply_policy(c, c->policy_dir, p, true, err);
}

void container_rules_text(uint32_t rules, char *buf, size_t size)
{
	size_t n = 0;

	*buf = '\0';
	for (unsigned g = 0; g < LUTRA_RULE_COUNT && n < size; g++)
		if (rules >> g & 1)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
					      rule_name(g));
}

void container_begin_release(struct container *c, uint64_t seen_ns)
{
	uint64_t now = clock_realtime_ns();
	uint64_t hours_ns = c->all->parts.config->life.release_minutes * MINUTE_NS;

	c->is_release = true;
	c->release_until_ns = (seen_ns ? seen_ns : now) + hours_ns;
	c->release_rules = now < c->release_until_ns ? RELEASE_RULES : 0;
}

void container_note_release(struct container *c)
{
	char rules[128], time[CLOCK_TEXT];

	container_rules_text(c->release_rules, rules, sizeof(rules));
	if (c->release_rules)
		container_note_change(c, "a new release of its image: %s only alert until %s",
				      rules, clock_format(c->release_until_ns, time));
	else if (c->is_release)
		container_note_change(c, "a new release of its image: its mode stays %s",
				      mode_name(c->mode));
}

void container_check_release(struct container *c)
{
	uint32_t rules = c->release_rules;
	char text[128];
	struct err err;

	if (!rules || clock_realtime_ns() < c->release_until_ns)
		return;
	c->release_rules = 0;
	if (container_apply_again(c, &err) < 0) {
		log_error("%s: the first hours of the release are over, but its policy cannot be "
			  "applied: %s",
			  c->name, err.msg);
		c->release_rules = rules;
		c->release_until_ns += MINUTE_NS; /* tried again then */
		return;
	}
	container_rules_text(rules, text, sizeof(text));
	container_note_change(c, "the first hours of the release are over: %s are in force", text);
}
