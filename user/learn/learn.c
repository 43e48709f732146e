/* SPDX-License-Identifier: Apache-2.0 */
/* Life cycle in lutrad: its state, what containers do to it, what it does to containers. */
#include "user/learn/learn.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/abi/names.h"
#include "user/sys/clock.h"
#include "user/learn/recorder.h"
#include "user/policy/modes.h"

#define SAVE_NS (60 * NSEC_PER_SEC)
#define TICK_MAX_NS (5 * NSEC_PER_SEC) /* what is longer was no time of watching */

char *learn_path(const struct daemon *d, const struct lifecycle_image *i, const char *file)
{
	char *path;

	if (asprintf(&path, "%s/learn/%s%s%s", d->config->state_dir, i->policy, file ? "/" : "",
		     file ? file : "") < 0)
		return NULL;
	return path;
}

void learn_save(struct daemon *d)
{
	struct learn *l = d->learn;
	int r = lifecycle_save(d->config->state_dir, &l->lifecycle);

	l->saved_ns = clock_now_ns();
	if (r < 0 && !l->save_failed)
		daemon_log(d, LOG_LEVEL_ERROR,
			   "%s/life.json: %s: what is learned now is lost when lutrad ends",
			   d->config->state_dir, strerror(-r));
	l->save_failed = r < 0;
}

struct policy *learn_policy(const struct daemon *d, const struct lifecycle_image *i,
			    struct err *err)
{
	_cleanup_free_ char *dir = NULL;
	struct policy *p = NULL;

	if (asprintf(&dir, "%s/%s", d->config->policies_dir, i->policy) < 0)
		err_oom(err);
	else if (policy_load_signed(&p, dir, &d->config->policy_keys, err) < 0)
		p = NULL;
	return p;
}

struct lifecycle_image *learn_image(const struct daemon *d, const struct container *c)
{
	const char *name;

	if (!*c->policy_dir)
		return lifecycle_of_container(&d->learn->lifecycle, &c->who);
	name = modes_policy_name(d->config, c->policy_dir);
	return name ? lifecycle_of_policy(&d->learn->lifecycle, name) : NULL;
}

/* ---- enrolment ---- */

/* Another digest than the policy was made for: the policy before watches, the new one is learned.
 */
static int relearn(struct daemon *d, struct container *c, struct lifecycle_image *i)
{
	struct lifecycle *l = &d->learn->lifecycle;
	bool known = i->learned && strcmp(i->learned, c->who.digest) == 0;
	int r = lifecycle_set_digest(l, i, c->who.digest);

	if (r < 0)
		return r;
	if (!known && !i->learning) {
		i->learning = true;
		i->wanted = (uint32_t)d->config->life.runs;
		lifecycle_set_note(l, i,
				   "the image changed to %.80s: learned anew, in audit meanwhile",
				   c->who.digest);
		daemon_log(d, LOG_LEVEL_WARNING, "%s: %s", i->image, i->note);
	}
	if (c->mode > LUTRA_MODE_AUDIT) {
		c->mode = LUTRA_MODE_AUDIT;
		c->own_mode = true;
	}
	return 0;
}

int learn_choose(struct daemon *d, struct container *c, const struct policy *p, bool *ret,
		 struct err *err)
{
	struct lifecycle_image *i = learn_image(d, c);
	int r = 0;

	*ret = false;
	if (!p && (!i || !i->learning))
		return err_set(err, -ENOENT,
			       "%.200s: has no policy and is not learned: name a policy, or `lutra "
			       "learn --image` it",
			       c->who.image ? c->who.image : "an image without a name");
	if (!i)
		return 0;
	if (i->trained && i->digest && c->who.digest && strcmp(i->digest, c->who.digest) != 0)
		r = relearn(d, c, i);
	else if (i->learning && i->trained && i->learned && i->digest &&
		 strcmp(i->learned, i->digest) != 0)
		return 0; /* of the image before; runs of the new one are wanted */
	else if (i->learning)
		r = lifecycle_set_digest(&d->learn->lifecycle, i, c->who.digest);
	if (r < 0)
		return err_oom(err);
	*ret = i->learning;
	return 0;
}

