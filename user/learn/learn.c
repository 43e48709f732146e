/* SPDX-License-Identifier: Apache-2.0 */
/* The life cycle in lutrad: what containers change in it, and what it does to containers. */
#include "user/learn/learn.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscall_traits.h"
#include "lib/policy/accepted/accepted.h"
#include "user/learn/recording.h"
#include "user/policy/modes.h"
#include "user/sys/clock.h"

#define SAVE_NS 60000000000ull
#define REPEATS_NS 10000000000ull /* between two looks at alerts that came again */
#define TICK_MAX_NS 5000000000ull /* a longer pause between ticks is no time under guard */

char *learn_path(const struct learn *l, const struct lifecycle_image *i, const char *file)
{
	char *path;

	if (asprintf(&path, "%s/learn/%s%s%s", l->parts.config->state_dir, i->policy,
		     file ? "/" : "", file ? file : "") < 0)
		return NULL;
	return path;
}

char *learn_policy_dir(const struct learn *l, const struct lifecycle_image *i)
{
	char *dir;

	return asprintf(&dir, "%s/%s", l->parts.config->policies_dir, i->policy) < 0 ? NULL : dir;
}

void learn_save(struct learn *l)
{
	const char *state_dir = l->parts.config->state_dir;
	int r = lifecycle_save(state_dir, l->parts.lifecycle);

	l->saved_ns = clock_now_ns();
	if (r < 0 && !l->save_failed)
		log_error("%s/life.json: %s: what is learned now is lost when lutrad ends",
			  state_dir, strerror(-r));
	l->save_failed = r < 0;
}

/* Loads a policy with what was accepted for it, as accepted_load() does. */
static struct policy *load_policy(const struct learn *l, const char *dir, struct err *ret_left_out,
				  struct err *err)
{
	struct policy *p = NULL;

	ret_left_out->msg[0] = '\0';
	if (!dir)
		err_oom(err);
	else if (accepted_load(&p, dir, &l->parts.config->policy_keys, ret_left_out, err) < 0)
		p = NULL;
	return p;
}

void learn_packs_text(const struct learn *l, const struct lifecycle_image *i,
		      char buf[static POLICY_PACKS_TEXT])
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i);
	struct err left_out;
	_cleanup_(policy_freep) struct policy *p = load_policy(l, dir, &left_out, NULL);

	*buf = '\0';
	if (p)
		policy_packs_text(p, buf);
}

bool learn_is_policy_old(const struct learn *l, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i);
	_cleanup_(policy_freep) struct policy *p = NULL;

	return i->trained && dir && policy_load(&p, dir, NULL) == 0 && !policy_has_level(p);
}

bool learn_level_only_logs(const struct learn *l, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i);
	_cleanup_(policy_freep) struct policy *p = NULL;

	return dir && policy_load(&p, dir, NULL) == 0 && policy_has_novelty(p) &&
	       p->action[LUTRA_RULE_LEVEL] == LUTRA_ACTION_LOG;
}

bool learn_has_policy(const struct learn *l, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i);
	struct err left_out;
	_cleanup_(policy_freep) struct policy *p =
		i->trained ? load_policy(l, dir, &left_out, NULL) : NULL;

	return p != NULL;
}

size_t learn_count_policy_runs(const struct learn *l, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i);
	_cleanup_(policy_freep) struct policy *p = NULL;

	return dir && policy_load(&p, dir, NULL) == 0 ? p->n_runs : 0;
}

unsigned learn_own_mode(const struct learn *l, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i);
	struct err left_out;
	_cleanup_(policy_freep) struct policy *p =
		i->trained ? load_policy(l, dir, &left_out, NULL) : NULL;

	return p ? p->mode : LUTRA_MODE_AUDIT;
}

