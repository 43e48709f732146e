/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolled containers, and what becomes of their evidence. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/sys/cgroup.h"
#include "user/sys/clock.h"
#include "user/identity/cgroup_lookup.h"
#include "user/daemon/daemon.h"
#include "user/learn/recorder.h"
#include "user/policy/modes.h"
#include "user/alerts/alert.h"
#include "user/identity/patterns.h"

#define NAME_MAX_BYTES 128

void container_free(struct container *c)
{
	if (!c)
		return;
	if (c->events.fd >= 0)
		close(c->events.fd);
	free(c->name);
	identity_done(&c->who);
	free(c->cgroup);
	free(c->policy_dir);
	free(c->policy_error);
	free(c);
}

struct container *containers_find(struct daemon *d, const char *name)
{
	struct container *c = d->containers;

	while (c && strcmp(c->name, name) != 0 && strcmp(c->cgroup, name) != 0)
		c = c->next;
	return c;
}

static void on_cgroup_event(struct daemon *d, struct source *s, uint32_t events)
{
	struct container *c = (struct container *)s;
	bool populated;

	(void)events;
	if (cgroup_populated(s->fd, &populated) < 0) {
		containers_check(d);
		return;
	}
	if (!populated && c->recorded) {
		guard_drain(d->guard);
		learn_end(d, c);
	}
	daemon_log(d, LOG_LEVEL_DEBUG, "%s: %s", c->name, populated ? "has tasks" : "empty");
}

/* A container's, and nothing else's, by its name. */
static bool is_own_cgroup(const char *cgroup)
{
	struct pattern p;

	return pattern_match(cgroup, &p) && p.len == strlen(cgroup);
}

/* From what its cgroup is called, and what who asks knows. */
static int describe_who(const struct enrol_request *q, const char *id, const char *image,
			struct identity *who, struct err *err)
{
	struct pattern p;
	int r;

	if (q->who && identity_fill(who, q->who) < 0)
		return err_oom(err);
	if (pattern_match(q->cgroup, &p) && p.len == strlen(q->cgroup)) {
		if (who->engine == ENGINE_UNKNOWN)
			who->engine = p.engine;
		if (!who->pod_uid && identity_set(&who->pod_uid, p.pod_uid) < 0)
			return err_oom(err);
	}
	r = who->id ? 0 : identity_set(&who->id, id);
	if (r == 0 && q->image)
		r = identity_set(&who->image, q->image);
	else if (r == 0 && !who->image)
		r = identity_set(&who->image, image);
	if (r == 0 && q->digest)
		r = identity_set(&who->digest, q->digest);
	return r < 0 ? err_set(err, r, "an image reference has at most %d bytes", IDENTITY_TEXT_MAX)
		     : 0;
}

/* Policy and life cycle may speak against a mode. */
static int check_mode(struct daemon *d, const struct container *c, const struct policy *p,
		      unsigned mode, bool force, struct err *err)
{
	int r = modes_check(c->name, p, mode, force, err);
	struct err over;

	return r < 0 ? r : learn_gate(d, c->policy_dir, mode, force, &over, err);
}

static bool is_populated(const char *cgroup)
{
	_cleanup_close_ int fd = cgroup_events_open(cgroup);
	bool populated = false;

	return fd >= 0 && cgroup_populated(fd, &populated) == 0 && populated;
}

/* Its policy, and the mode that it is to be in. */
static int describe_policy(struct daemon *d, const struct enrol_request *q, struct container *c,
			   struct policy **ret, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char *dir;
	int r;

	if (strchr(q->policy, '/'))
		r = asprintf(&dir, "%s", q->policy);
	else
		r = asprintf(&dir, "%s/%s", d->config->policies_dir, q->policy);
	if (r < 0)
		return err_oom(err);
	c->policy_dir = dir;
	r = policy_load_signed(&p, dir, &d->config->policy_keys, err);
	if (r < 0)
		return r;
	c->own_mode = q->mode != NULL;
	if (!q->mode)
		r = modes_get(d->config, dir, p, &c->mode, err);
	else if (mode_parse(q->mode, &c->mode) < 0)
		r = err_set(err, -EINVAL, "unknown mode");
	else
		r = check_mode(d, c, p, c->mode, q->force, err);
	if (r < 0)
		return r;
	container_has_policy(c, p);
	*ret = TAKE_PTR(p);
	return 0;
}

