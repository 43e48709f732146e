/* SPDX-License-Identifier: Apache-2.0 */
/* From the kernel's evidence to a container and its alert. */
#include "user/containers/containers_impl.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "lib/abi/names.h"
#include "lutra/verdict.h"
#include "user/alerts/alert_fields.h"
#include "user/incidents/finding.h"
#include "user/sys/clock.h"

/* Modes kill-container and freeze act on the whole container, once. */
static void act_on_container(struct container *c, const struct lutra_evidence *ev)
{
	int r;

	if (c->acted)
		return;
	r = container_act(c->cgroup, ev);
	if (r < 0)
		log_error("%s: cannot act on its cgroup: %s", c->name, strerror(-r));
	if (r <= 0)
		return;
	c->acted = true;
	c->frozen = ev->mode == LUTRA_MODE_FREEZE;
	log_warning("%s: %s", c->name, c->frozen ? "frozen" : "killed");
	containers_changed(c->all, c);
}

/*
 * A refusal, a kill, or a level past its threshold, where verdicts are in force. What an audited
 * exec session was refused says nothing of the service.
 */
static void note_verdict(struct container *c, const struct lutra_evidence *ev)
{
	bool level = lutra_is_level_rule(ev->rule);

	if (ev->mode >= LUTRA_MODE_DENY && ev->exec_session != LUTRA_SESSION_AUDITED &&
	    (ev->verdict >= LUTRA_VERDICT_DENY || (level && ev->verdict == LUTRA_VERDICT_ALERT)))
		c->verdict_ns = ev->ts_ns;
}

void containers_on_evidence(struct containers *all, const struct lutra_evidence *ev,
			    const char *str, size_t str_len)
{
	struct container *c = all->first;

	while (c && (c->slot != ev->slot || c->cgroup_id != ev->cgroup_id))
		c = c->next;
	if (!c)
		return;
	note_verdict(c, ev);
	act_on_container(c, ev);
	container_alert(c, ev, str, str_len);
}

/*
 * Returns true if the policy that is in force judged the evidence, and not the one before, whose
 * evidence may be on its way still.
 */
static bool is_of_present_policy(struct container *c, const struct lutra_evidence *ev)
{
	struct lutra_slot slot;

	if (!ev->policy_version || ev->policy_version == c->policy_version)
		return true;
	if (guard_slot(c->all->parts.guard, c->slot, &slot) == 0)
		c->policy_version = slot.version;
	return ev->policy_version == c->policy_version;
}

/*
 * Writes the id of the finding of a refusal, without the name of the program, which a process may
 * choose.
 * Returns false if the container is refused so much that this one is not looked at.
 */
static bool describe_refusal(struct container *c, const struct alert *a,
			     char ret[static FINDING_ID])
{
	static const struct throttle_rate rate = {.per_second = 20, .burst = 200};
	static struct alert_fields fields; /* of the main loop: too large for the stack */
	struct finding finding;
	uint64_t folded;

	if (!a || a->evidence.verdict < LUTRA_VERDICT_DENY ||
	    !throttle_pass(&c->refusal_limit, &rate, a->evidence.ts_ns, &folded))
		return false;
	alert_fields_set(&fields, a, NULL);
	fields.text[ALERT_COMM] = fields.text[ALERT_ROLE] = NULL;
	finding_describe(&finding, &fields);
	memcpy(ret, finding.id, sizeof(finding.id));
	return true;
}

void container_alert(struct container *c, const struct lutra_evidence *ev, const char *str,
		     size_t str_len)
{
	struct containers *all = c->all;
	/* A flood must not hide the other lines of the log. */
	static const struct throttle_rate rate = {.per_second = 20, .burst = 100};
	bool is_present = is_of_present_policy(c, ev);
	const struct alert_container container = {
		.name = c->name,
		.cgroup = c->cgroup,
		.policy_dir = c->policy_dir,
		.policy_sha256 = is_present ? c->policy_sha256 : c->before_sha256,
		.accepted_sha256 = is_present ? c->accepted_sha256 : c->before_accepted,
		.identity = &c->identity};
	struct alert *a = alert_new(ev, str, str_len, &container);
	uint64_t time_ns = a ? a->time_ns : clock_realtime_ns();
	uint64_t unlogged = 0; /* alerts that the log misses if the queue is full */
	char finding[FINDING_ID];
	bool is_refusal = describe_refusal(c, a, finding);

	if (ev->verdict != LUTRA_VERDICT_ALLOW)
		c->alert_ns = time_ns;
	if (a && ev->verdict >= LUTRA_VERDICT_ALERT)
		a->item.reserved = a->first_of_kind = lutra_is_first_of_kind(
			&c->alert_kinds, lutra_alert_kind(ev->rule, &ev->object, ev->nr),
			ev->ts_ns);
	if (a && ev->verdict >= LUTRA_VERDICT_ALERT &&
	    (a->first_of_kind || throttle_pass(&c->log_limit, &rate, ev->ts_ns, &a->log_folded))) {
		a->logged = true;
		unlogged = a->log_folded + 1;
	}
	if (!pipeline_put(all->parts.pipeline, a)) {
		c->log_limit.folded += unlogged;
		c->alert_lost = true;
	}
	CONTAINERS_TELL(all, on_alerted, c, ev, time_ns);
	if (is_refusal)
		CONTAINERS_TELL(all, on_refused, c, ev, finding);
}