unsigned learn_policy_mode(const struct learn *l, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i);
	struct err left_out;
	_cleanup_(policy_freep) struct policy *p =
		i->trained ? load_policy(l, dir, &left_out, NULL) : NULL;
	unsigned mode = LUTRA_MODE_AUDIT;

	if (p && modes_get(l->parts.config, dir, p, &mode, NULL) < 0)
		return LUTRA_MODE_AUDIT;
	return mode;
}

struct lifecycle_image *learn_image_of(const struct learn *l, const struct container *c)
{
	const char *name;

	if (!*c->policy_dir)
		return lifecycle_of_container(l->parts.lifecycle, &c->identity);
	name = modes_policy_name(l->parts.config, c->policy_dir);
	return name ? lifecycle_of_policy(l->parts.lifecycle, name) : NULL;
}

/* ---- enrolment and release ---- */

/* The image has another digest than its policy was made for: the new one is learned. */
static int learn_again(struct learn *l, struct lifecycle_image *i, const char *digest)
{
	bool known = i->learned && strcmp(i->learned, digest) == 0;
	int r = lifecycle_set_digest(l->parts.lifecycle, i, digest);

	if (r < 0 || known || i->learning)
		return r;
	lifecycle_begin(l->parts.lifecycle, i, 0, &l->parts.config->life, clock_realtime_ns());
	lifecycle_set_note(l->parts.lifecycle, i,
			   "a new release, %.80s: it is learned, and the mode stays", digest);
	log_info("%s: %s", i->image, i->note);
	return 0;
}

static void record_enrolled(struct learn *l, struct lifecycle_image *i);

/* The policy's runs were recorded without hooks, and this host has them: runs are added to it. */
static void learn_hooks(struct learn *l, struct lifecycle_image *i, const struct container *c)
{
	if (!i->trained || i->learning || i->stopped || !container_has_unjudged_hooks(c))
		return;
	lifecycle_begin(l->parts.lifecycle, i, 0, &l->parts.config->life, clock_realtime_ns());
	lifecycle_set_note(
		l->parts.lifecycle, i,
		"its runs were recorded without BPF LSM: what only hooks see is learned, "
		"and the mode stays");
	log_info("%s: %s", i->image, i->note);
	record_enrolled(l, i);
}

/* Notes the digest of a container that was enrolled, as lifecycle_choose() chose. */
static int note_digest(struct learn *l, struct container *c, struct lifecycle_image *i)
{
	struct lifecycle_choice choice = {};
	int r = lifecycle_choose(l->parts.lifecycle, &c->identity,
				 *c->policy_dir ? i->policy : NULL, &choice);

	if (r < 0)
		return 0;
	if (choice.changed && lifecycle_add_release(l->parts.lifecycle, i, c->identity.digest,
						    clock_realtime_ns(), NULL) < 0)
		return -ENOMEM;
	if (choice.changed && choice.record)
		return learn_again(l, i, c->identity.digest);
	return choice.record ? lifecycle_set_digest(l->parts.lifecycle, i, c->identity.digest) : 0;
}

static void on_enrolled(void *ctx, struct container *c, unsigned how)
{
	struct learn *l = ctx;
	struct lifecycle_image *i = learn_image_of(l, c);
	unsigned begin = how & CONTAINERS_RUNNING ? RECORDER_RUNNING : 0;

	if (how & CONTAINERS_RESTORED)
		begin = RECORDER_RESTORED | (container_is_populated(c) ? RECORDER_RUNNING : 0u);
	else if (i && note_digest(l, c, i) < 0)
		log_error("%s: out of memory: the digest of its image is not known", c->name);
	if (c->recorded)
		recorder_begin(l, c, begin);
	else if (i)
		learn_hooks(l, i, c);
}

static void on_emptied(void *ctx, struct container *c)
{
	recorder_end(ctx, c);
}

static void on_container_release(void *ctx, struct container *c)
{
	recorder_end(ctx, c);
	recorder_stop(ctx, c, false);
}