void learn_put_in_force(struct daemon *d, struct lifecycle_image *i)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct container *c = d->containers;
	struct err err;

	p = learn_policy(d, i, &err);
	if (!p) {
		lifecycle_set_note(&d->learn->lifecycle, i, "its policy guards nothing yet: %.300s",
				   err.msg);
		daemon_log(d, LOG_LEVEL_ERROR, "%s: %s", i->image, i->note);
		return;
	}
	for (; c; c = c->next) {
		if (!c->recorded || runs_image(d, c) != i)
			continue;
		runs_forget(d, c, "there is a policy now");
		if (guard_set_policy(d->guard, c->slot, p, &err) < 0 ||
		    container_set_policy(d, c, i->policy, p, &err) < 0 ||
		    containers_switch(d, c, LUTRA_MODE_AUDIT, &err) < 0)
			daemon_log(d, LOG_LEVEL_ERROR, "%s: not under its policy: %s", c->name,
				   err.msg);
		c->own_mode = false;
	}
	enrolled_save(d);
}

void learn_halt(struct daemon *d, struct lifecycle_image *i, const char *why)
{
	struct container *c, *next;

	i->learning = false;
	d->learn->lifecycle.changed = true;
	for (c = d->containers; c; c = next) {
		next = c->next;
		if (!c->recorded || runs_image(d, c) != i)
			continue;
		runs_forget(d, c, why);
		if (!*c->policy_dir)
			containers_release(d, c, true);
	}
	learn_save(d);
}

/* ---- the gate, and the way back ---- */

int learn_gate(const struct daemon *d, const char *dir, unsigned mode, bool force,
	       struct err *ret_over, struct err *err)
{
	struct lifecycle_mode_request ask = {modes_policy_name(d->config, dir), mode, force};
	int r;

	ret_over->msg[0] = '\0';
	if (!ask.policy)
		return 0;
	r = lifecycle_allows_mode(&d->learn->lifecycle, &d->config->life, &ask, ret_over, err);
	if (r == 0 && *ret_over->msg)
		daemon_log(d, LOG_LEVEL_WARNING, "%s: mode %s by force, which overrides: %s",
			   ask.policy, mode_name(mode), ret_over->msg);
	return r;
}

void learn_switched(struct daemon *d, const char *policy)
{
	struct lifecycle_image *i = lifecycle_of_policy(&d->learn->lifecycle, policy);

	if (!i)
		return;
	lifecycle_on_mode_set(&d->learn->lifecycle, i);
	learn_save(d);
}

static void tell(struct daemon *d, struct container *c, const struct lutra_evidence *last)
{
	struct lutra_evidence ev = *last;

	ev.rule = LUTRA_RULE_AUDIT_FALLBACK;
	ev.verdict = LUTRA_VERDICT_ALERT;
	ev.mode = LUTRA_MODE_AUDIT;
	ev.refused = 0;
	ev.str_len = 0;
	memset(&ev.object, 0, sizeof(ev.object));
	containers_tell(d, c, &ev, NULL, 0);
}

/* Too many refusals in its first minutes: false alarms are likelier than attacks. */
static void fall_back(struct daemon *d, struct container *fired, struct lifecycle_image *i,
		      const struct lutra_evidence *last)
{
	struct lifecycle *l = &d->learn->lifecycle;
	char time[CLOCK_TEXT];
	struct err err;

	lifecycle_set_note(
		l, i,
		"fell back to audit at %s: %u refusals and kills in its first %.1f minutes in "
		"force, the last by rule %s; see `lutra events`, learn more runs",
		clock_format(clock_realtime_ns(), time), i->fired, (double)i->enforced_ns / 6e10,
		group_name(last->rule));
	daemon_log(d, LOG_LEVEL_ERROR, "policy %s %s", i->policy, i->note);
	if (modes_set(d->config, i->policy, NULL, LUTRA_MODE_AUDIT, false, &err) < 0)
		daemon_log(d, LOG_LEVEL_ERROR, "%s: the next lutrad will not know: %s", i->policy,
			   err.msg);
	for (struct container *c = d->containers; c; c = c->next) {
		if (learn_image(d, c) != i || c->mode <= LUTRA_MODE_AUDIT)
			continue;
		if (containers_switch(d, c, LUTRA_MODE_AUDIT, &err) < 0)
			daemon_log(d, LOG_LEVEL_ERROR, "%s: stays in mode %s: %s", c->name,
				   mode_name(c->mode), err.msg);
		c->own_mode = false;
	}
	lifecycle_on_mode_set(l, i);
	learn_save(d);
	enrolled_save(d);
	tell(d, fired, last);
}

