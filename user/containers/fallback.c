/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fallback of one container. If rules of one kind refuse many different things soon after they
 * are in force, false alarms are likelier than an attack, so these rules only alert in this
 * container. Refusals of one finding count once, so that nobody reaches the fallback by repeating
 * one. Runs on the main loop.
 */
#include "user/containers/containers_impl.h"

#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/array.h"
#include "user/incidents/finding.h"
#include "user/incidents/incident.h"
#include "user/sys/clock.h"

#define REFUSALS_MAX 4096 /* that are remembered; the next ones do not count */

struct container_refusal {
	enum incident_kind kind;
	char finding[FINDING_ID];
};

static enum incident_kind kind_of(unsigned rule)
{
	return incident_kind_of(rule_name(rule));
}

size_t container_count_refusal(struct container *c, unsigned rule, const char *finding)
{
	struct container_refusal new = {.kind = kind_of(rule)};
	bool is_known = false;
	size_t n = 0;

	snprintf(new.finding, sizeof(new.finding), "%s", finding);
	for (size_t i = 0; i < c->n_refusals; i++) {
		if (c->refusals[i].kind != new.kind)
			continue;
		is_known |= strcmp(c->refusals[i].finding, new.finding) == 0;
		n++;
	}
	if (is_known || c->n_refusals == REFUSALS_MAX ||
	    ARRAY_RESERVE(c->refusals, c->refusals_size, c->n_refusals + 1) < 0)
		return n;
	c->refusals[c->n_refusals++] = new;
	return n + 1;
}

/*
 * Returns the rules of a kind (a bit for each) that refuse or kill in the container. Rules M and
 * N are among them also if their action is alert, since they may kill then: lutra_match_kills().
 */
static uint32_t find_rules(const struct container *c, enum incident_kind kind)
{
	uint32_t acting = c->refusing_rules | CONTAINER_LEVEL_RULES, rules = 0;

	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		if (acting >> g & 1 && kind_of(g) == kind)
			rules |= 1u << g;
	return rules;
}

/* Sends the alert of rule fallback. last: the refusal that caused it. */
static void alert_fallback(struct container *c, const struct lutra_evidence *last, uint32_t rules,
			   size_t n)
{
	struct lutra_evidence ev = *last;
	char names[160], text[256];

	container_rules_text(rules, names, sizeof(names));
	snprintf(text, sizeof(text), "%s only alert: %zu different refusals soon after the start",
		 names, n);
	ev.rule = LUTRA_RULE_AUDIT_FALLBACK;
	ev.verdict = LUTRA_VERDICT_ALERT;
	ev.refused = 0;
	ev.starter_len = 0;
	memset(&ev.object, 0, sizeof(ev.object));
	ev.str_len = (uint32_t)strlen(text);
	log_error("%s: %s", c->name, text);
	container_alert(c, &ev, text, ev.str_len);
}

int container_fall_back(struct container *c, const struct lutra_evidence *last, size_t n,
			struct err *err)
{
	uint32_t rules = find_rules(c, kind_of(last->rule)) & ~c->fallback_rules;
	int r;

	if (!rules)
		return 0;
	c->fallback_rules |= rules;
	r = container_apply_again(c, err);
	if (r < 0) {
		c->fallback_rules &= ~rules;
		return r;
	}
	alert_fallback(c, last, rules, n);
	return 0;
}

bool container_end_fallback(struct container *c)
{
	bool was = c->fallback_rules != 0;

	c->fallback_rules = 0;
	c->n_refusals = 0;
	return was;
}