/* Sets the mode of a container that has the image's new policy p: see learn_apply_policy(). */
static int set_learned_mode(struct container *c, const struct policy *p, bool is_first,
			    struct err *err)
{
	if (is_first)
		return container_switch_mode(c,
					     &(struct mode_change){LUTRA_MODE_AUDIT, false,
								   "its first policy is learned"},
					     err);
	return c->own_mode ? 0 : container_follow_mode(c, p, err);
}

void learn_apply_policy(struct learn *l, struct lifecycle_image *i, bool is_first)
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i);
	struct err left_out, err;
	_cleanup_(policy_freep) struct policy *p = load_policy(l, dir, &left_out, &err);

	if (!p) {
		lifecycle_set_note(l->parts.lifecycle, i, "its policy guards nothing yet: %.300s",
				   err.msg);
		log_error("%s: %s", i->image, i->note);
		return;
	}
	if (*left_out.msg)
		log_error("%s: not all that was accepted is in force: %s", i->policy, left_out.msg);
	for (struct container *c = containers_first(l->parts.containers); c; c = c->next) {
		if (!c->recorded || recorder_image(l, c) != i)
			continue;
		recorder_stop(l, c, false);
		if (container_apply_policy(c, dir, p, true, &err) < 0 ||
		    set_learned_mode(c, p, is_first, &err) < 0)
			log_error("%s: its policy is not in force: %s", c->name, err.msg);
	}
}

/* ---- starting and stopping ---- */

/* Begins to record the containers of an image that are enrolled already. */
static void record_enrolled(struct learn *l, struct lifecycle_image *i)
{
	for (struct container *c = containers_first(l->parts.containers); c; c = c->next) {
		if (c->recorded || learn_image_of(l, c) != i)
			continue;
		recorder_begin(l, c,
			       RECORDER_ENROLLED_BEFORE |
				       (container_is_populated(c) ? RECORDER_RUNNING : 0u));
		if (!recorder_image(l, c))
			continue;
		container_set_recorded(c, true);
		if (note_digest(l, c, i) < 0)
			log_error("%s: out of memory: the digest of its image is not known",
				  c->name);
	}
}

int learn_start(struct learn *l, const struct learn_request *ask,
		const struct lifecycle_image **ret, struct err *err)
{
	struct lifecycle *life = l->parts.lifecycle;
	struct lifecycle_image *i = lifecycle_find(life, ask->image);
	int r;

	if (ask->anew && !(i && i->trained))
		return err_set(err, -ENOENT,
			       "%.200s: has no policy that lutra learn made: leave out --anew, or "
			       "make a policy of lutra train anew with lutra train",
			       ask->image);
	r = i ? 0 : lifecycle_add(life, ask->image, &i, err);
	if (r < 0)
		return r;
	/* A training under way was started for the request before: its end would end this one. */
	if (learn_is_training(l, i))
		trainer_job_stop(l);
	lifecycle_begin(life, i, ask->runs, &l->parts.config->life, clock_realtime_ns());
	i->accept_new = ask->accept_new;
	i->anew = ask->anew;
	i->fresh = lifecycle_waiting_runs(i) > 0;
	record_enrolled(l, i);
	learn_save(l);
	log_info("%s: learned %sfrom its next runs, %u %s", i->image, i->anew ? "anew " : "",
		 i->wanted, i->by_runs ? "in all" : "at least, until little is new");
	*ret = i;
	return 0;
}

int learn_stop(struct learn *l, const char *image, const struct lifecycle_image **ret,
	       struct err *err)
{
	struct lifecycle_image *i = lifecycle_find(l->parts.lifecycle, image);
	struct container *c = containers_first(l->parts.containers), *next;