/* Returns the evidence of a change that lutrad makes. */
static struct lutra_evidence own_evidence(unsigned mode)
{
	return (struct lutra_evidence){.ts_ns = clock_now_ns(),
				       .tid = (uint32_t)getpid(),
				       .tgid = (uint32_t)getpid(),
				       .nr = LUTRA_NR_NONE,
				       .rule = LUTRA_RULE_MODE,
				       .verdict = LUTRA_VERDICT_ALLOW,
				       .mode = (uint8_t)mode,
				       .comm = "lutrad"};
}

void container_note_change(struct container *c, const char *fmt, ...)
{
	struct lutra_evidence ev = own_evidence(c->mode);
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	ev.cgroup_id = c->cgroup_id;
	ev.slot = c->slot;
	ev.threshold = c->threshold;
	ev.novelty_threshold = c->novelty_threshold;
	ev.str_len = (uint32_t)strlen(text);
	container_alert(c, &ev, text, ev.str_len);
}

void container_note_level(struct container *c)
{
	const char *image = c->identity.image ? c->identity.image : "REF";

	if (!container_is_level_off(c) || c->level_noted)
		return;
	c->level_noted = true;
	log_warning("%s: level M is off: an older lutra made its policy; make it anew with "
		    "lutra learn --image %s --anew",
		    c->name, image);
	container_note_change(
		c,
		"level M is off: an older lutra made the policy, whose other rules are in "
		"force; make it anew with `lutra learn --image %.200s --anew`",
		image);
}

bool container_has_unjudged_hooks(const struct container *c)
{
	return *c->policy_dir && c->lacks_hooks && guard_has_lsm(c->all->parts.guard);
}

void container_note_hooks(struct container *c)
{
	static const char text[] = "capabilities and hooks without an object are not judged: the "
				   "policy's runs were recorded without BPF LSM; add runs that are "
				   "recorded on this host";

	if (!container_has_unjudged_hooks(c) || c->hooks_noted)
		return;
	c->hooks_noted = true;
	log_warning("%s: %s", c->name, text);
	container_note_change(c, "%s", text);
}

/* Sends an event of lutrad about no enrolled container. text: its words. */
static void put_own_alert(struct containers *all, struct lutra_evidence *ev, const char *text,
			  const struct alert_container *about)
{
	ev->str_len = (uint32_t)strlen(text);
	pipeline_put(all->parts.pipeline, alert_new(ev, text, ev->str_len, about));
}

void containers_note_policy_mode(struct containers *all, const struct policy_mode_change *change)
{
	struct lutra_evidence ev = own_evidence(change->mode);
	const struct identity identity = {.image = change->policy->image};
	const struct alert_container about = {
		.policy_dir = change->dir,
		.policy_sha256 = "",
		.accepted_sha256 = "",
		.identity = &identity,
	};
	char text[256];

	snprintf(text, sizeof(text), "%s to %s: set by %s for the policy, which no container has",
		 mode_name(change->before), mode_name(change->mode), change->by);
	put_own_alert(all, &ev, text, &about);
}

void containers_note_unguarded(struct containers *all, const struct unguarded_container *u)
{
	struct lutra_evidence ev = own_evidence(LUTRA_MODE_LEARN);
	const struct alert_container about = {
		.name = u->name,
		.cgroup = u->cgroup,
		.policy_dir = "",
		.policy_sha256 = "",
		.accepted_sha256 = "",
		.identity = u->identity,
	};
	char text[512];

	snprintf(text, sizeof(text), "no guard: %s", u->why);
	ev.rule = LUTRA_RULE_UNGUARDED;
	ev.verdict = LUTRA_VERDICT_ALERT;
	put_own_alert(all, &ev, text, &about);
}

void containers_note_missed(struct containers *all, uint64_t n)
{
	struct lutra_evidence ev = own_evidence(LUTRA_MODE_LEARN);
	const struct identity identity = {};
	const struct alert_container about = {
		.policy_dir = "",
		.policy_sha256 = "",
		.accepted_sha256 = "",
		.identity = &identity,
	};
	char text[256];

	snprintf(text, sizeof(text),
		 "the kernel skipped %llu runs of programs that follow tasks and system calls",
		 (unsigned long long)n);
	ev.rule = LUTRA_RULE_MISSED;
	ev.verdict = LUTRA_VERDICT_ALERT;
	put_own_alert(all, &ev, text, &about);
}