/* Names, policy, mode: all that can be wrong before the kernel is asked. *ret: NULL without one. */
static int describe(struct daemon *d, const struct enrol_request *q, struct container *c,
		    struct policy **ret, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char id[NAME_MAX_BYTES];
	int r = 0;

	cgroup_lookup_container_id(q->cgroup, id, sizeof(id));
	c->name = strdup(q->name ? q->name : id);
	c->cgroup = strdup(q->cgroup);
	if (q->policy)
		r = describe_policy(d, q, c, &p, err);
	else if (q->mode)
		return err_set(err, -EINVAL, "a mode needs a policy");
	else
		c->policy_dir = strdup("");
	if (r < 0)
		return r;
	if (!c->name || !c->cgroup || !c->policy_dir)
		return err_oom(err);
	r = describe_who(q, id, p ? p->image : NULL, &c->who, err);
	if (r == 0)
		r = learn_choose(d, c, p, &c->recorded, err);
	if (r < 0)
		return r;
	if (!*c->name || strlen(c->name) > NAME_MAX_BYTES || strchr(c->name, '/'))
		return err_set(err, -EINVAL, "a name has 1 to %d bytes and no slash: give --name",
			       NAME_MAX_BYTES);
	if (containers_find(d, c->name))
		return err_set(err, -EEXIST, "the name %s is taken: give --name", c->name);
	c->sessions = q->who || is_own_cgroup(q->cgroup);
	*ret = TAKE_PTR(p);
	return 0;
}

void container_knows_policy(struct container *c, const struct policy *p)
{
	c->threshold_a = p->threshold_a;
	c->threshold_b = p->threshold_b;
	c->refuses = 0;
	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		if (p->action[g] >= LUTRA_ACTION_DENY)
			c->refuses |= 1u << g;
}

int container_set_policy(struct daemon *d, struct container *c, const char *name,
			 const struct policy *p, struct err *err)
{
	char *dir;

	if (asprintf(&dir, "%s/%s", d->config->policies_dir, name) < 0)
		return err_oom(err);
	free(c->policy_dir);
	c->policy_dir = dir;
	container_has_policy(c, p);
	policies_watch(d, dir);
	return 0;
}

void container_has_policy(struct container *c, const struct policy *p)
{
	container_knows_policy(c, p);
	memcpy(c->policy_sha256, p->json_sha256, sizeof(c->policy_sha256));
	c->policy_since_ns = clock_realtime_ns();
}

struct container *container_new(void)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->events.fd = -1;
	c->events.ready = on_cgroup_event;
	return c;
}

void containers_add(struct daemon *d, struct container *c)
{
	c->events.fd = cgroup_events_open(c->cgroup);
	if (c->events.fd >= 0 && daemon_watch(d, &c->events, EPOLLPRI) < 0)
		daemon_log(d, LOG_LEVEL_WARNING, "%s: its end is seen up to a second late",
			   c->name);
	if (*c->policy_dir)
		policies_watch(d, c->policy_dir);
	c->next = d->containers;
	d->containers = c;
}

int containers_enroll(struct daemon *d, const struct enrol_request *q, struct container **ret,
		      struct err *err)
{
	_cleanup_(container_freep) struct container *c = container_new();
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct guard_enrolment e;
	bool runs;
	int r;

	if (!c)
		return err_oom(err);
	r = describe(d, q, c, &p, err);
	if (r < 0)
		return r;
	r = cgroup_id(c->cgroup, &c->cgroup_id, NULL);
	if (r < 0)
		return err_set(err, r, "%s: not a cgroup v2 directory", c->cgroup);
	e = (struct guard_enrolment){.cgroup = c->cgroup,
				     .policy = p,
				     .mode = c->mode,
				     .record = c->recorded,
				     .next_exec = q->next_exec,
				     .starting = q->starting,
				     .sessions = c->sessions};
	runs = !q->next_exec && !q->starting && is_populated(c->cgroup);
	r = guard_enroll(d->guard, &e, &c->slot, err);
	if (r < 0)
		return r;
	c->since_ns = clock_realtime_ns();
	containers_add(d, c);
	if (c->recorded)
		learn_begin(d, c, runs);
	enrolled_save(d);
	daemon_log(d, LOG_LEVEL_INFO, "%s: enrolled, mode %s, policy %s", c->name,
		   mode_name(c->mode), *c->policy_dir ? c->policy_dir : "none yet");
	*ret = TAKE_PTR(c);
	return 0;
}