	if (!i)
		return err_set(err, -ENOENT,
			       "%.200s: is not learned; `lutra learn` lists what is learned",
			       image);
	if (learn_is_training(l, i))
		trainer_job_stop(l);
	i->learning = i->anew = false;
	i->stopped = true;
	l->parts.lifecycle->changed = true;
	for (; c; c = next) {
		next = c->next;
		if (!c->recorded || recorder_image(l, c) != i)
			continue;
		recorder_stop(l, c, true);
		if (!*c->policy_dir)
			container_release(c, true);
	}
	learn_save(l);
	log_info("%s: no longer learned", i->image);
	*ret = i;
	return 0;
}

/* ---- back to audit ---- */

static void on_policy_mode(void *ctx, const char *policy)
{
	struct learn *l = ctx;
	struct lifecycle_image *i = lifecycle_of_policy(l->parts.lifecycle, policy);

	if (!i)
		return;
	lifecycle_on_mode_set(l->parts.lifecycle, i);
	learn_save(l);
}

/*
 * Many different refusals by rules of one kind, soon after the policy or a release is in force:
 * false alarms are likelier than attacks.
 */
static void on_refused(void *ctx, struct container *c, const struct lutra_evidence *ev,
		       const char *finding)
{
	struct learn *l = ctx;
	const struct config_life *limits = &l->parts.config->life;
	struct lifecycle_image *i = learn_image_of(l, c);
	char time[CLOCK_TEXT];
	struct err err;
	size_t n;

	if (!i || ev->rule >= LUTRA_RULE_COUNT || ev->exec_session == LUTRA_SESSION_AUDITED ||
	    !lifecycle_is_watched(i, limits, c->identity.digest, clock_realtime_ns()))
		return;
	n = container_count_refusal(c, ev->rule, finding);
	if (n <= limits->fallback_signals)
		return;
	if (container_fall_back(c, ev, n, &err) < 0) {
		log_error("%s: its rules cannot fall back to audit: %s", c->name, err.msg);
		return;
	}
	lifecycle_set_note(l->parts.lifecycle, i,
			   "rules of container %.100s fell back to audit at %s: %zu different "
			   "refusals, the last by rule %s; see `lutra events`",
			   c->name, clock_format(clock_realtime_ns(), time), n,
			   rule_name(ev->rule));
	learn_save(l);
}

static void on_match(void *ctx, struct container *c, const struct lutra_evidence *ev,
		     uint64_t realtime_ns)
{
	struct learn *l = ctx;
	struct lifecycle_image *i = learn_image_of(l, c);
	bool is_rule = ev->rule < LUTRA_RULE_COUNT;

	(void)realtime_ns;
	recorder_mark(l, c, ev);
	/*
	 * Matches are expected in audit while the image is learned. An operator's session says
	 * nothing of how well the policy fits the service. Refusals are looked at by on_refused().
	 */
	if (!i || !is_rule || c->recorded || ev->mode > LUTRA_MODE_AUDIT ||
	    ev->exec_session == LUTRA_SESSION_AUDITED)
		return;
	if (c->refusing_rules >> ev->rule & 1)
		lifecycle_end_clean_time(l->parts.lifecycle, i);
}

/* ---- time ---- */

/*
 * Ends the clean time of images whose containers repeat what would be refused. Only the first such
 * alert is evidence; the kernel counts the next ones.
 */
static void check_repeats(struct learn *l, uint64_t now)
{
	for (struct container *c = containers_first(l->parts.containers); c; c = c->next) {
		struct lifecycle_image *i = learn_image_of(l, c);
		uint64_t last;

		if (!i || c->recorded || c->mode != LUTRA_MODE_AUDIT)
			continue;
		/* What came again under the lutrad before has ended the clean time already. */
		if (!c->repeat_ns)
			c->repeat_ns = now - REPEATS_NS;
		last = container_last_refusal_ns(c);
		if (last <= c->repeat_ns)
			continue;
		c->repeat_ns = last;
		lifecycle_end_clean_time(l->parts.lifecycle, i);
	}
}