void learn_signal(struct daemon *d, struct container *c, const struct lutra_evidence *ev)
{
	struct lifecycle_image *i = learn_image(d, c);
	bool refuses = ev->verdict >= LUTRA_VERDICT_DENY ||
		       (ev->rule < LUTRA_RULE_COUNT && c->refuses >> ev->rule & 1);

	/* Of a digest that is being learned, signals are what is to be expected. */
	if (!i || c->recorded || ev->rule == LUTRA_RULE_GUARD)
		return;
	if (lifecycle_add_match(&d->learn->lifecycle, i, &d->config->life, ev->mode, refuses))
		fall_back(d, c, i, ev);
}

/* ---- time ---- */

static void tick_image(struct daemon *d, struct lifecycle_image *i, uint64_t elapsed_ns)
{
	unsigned mode = LUTRA_MODE_LEARN;

	for (const struct container *c = d->containers; c; c = c->next)
		if (!c->recorded && learn_image(d, c) == i && c->mode > mode)
			mode = c->mode;
	lifecycle_add_time(&d->learn->lifecycle, i, mode, elapsed_ns);
}

void learn_tick(struct daemon *d)
{
	struct learn *l = d->learn;
	uint64_t now = clock_now_ns(), elapsed_ns = now - l->ticked_ns;

	l->ticked_ns = now;
	if (elapsed_ns < TICK_MAX_NS)
		for (struct lifecycle_image *i = l->lifecycle.images; i; i = i->next)
			tick_image(d, i, elapsed_ns);
	runs_flush(d);
	learn_train(d);
	if (l->lifecycle.changed && now - l->saved_ns > SAVE_NS)
		learn_save(d);
}

/* ---- begin and end ---- */

static int not_dot(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool is_part(const char *name)
{
	size_t len = strlen(name), part = strlen(RUNS_PART);

	return len > part && strcmp(name + len - part, RUNS_PART) == 0;
}

static void drop_part(struct daemon *d, struct lifecycle_image *i, const char *name)
{
	_cleanup_free_ char *path = learn_path(d, i, name);

	if (!path || unlink(path) < 0)
		return;
	i->dropped++;
	lifecycle_set_note(&d->learn->lifecycle, i,
			   "a run was under way when lutrad ended: dropped");
	daemon_log(d, LOG_LEVEL_WARNING, "%s: %s", i->image, i->note);
}

/* Parts of runs that the daemon before could not end, and recordings that somebody took away. */
static void sweep(struct daemon *d, struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_path(d, i, NULL);
	struct dirent **entries = NULL;
	int n = dir ? scandir(dir, &entries, not_dot, alphasort) : -1;

	for (int k = 0; k < n; k++) {
		if (is_part(entries[k]->d_name))
			drop_part(d, i, entries[k]->d_name);
		free(entries[k]);
	}
	free(entries);
	for (size_t k = i->n_runs; k > 0; k--) {
		_cleanup_free_ char *path = learn_path(d, i, i->runs[k - 1].file);

		if (path && access(path, R_OK) < 0)
			lifecycle_drop_run(&d->learn->lifecycle, i, k - 1);
	}
}

/* A state that is damaged must not keep a host without its guard. */
static int set_aside(struct daemon *d, struct err *err)
{
	_cleanup_free_ char *from = NULL, *to = NULL;

	if (asprintf(&from, "%s/life.json", d->config->state_dir) < 0 ||
	    asprintf(&to, "%s.damaged", from) < 0)
		return err_oom(err);
	if (rename(from, to) < 0)
		return err_set(err, -errno, "%s: %s", to, strerror(errno));
	daemon_log(d, LOG_LEVEL_ERROR,
		   "%s: it is life.json.damaged now, and nothing is learned; modes and policies "
		   "stay as they are",
		   err->msg);
	return 0;
}

int learn_open(struct daemon *d, struct err *err)
{
	struct learn *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_oom(err);
	d->learn = l;
	l->ticked_ns = l->saved_ns = clock_now_ns();
	r = lifecycle_load(d->config->state_dir, &l->lifecycle, err);
	if (r == -EBADMSG)
		r = set_aside(d, err);
	if (r < 0)
		return r;
	for (struct lifecycle_image *i = l->lifecycle.images; i; i = i->next) {
		sweep(d, i);
		i->fresh = i->learning && lifecycle_waiting_runs(i) > 0;
	}
	return 0;
}

void learn_close(struct daemon *d)
{
	if (!d->learn)
		return;
	learn_train_end(d);
	runs_close(d);
	if (d->learn->lifecycle.changed)
		learn_save(d);
	lifecycle_done(&d->learn->lifecycle);
	free(TAKE_PTR(d->learn));
}