static void thaw(struct daemon *d, struct container *c)
{
	int r = c->frozen ? cgroup_write(c->cgroup, "cgroup.freeze", "0") : 0;

	if (r < 0)
		daemon_log(d, LOG_LEVEL_ERROR, "%s: cannot thaw it: %s", c->name, strerror(-r));
	c->frozen = c->reacted = false;
}

int containers_switch(struct daemon *d, struct container *c, unsigned mode, struct err *err)
{
	int r = guard_set_mode(d->guard, c->slot, mode, err);

	if (r < 0)
		return r;
	c->mode = mode;
	thaw(d, c);
	daemon_log(d, LOG_LEVEL_INFO, "%s: mode %s", c->name, mode_name(mode));
	return 0;
}

int containers_set_mode(struct daemon *d, struct container *c, unsigned mode, bool force,
			struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	int r = 0;

	if (mode > LUTRA_MODE_AUDIT && *c->policy_dir)
		r = policy_load_signed(&p, c->policy_dir, &d->config->policy_keys, err);
	if (r == 0 && p)
		r = check_mode(d, c, p, mode, force, err);
	if (r == 0)
		r = containers_switch(d, c, mode, err);
	if (r < 0)
		return r;
	c->own_mode = true;
	enrolled_save(d);
	return 0;
}

int containers_thaw(struct daemon *d, struct container *c, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	int r;

	if (!*c->policy_dir)
		return err_set(err, -EINVAL, "%s: has no policy yet", c->name);
	r = policy_load_signed(&p, c->policy_dir, &d->config->policy_keys, err);
	/* A new binding: levels, histories and alerts of every task begin again. */
	if (r == 0)
		r = guard_set_policy(d->guard, c->slot, p, err);
	if (r < 0)
		return r;
	container_has_policy(c, p);
	r = containers_switch(d, c, c->mode, err);
	enrolled_save(d);
	return r;
}

static int by_hand(struct daemon *d, struct container *c, const char *file, const char *what,
		   struct err *err)
{
	int r = cgroup_write(c->cgroup, file, "1");

	if (r < 0)
		return err_set(err, r, "%s: cannot write %s: %s", c->name, file, strerror(-r));
	daemon_log(d, LOG_LEVEL_WARNING, "%s: %s by hand", c->name, what);
	return 0;
}

int containers_freeze(struct daemon *d, struct container *c, struct err *err)
{
	int r = by_hand(d, c, "cgroup.freeze", "frozen", err);

	if (r < 0)
		return r;
	c->frozen = true;
	enrolled_save(d);
	return 0;
}

int containers_kill(struct daemon *d, struct container *c, struct err *err)
{
	return by_hand(d, c, "cgroup.kill", "killed", err);
}

void containers_release(struct daemon *d, struct container *c, bool and_thaw)
{
	struct container **at = &d->containers;

	guard_drain(d->guard);
	learn_end(d, c);
	runs_forget(d, c, "released");
	metrics_retire(d, c);
	guard_release(d->guard, c->slot);
	if (and_thaw)
		thaw(d, c);
	else if (c->frozen)
		daemon_log(d, LOG_LEVEL_WARNING,
			   "%s: stays frozen; echo 0 >%s/cgroup.freeze thaws it", c->name,
			   c->cgroup);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	daemon_log(d, LOG_LEVEL_INFO, "%s: released", c->name);
	container_free(c);
	enrolled_save(d);
}

void containers_check(struct daemon *d)
{
	struct container *c = d->containers, *next;
	bool populated;

	for (; c; c = next) {
		next = c->next;
		if (cgroup_populated(c->events.fd, &populated) < 0) {
			daemon_log(d, LOG_LEVEL_INFO, "%s: its cgroup is gone", c->name);
			containers_release(d, c, false);
		}
	}
}

/* ---- evidence ---- */