/* Counts the time for the strictest mode of the image's containers. */
static void tick_image(struct learn *l, struct lifecycle_image *i, uint64_t elapsed_ns)
{
	unsigned mode = LUTRA_MODE_LEARN;

	for (const struct container *c = containers_first(l->parts.containers); c; c = c->next)
		if (learn_image_of(l, c) == i && c->mode > mode &&
		    (!c->recorded || c->mode > LUTRA_MODE_AUDIT))
			mode = c->mode;
	lifecycle_add_time(l->parts.lifecycle, i, mode, elapsed_ns);
}

void learn_tick(struct learn *l)
{
	uint64_t now = clock_now_ns(), elapsed_ns = now - l->ticked_ns;

	l->ticked_ns = now;
	if (elapsed_ns < TICK_MAX_NS)
		for (struct lifecycle_image *i = l->parts.lifecycle->images; i; i = i->next)
			tick_image(l, i, elapsed_ns);
	if (now - l->repeats_ns > REPEATS_NS) {
		l->repeats_ns = now;
		check_repeats(l, now);
	}
	/* By now the containers that the lutrad before recorded are recorded again. */
	for (struct lifecycle_image *i = l->parts.lifecycle->images; i && !l->orphans_done;
	     i = i->next)
		recording_finish_orphans(l, i);
	l->orphans_done = true;
	recorder_tick(l);
	trainer_job_start(l);
	if (l->parts.lifecycle->changed && now - l->saved_ns > SAVE_NS)
		learn_save(l);
}

/* ---- begin and end ---- */

/* Forgets recordings whose file is gone. */
static void forget_lost_files(struct learn *l, struct lifecycle_image *i)
{
	for (size_t k = i->n_runs; k > 0; k--) {
		_cleanup_free_ char *path = learn_path(l, i, i->runs[k - 1].file);

		if (path && access(path, R_OK) < 0)
			lifecycle_drop_run(l->parts.lifecycle, i, k - 1);
	}
}

/* Renames a damaged life.json: it must not keep a host without its guard. */
static int set_aside(const char *state_dir, struct err *err)
{
	_cleanup_free_ char *from = NULL, *to = NULL;

	if (asprintf(&from, "%s/life.json", state_dir) < 0 || asprintf(&to, "%s.damaged", from) < 0)
		return err_oom(err);
	if (rename(from, to) < 0)
		return err_set(err, -errno, "%s: %s", to, strerror(errno));
	log_error("%s: renamed to life.json.damaged; nothing is learned now, modes and policies "
		  "stay as they are",
		  err->msg);
	return 0;
}

int learn_new(struct learn **ret, const struct learn_parts *parts, struct err *err)
{
	_cleanup_free_ struct learn *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_oom(err);
	l->parts = *parts;
	l->ticked_ns = l->saved_ns = clock_now_ns();
	syscall_idle_mask(NULL, l->idle);
	r = lifecycle_load(parts->config->state_dir, parts->lifecycle, err);
	if (r == -EBADMSG)
		r = set_aside(parts->config->state_dir, err);
	if (r < 0)
		return r;
	for (struct lifecycle_image *i = parts->lifecycle->images; i; i = i->next) {
		forget_lost_files(l, i);
		i->fresh = i->learning && lifecycle_waiting_runs(i) > 0;
		/* An older version did not write when learning began. */
		if (i->learning && !i->began_ns)
			i->began_ns = clock_realtime_ns();
	}
	l->observer = (struct containers_observer){.on_enrolled = on_enrolled,
						   .on_emptied = on_emptied,
						   .on_release = on_container_release,
						   .on_alerted = on_match,
						   .on_refused = on_refused,
						   .on_policy_mode = on_policy_mode,
						   .ctx = l};
	containers_observe(parts->containers, &l->observer);
	*ret = TAKE_PTR(l);
	return 0;
}

void learn_free(struct learn *l)
{
	if (!l)
		return;
	trainer_job_stop(l);
	recorder_suspend(l);
	if (l->parts.lifecycle->changed)
		learn_save(l);
	free(l);
}