static void act(struct daemon *d, struct container *c, const struct lutra_evidence *ev)
{
	int r;

	if (c->reacted)
		return;
	r = container_act(c->cgroup, ev);
	if (r < 0)
		daemon_log(d, LOG_LEVEL_ERROR, "%s: cannot act on its cgroup: %s", c->name,
			   strerror(-r));
	if (r <= 0)
		return;
	c->reacted = true;
	c->frozen = ev->mode == LUTRA_MODE_FREEZE;
	enrolled_save(d);
	daemon_log(d, LOG_LEVEL_WARNING, "%s: %s", c->name, c->frozen ? "frozen" : "killed");
}

/* In the log, where a flood must not hide what else is said. */
static void say_alert(struct daemon *d, struct container *c, const struct event *e)
{
	static const struct throttle_rate rate = {.per_second = 20, .burst = 100};
	char sentence[EVENT_TEXT], folded[64] = "";
	uint64_t n;

	if (e->ev->verdict < LUTRA_VERDICT_ALERT ||
	    !throttle_pass(&c->said, &rate, e->ev->ts_ns, &n))
		return;
	if (n)
		snprintf(folded, sizeof(folded), " (and %llu more before)", (unsigned long long)n);
	event_sentence(e, sentence);
	daemon_log(d, LOG_LEVEL_WARNING, "%s%s", sentence, folded);
}

/* A refusal, a kill, or a level past its threshold, where verdicts are in force. */
static void note_verdict(struct container *c, const struct lutra_evidence *ev)
{
	bool level = ev->rule == LUTRA_RULE_LEVEL_A || ev->rule == LUTRA_RULE_LEVEL_B;

	if (ev->mode >= LUTRA_MODE_DENY &&
	    (ev->verdict >= LUTRA_VERDICT_DENY || (level && ev->verdict == LUTRA_VERDICT_ALERT)))
		c->verdict_ns = ev->ts_ns;
}

void containers_evidence(void *ctx, const struct lutra_evidence *ev, const char *str,
			 size_t str_len)
{
	struct daemon *d = ctx;
	struct container *c = d->containers;

	while (c && (c->slot != ev->slot || c->cgroup_id != ev->cgroup_id))
		c = c->next;
	if (!c)
		return;
	note_verdict(c, ev);
	act(d, c, ev);
	containers_tell(d, c, ev, str, str_len);
	learn_signal(d, c, ev);
}

void containers_tell(struct daemon *d, struct container *c, const struct lutra_evidence *ev,
		     const char *str, size_t str_len)
{
	struct event e = {.ev = ev,
			  .str = str,
			  .str_len = str_len,
			  .realtime_ns = clock_to_realtime(ev->ts_ns),
			  .name = c->name,
			  .id = c->who.id,
			  .image = c->who.image,
			  .cgroup = c->cgroup,
			  .policy = c->policy_dir,
			  .who = &c->who};

	api_tally_add(&d->tally, e.realtime_ns, ev->verdict);
	if (ev->verdict != LUTRA_VERDICT_ALLOW)
		c->alert_ns = e.realtime_ns;
	alerts_put(d, &e);
	say_alert(d, c, &e);
}

json_t *containers_json(const struct daemon *d, const struct container *c)
{
	struct lutra_counters n = {};
	json_t *counters = json_object(), *j;
	char time[CLOCK_TEXT], policy_time[CLOCK_TEXT];

	guard_counters(d->guard, c->slot, &n);
	for (unsigned i = 0; i < LUTRA_COUNTER_COUNT; i++)
		json_object_set_new(counters, counter_name(i), json_integer((json_int_t)n.n[i]));
	j = json_pack("{s:o, s:s, s:s, s:o, s:s, s:s, s:b, s:b, s:i, s:o}", "policy",
		      text_json_keep(c->policy_dir), "policy_sha256", c->policy_sha256,
		      "policy_since", clock_format(c->policy_since_ns, policy_time), "policy_error",
		      c->policy_error ? text_json_keep(c->policy_error) : json_null(), "mode",
		      mode_name(c->mode), "since", clock_format(c->since_ns, time), "frozen",
		      c->frozen, "learned", c->recorded, "slot", (int)c->slot, "counters",
		      counters);
	if (j)
		json_object_update_new(j, identity_to_json(&c->who));
	/* Its name here, which is the engine's unless another has that. */
	json_object_set_new(j, "name", text_json_keep(c->name));
	json_object_set_new(j, "cgroup", text_json_keep(c->cgroup));
	return j;
}
